"""A backup put in use never pays or posts again for what happened after it was taken."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import StoreInvalid
from reelwork.plugins.freezing import destinations_in
from reelwork.store.commands import Intend, Reopen, SetJob
from reelwork.store.records import ACTIVE, FAILED, HELD, PAID_AGAIN
from reelwork.store.sqlite.maintenance.backup import backup
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.maintenance.restore import restore
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.sqlite.workers import Owner

WORKFLOW = {"workflow": {"plugins": {"publish": ["gallery", "./own_place.py"], "add": []}}}


@pytest.fixture
def copy(shop: Any, tmp_path: Path) -> Any:
    """Back the shop up, put the backup in use elsewhere, and open it."""
    opened: list[SqliteStore] = []

    def make() -> SqliteStore:
        shop.sql("UPDATE runs SET frozen = ?", json.dumps(WORKFLOW))
        backup(shop.path, tmp_path / "b.db")
        restore(tmp_path / "new.db", tmp_path / "b.db", shop.now, destinations_in)
        opened.append(SqliteStore(tmp_path / "new.db", clock=lambda: shop.now))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.mark.parametrize("step", ["moderate-brief", "transform", "prepare", "submit"])
@pytest.mark.parametrize("status", [ACTIVE, FAILED, HELD])
def test_a_render_that_may_have_been_paid_since_waits_for_a_person(
    shop: Any, copy: Any, status: str, step: str
) -> None:
    job = shop.job()
    shop.does(job, SetJob(status, step, shop.now if status == ACTIVE else None))
    row = copy().job(job)
    assert row is not None
    assert (row.status, row.step, row.due_at) == (HELD, PAID_AGAIN, None)
    assert "look for it at the provider" in row.reason


@pytest.mark.parametrize("given_up", [False, True])
def test_a_request_that_was_still_to_be_sent_is_in_doubt(shop: Any, copy: Any, given_up: bool) -> None:
    job = shop.job()
    key = f"reelwork-{job}-render-1"
    shop.does(job, *shop.submit(job), Reopen(key, "refused", give_up=given_up), SetJob(ACTIVE, "submit", shop.now))
    store = copy()
    (effect,) = [effect for effect in store.effects_of(job) if effect.kind == "submit"]
    assert (effect.state, effect.money, effect.settle_at) == ("unknown", "reserved", shop.now)
    row = store.job(job)
    assert row is not None
    assert (row.status, row.step) == (ACTIVE, "submit"), "the ledger looks it up by itself"


def test_what_had_an_outcome_keeps_it(shop: Any, copy: Any) -> None:
    done, doubted = shop.done(), shop.job()
    shop.doubted(doubted, HELD)
    before = shop.store.effects_of(done), shop.store.job(done), shop.store.job(doubted)
    store = copy()
    assert (store.effects_of(done), store.job(done), store.job(doubted)) == before


def test_posts_that_open_jobs_have_yet_to_make_are_in_doubt(shop: Any, copy: Any) -> None:
    job = shop.job()
    shop.does(job, *shop.submit(job), *shop.accepted(job))
    shop.rendered(job)
    shop.does(job, Intend(f"reelwork-{job}-post-gallery", "publish", "gallery", "publish gallery"))
    shop.sql("UPDATE jobs SET step = 'publish', owner = NULL")
    posts = {e.subject: e for e in copy().effects_of(job) if e.kind == "publish"}
    assert {name: effect.state for name, effect in posts.items()} == {"gallery": "unknown", "own-place": "unknown"}
    assert posts["own-place"].key == f"reelwork-{job}-post-own-place"
    assert posts["own-place"].money == "none"


def test_the_store_that_is_there_is_set_aside_whole(shop: Any, tmp_path: Path) -> None:
    shop.done()
    backup(shop.path, tmp_path / "b.db")
    later = shop.done()
    shop.store.close()
    done = restore(shop.path, tmp_path / "b.db", shop.now, destinations_in)
    assert done.set_aside is not None
    old = sqlite3.connect(done.set_aside)
    assert old.execute("SELECT count(*) FROM jobs WHERE id = ?", (later,)).fetchone() == (1,)
    old.close()
    assert check(shop.path, shop.now).jobs == {"done": 1}
    assert check(shop.path, shop.now).findings == ()
    assert not list(tmp_path.glob(".*.part"))


def test_files_copied_with_the_backup_come_back(shop: Any, tmp_path: Path) -> None:
    shop.done(data=shop.clip("assets/aa/aaaaaaaa.mp4"))
    backup(shop.path, tmp_path / "b.db", with_files=True)
    (shop.files / "assets/aa/aaaaaaaa.mp4").unlink()
    shop.store.close()
    assert restore(shop.path, tmp_path / "b.db", shop.now, destinations_in).files == 1
    assert (shop.files / "assets/aa/aaaaaaaa.mp4").read_bytes() == b"video"


def test_a_store_somebody_works_on_is_left_alone(shop: Any, tmp_path: Path) -> None:
    shop.done()
    backup(shop.path, tmp_path / "b.db")
    owner = Owner(shop.path)
    try:
        with pytest.raises(StoreInvalid, match="at work"):
            restore(shop.path, tmp_path / "b.db", shop.now, destinations_in)
    finally:
        owner.close()
    with pytest.raises(StoreInvalid, match="the store itself"):
        restore(shop.path, shop.path, shop.now, destinations_in)
    assert shop.store.counts() == {"done": 1}
