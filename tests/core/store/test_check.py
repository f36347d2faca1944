"""A check finds each thing that can be wrong, says nothing of what is right, and changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import Limited, StoreInvalid
from reelwork.store.ceilings import Quota
from reelwork.store.commands import Intend, Send, SetJob
from reelwork.store.records import ACTIVE, CANCELLED, DONE, FAILED, HELD
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.workers import Owner


def kinds(shop: Any) -> dict[str, tuple[str, ...]]:
    report = check(shop.path, shop.now)
    for finding in report.findings:
        assert finding.what
        assert finding.means
        assert finding.hint
        assert finding.names or finding.kind in ("older-version", "backup")
    return {finding.kind: finding.names for finding in report.findings}


@pytest.fixture
def busy(shop: Any) -> Any:
    """A job in every state there is, all as it should be."""
    shop.done(data=shop.clip("assets/aa/aaaaaaaa.mp4"))
    waiting = shop.job()
    shop.does(waiting, *shop.submit(waiting), *shop.accepted(waiting))
    shop.doubted(shop.job(), HELD)
    failed = shop.job(data=shop.clip("assets/bb/bbbbbbbb.mp4"))
    shop.does(failed, *shop.submit(failed, None), *shop.accepted(failed))
    shop.rendered(failed)
    shop.does(failed, shop.ended(FAILED, "finish"))
    blocked = shop.job()
    key = f"reelwork-{blocked}-render-1"
    full = Send(key, "account", Quota(concurrent=1))
    with pytest.raises(Limited) as limited:
        shop.does(blocked, Intend(key, "submit", "fake", "account"), full)
    asyncio.run(shop.store.expire("me"))
    shop.now += 1
    shop.does(blocked, SetJob(ACTIVE, "submit", limited.value.until, blocked_on="account"))
    shop.job()
    return shop


def test_a_store_in_full_work_is_fine(busy: Any) -> None:
    assert kinds(busy) == {}
    report = check(busy.path, busy.now)
    assert report.ok
    assert report.jobs == {"done": 1, "active": 3, "held": 1, "failed": 1}


def test_looking_changes_nothing(busy: Any) -> None:
    busy.file("partial/old.part")
    busy.store.close()

    def contents() -> dict[str, str]:
        files = [path for path in busy.path.parent.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.stat().st_size}

    before = contents()
    assert kinds(busy).keys() == {"left-over"}
    assert contents() == before


BROKEN = {
    "stuck-at-gate": "UPDATE jobs SET due_at = NULL, blocked_on = 'nowhere' WHERE step = 'moderate-brief'",
    "stuck-job": "UPDATE jobs SET due_at = NULL WHERE step = 'moderate-brief'",
    "render-not-kept": "DELETE FROM renders WHERE job_id = (SELECT id FROM jobs WHERE status = 'done')",
    "render-without-job": "UPDATE renders SET job_id = 'nobody' WHERE ended_at IS NULL",
    "claimed-twice": "UPDATE effects SET remote_id = 'same' WHERE kind = 'submit'",
    "money-not-counted": "UPDATE effects SET money = 'released' WHERE state = 'unknown'",
    "money-counted-in-vain": "UPDATE effects SET money = 'reserved' WHERE kind = 'publish'",
    "unknown-state": "UPDATE effects SET state = 'perhaps' WHERE kind = 'publish'",
    "act-without-job": "UPDATE effects SET job_id = 'nobody' WHERE kind = 'publish'",
    "made-again": "INSERT INTO removed_jobs SELECT key, 'old', run_id, 'done', 0, 0, 0 FROM jobs LIMIT 1",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_each_broken_rule_is_found(busy: Any, kind: str) -> None:
    busy.sql("PRAGMA foreign_keys = OFF")
    busy.sql(BROKEN[kind])
    assert kind in kinds(busy)
    assert not check(busy.path, busy.now).ok


def test_money_may_be_free_when_the_provider_says_so(shop: Any) -> None:
    shop.done(charged=0)
    assert kinds(shop) == {}


def test_a_row_that_refers_to_nothing(busy: Any) -> None:
    db = sqlite3.connect(busy.path)
    db.execute("UPDATE jobs SET run_id = 'nowhere' WHERE status = 'done'")
    db.commit()
    db.close()
    assert "broken-reference" in kinds(busy)


def test_an_open_act_of_an_ended_job_is_worth_a_note(shop: Any) -> None:
    shop.doubted(shop.job(), CANCELLED)
    report = check(shop.path, shop.now)
    assert [finding.kind for finding in report.findings] == ["open-act-of-ended-job"]
    assert report.ok


def test_files_that_jobs_need(busy: Any) -> None:
    (busy.files / "assets/bb/bbbbbbbb.mp4").write_bytes(b"vid")
    assert [*kinds(busy)] == ["file-changed"]
    (busy.files / "assets/bb/bbbbbbbb.mp4").unlink()
    (names,) = kinds(busy).values()
    assert names[0].endswith("assets/bb/bbbbbbbb.mp4")
    assert not check(busy.path, busy.now).ok


def test_a_file_of_a_done_job_is_nobody_s_trouble(busy: Any) -> None:
    (busy.files / "assets/aa/aaaaaaaa.mp4").unlink()
    assert [*kinds(busy)] == ["file-gone"]
    assert check(busy.path, busy.now).ok


def test_partial_files_that_nobody_goes_on_with(busy: Any) -> None:
    waiting = next(row for row in busy.store.jobs() if row.step == "render")
    going_on = busy.file(f"partial/{waiting.render_id}.part")
    young = busy.file("partial/young.part", age=60)
    old = busy.file("partial/gone.part")
    (names,) = kinds(busy).values()
    assert names == (str(old),)
    assert going_on.exists()
    assert young.exists()


def test_a_dead_process_s_leases(shop: Any) -> None:
    shop.job()
    code = "import os, sys; from pathlib import Path; from reelwork.store.sqlite.workers import Owner;" + (
        "print(Owner(Path(sys.argv[1])).name, flush=True); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(shop.path)], capture_output=True, text=True, check=False)
    dead = done.stdout.strip()
    asyncio.run(shop.store.claim_jobs(dead, 60, 1, None))
    assert kinds(shop) == {"dead-owner": (dead,)}
    assert (shop.files / "owners" / dead).exists(), "a check cleans nothing up"


def test_a_living_process_s_leases_are_fine(shop: Any) -> None:
    shop.job()
    owner = Owner(shop.path)
    try:
        asyncio.run(shop.store.claim_jobs(owner.name, 60, 1, None))
        assert kinds(shop) == {}
        assert check(shop.path, shop.now).processes == 1
    finally:
        owner.close()


def test_a_damaged_file(busy: Any) -> None:
    busy.store.close()
    with busy.path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 4))
    report = check(busy.path, busy.now)
    assert [finding.kind for finding in report.findings] == ["damaged"]
    assert not report.ok


def test_an_older_version_is_looked_at_and_left_as_it_is(store_of_version: Callable[[int], Path]) -> None:
    path = store_of_version(1)
    before = path.read_bytes()
    report = check(path, 2e9)
    assert {finding.kind for finding in report.findings} >= {"older-version"}
    assert report.version == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"a letter, not a database" * 100])
def test_what_is_no_store_is_said_to_be_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "store.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreInvalid):
        check(path, 0)
    assert path.exists() is (content is not None)


def test_a_check_beside_writers_finds_no_contradictions(shop: Any) -> None:
    ended = threading.Event()
    problems: list[object] = []

    def work() -> None:
        try:
            for _ in range(15):
                shop.done()
        except BaseException as problem:
            problems.append(problem)
        finally:
            ended.set()

    writer = threading.Thread(target=work)
    writer.start()
    looks = 0
    while not ended.is_set():
        assert [f for f in check(shop.path, shop.now).findings if f.kind != "dead-owner"] == []
        looks += 1
    writer.join()
    assert problems == []
    assert looks
    assert shop.store.counts() == {DONE: 15}
