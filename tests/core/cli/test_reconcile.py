"""`reelwork reconcile` as a person sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelwork.store.sqlite.store import SqliteStore

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")
LOSES = """
from reelwork_hooks import OutcomeUnknown, Plugin, hookimpl


class Loses(Plugin):
    @hookimpl
    def publish(self, post, job, effect):
        effect.note(upload="up-17")
        raise OutcomeUnknown("the connection was closed before an answer came")
"""


@pytest.fixture
def lost(cli: Any, folder: Path) -> str:
    """A job whose post may have gone out, where nobody can look."""
    (folder / "loses.py").write_text(LOSES)
    assert cli("run", PROMPT, *SMALL, "--plugin", "loses.py", "--yes").code == 3
    [job] = cli("jobs", "list", "--json").json
    return str(job["id"])


def test_without_a_store_nothing_is_in_doubt_and_none_is_made(cli: Any, tmp_path: Path) -> None:
    outcome = cli("reconcile")
    assert outcome.code == 0
    assert "Nothing is in doubt" in outcome.out
    assert not list(tmp_path.rglob("store.db"))
    assert cli("reconcile", "nobody").code == 2


def test_what_a_person_must_decide_comes_with_evidence_and_the_command(cli: Any, lost: str) -> None:
    outcome = cli("reconcile", lost)
    assert outcome.code == 3
    for told in (
        "publish at loses",
        "closed before an answer came",
        "noted upload: up-17",
        f"reelwork jobs resolve {lost[-8:]}",
        "0 effects settled, 1 still in doubt. Nothing was sent.",
    ):
        assert told in outcome.out
    [act] = cli("reconcile", "--json").json["acts"]
    assert (act["decided"], act["evidence"]["noted upload"]) == ("person", "up-17")
    assert cli(*act["next"].split()[1:], "--happened", "post-1").code == 0
    assert cli("reconcile").code == 0


def test_a_dry_run_changes_no_byte_of_the_job(cli: Any, lost: str, tmp_path: Path) -> None:
    (path,) = tmp_path.rglob("store.db")

    def everything() -> Any:
        store = SqliteStore(path)
        try:
            return store.job(lost), store.effects_of(lost), store.events(lost)
        finally:
            store.close()

    before = everything()
    outcome = cli("reconcile", "--dry-run")
    assert outcome.code == 3
    assert "Nothing was recorded." in outcome.out
    assert everything() == before


def test_money_in_doubt_is_shown_until_it_is_settled(cli: Any, lost: str, tmp_path: Path) -> None:
    assert "IN DOUBT" not in cli("spend").out
    (path,) = tmp_path.rglob("store.db")
    store = SqliteStore(path)
    store._db.run_now(
        lambda db: (
            db.execute(
                "UPDATE effects SET state = 'unknown', money = 'reserved', reserved = 400000 WHERE kind = 'submit'"
            ).rowcount
        )
    )
    store.close()
    shown = cli("spend", "--by", "month").out
    assert "IN DOUBT" in shown
    assert shown.count("$0.40") == 4
    assert cli("spend", "--json").json["total"]["in_doubt"] == "0.4"


def test_what_is_waited_for_again_and_again_is_one_line_of_the_history(cli: Any, lost: str, tmp_path: Path) -> None:
    (path,) = tmp_path.rglob("store.db")
    store = SqliteStore(path)
    insert = "INSERT INTO events(job_id, at, name, details) VALUES (?, ?, 'waiting', '{\"reason\": \"away\"}')"
    began = store.job(lost).created_at  # type: ignore[union-attr]
    for at in range(200):
        store._db.run_now(lambda db, at=at: db.execute(insert, (lost, began + 100 + at * 60)).rowcount)
    store.close()
    told = cli("jobs", "history", lost).out
    assert "(200 times, last +201 min) away" in told
    assert len(told.splitlines()) < 40
    history = cli("jobs", "history", lost, "--json").json["history"]
    assert sum(moment["details"] == "away" for moment in history) == 200
