"""`reelwork store`: what it says, what it returns, and that a batch is never paid for again after it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

SMALL = ("--duration", "0.5", "--resolution", "480p")
YEAR = 365 * 86_400


@pytest.fixture
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store that `reelwork.toml` names."""
    (folder / "reelwork.toml").write_text('store = "kept.db"\n')
    return folder / "kept.db"


def batch(cli: Any) -> Any:
    return cli("run", "rows.csv", *SMALL, "--json")


@pytest.fixture
def made(folder: Path, store: Path, cli: Any) -> Path:
    """A batch of two rows that ended a year ago."""
    (folder / "rows.csv").write_text("id,prompt\na,A lighthouse in the fog\nb,A boat at dawn and fog\n")
    assert batch(cli).code == 0
    age(store)
    return store


def age(store: Path) -> None:
    """Make everything in the store a year older."""
    db = sqlite3.connect(store)
    for table, columns in (
        ("runs", ("created_at",)),
        ("jobs", ("created_at", "updated_at", "ended_at")),
        ("effects", ("created_at", "sent_at", "updated_at")),
        ("events", ("at",)),
    ):
        for column in columns:
            db.execute(f"UPDATE {table} SET {column} = {column} - ?", (YEAR,))
    db.commit()
    db.close()
    then = time.time() - YEAR
    for path in store.with_name("kept.db.files").rglob("*"):
        os.utime(path, (then, then))


def test_a_store_that_is_fine(made: Path, cli: Any) -> None:
    outcome = cli("store", "check")
    assert outcome.code == 0
    assert str(made) in outcome.out
    assert "2 done" in outcome.out
    assert "Fine: no contradictions" in outcome.out
    document = cli("store", "check", "--json").json
    assert (document["ok"], document["jobs"], document["findings"]) == (True, {"done": 2}, [])


def test_trouble_says_what_it_means_and_what_to_do(made: Path, cli: Any) -> None:
    db = sqlite3.connect(made)
    db.execute("UPDATE jobs SET status = 'active', due_at = NULL, render_id = NULL")
    db.commit()
    db.close()
    outcome = cli("store", "check")
    assert outcome.code == 1
    assert "Trouble: Active jobs that nothing will ever wake: 2." in outcome.out
    assert "Nothing is paid or posted again." in outcome.out
    assert "reelwork jobs cancel ID" in outcome.out
    document = cli("store", "check", "--json")
    assert document.code == 1
    kinds = {finding["kind"]: finding for finding in document.json["findings"]}
    assert len(kinds["stuck-job"]["names"]) == 2
    assert {"means", "hint", "level", "what"} <= kinds["stuck-job"].keys()


@pytest.mark.parametrize("command", [("check",), ("backup", "b.db"), ("vacuum",), ("restore", "b.db", "--yes")])
def test_where_there_is_no_store_none_is_made(store: Path, cli: Any, command: tuple[str, ...]) -> None:
    outcome = cli("store", *command, "--json")
    assert outcome.code == 2
    missing = "There is no backup b.db" if command[0] == "restore" else "There is no store"
    assert missing in outcome.json["error"]["message"]
    assert not store.exists()


def test_a_backup_says_what_is_in_it(made: Path, cli: Any) -> None:
    outcome = cli("store", "backup", "b.db")
    assert outcome.code == 0
    assert "2 jobs" in outcome.out
    assert "Without the videos" in outcome.out
    assert cli("store", "check", "--store", "b.db").code == 0
    assert cli("store", "backup", "b.db").code == 2
    document = cli("store", "backup", "b.db", "--force", "--with-files", "--json").json
    assert (document["jobs"], document["open_jobs"]) == (2, 0)
    assert document["files"] >= 2
    assert Path("b.db.files/assets").is_dir()


def test_a_dry_run_shows_what_would_go(made: Path, cli: Any) -> None:
    outcome = cli("store", "vacuum", "--older-than", "90d", "--dry-run")
    assert outcome.code == 0
    assert "To remove: 2 jobs" in outcome.out
    assert "A dry run: nothing was removed." in outcome.out
    document = cli("store", "vacuum", "--older-than", "12w", "--dry-run", "--json").json
    assert document["jobs"] == {"done": 2}
    assert cli("store", "check", "--json").json["jobs"] == {"done": 2}


def test_without_a_terminal_it_must_be_told(made: Path, cli: Any) -> None:
    outcome = cli("store", "vacuum", "--older-than", "90d")
    assert outcome.code == 2
    assert "--dry-run" in outcome.err
    assert cli("store", "check", "--json").json["jobs"] == {"done": 2}


@pytest.mark.parametrize("text", ["90", "0d", "d", "-3d", "3y", "1.5d"])
def test_an_age_is_days_or_weeks(made: Path, cli: Any, text: str) -> None:
    outcome = cli("store", "vacuum", "--older-than", text)
    assert outcome.code == 2
    assert "at least 1d" in outcome.err


def test_old_rows_are_not_made_again_after_they_were_removed(made: Path, cli: Any, folder: Path) -> None:
    before = cli("spend", "--by", "workflow", "--json").json
    outcome = cli("store", "vacuum", "--older-than", "90d", "--yes")
    assert outcome.code == 0
    assert "Removed 2 jobs" in outcome.out
    assert cli("jobs", "list").out.startswith("No jobs")
    assert list(made.with_name("kept.db.files").glob("assets/*/*")) == []
    assert cli("spend", "--by", "workflow", "--json").json == before
    again = batch(cli)
    assert again.code == 0
    assert [(job["status"], job["step"]) for job in again.json["jobs"]] == [("done", "removed")] * 2
    assert "2 jobs were made earlier and removed" in again.json["notes"][0]
    document = cli("store", "check", "--json").json
    assert (document["ok"], document["jobs"], document["removed_jobs"]) == (True, {}, 2)
    (folder / "rows.csv").write_text("id,prompt\na,A lighthouse in the fog\nc,A heron in the reeds\n")
    assert sorted(job["step"] for job in batch(cli).json["jobs"]) == ["done", "removed"]
    assert cli("store", "check", "--json").json["jobs"] == {"done": 1}


def test_a_plan_shows_rows_that_were_removed(made: Path, cli: Any) -> None:
    assert cli("store", "vacuum", "--older-than", "90d", "--yes").code == 0
    for options in ((), ("--set", "budget.per_run=1")):
        planned = cli("plan", "rows.csv", *SMALL, "--json", *options)
        assert planned.code == 0, planned.err
        assert [(job["row"], job["step"], job["goes_on"]) for job in planned.json["known"]] == [
            ("a", "removed", False),
            ("b", "removed", False),
        ]
        assert "2 jobs were made earlier and removed" in planned.json["notes"][0]


def test_a_failed_row_that_was_removed_says_why_it_is_not_made(made: Path, cli: Any) -> None:
    db = sqlite3.connect(made)
    db.execute("UPDATE jobs SET status = 'failed', step = 'finish'")
    db.commit()
    db.close()
    assert cli("store", "vacuum", "--older-than", "90d", "--yes").code == 0
    again = cli("run", "rows.csv", *SMALL)
    assert again.code == 1
    assert "it is not made again" in again.out
    assert "next " not in again.out


def test_keep_days_is_read_from_the_settings(made: Path, cli: Any, folder: Path, monkeypatch: Any) -> None:
    (folder / "reelwork.toml").write_text('store = "kept.db"\nkeep_days = 400\n')
    assert cli("store", "vacuum", "--dry-run", "--json").json["jobs"] == {}
    monkeypatch.setenv("REELWORK_KEEP_DAYS", "30")
    assert cli("store", "vacuum", "--dry-run", "--json").json["jobs"] == {"done": 2}
    monkeypatch.setenv("REELWORK_KEEP_DAYS", "0")
    outcome = cli("store", "vacuum", "--dry-run")
    assert outcome.code == 2
    assert "keep_days" in outcome.err
    monkeypatch.delenv("REELWORK_KEEP_DAYS")
    assert cli("plan", "A lighthouse in the fog").code == 0, "a workflow is not disturbed by it"


def test_without_an_age_nothing_is_asked_and_no_job_goes(made: Path, cli: Any) -> None:
    outcome = cli("store", "vacuum", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["jobs"] == 0
    assert cli("store", "check", "--json").json["jobs"] == {"done": 2}


def test_nothing_is_driven_from_a_backup(made: Path, cli: Any) -> None:
    assert cli("store", "backup", "b.db").code == 0
    for command in (("run", "A heron in the reeds", *SMALL), ("resume",)):
        outcome = cli(*command, "--store", "b.db")
        assert outcome.code == 2
        assert "is a backup, taken 20" in outcome.err
        assert "store restore" in outcome.err
    assert cli("jobs", "list", "--store", "b.db").code == 0, "looking is free"


def test_restoring_asks_and_sets_the_store_aside(made: Path, cli: Any) -> None:
    assert cli("store", "backup", "b.db").code == 0
    assert cli("run", "A heron in the reeds", *SMALL).code == 0
    outcome = cli("store", "restore", "b.db")
    assert outcome.code == 2
    assert "it knows more" in outcome.err
    outcome = cli("store", "restore", "b.db", "--yes")
    assert outcome.code == 0
    assert "kept as" in outcome.out
    assert "Compare with the provider" in outcome.out
    assert cli("store", "check", "--json").json["jobs"] == {"done": 2}
    (aside,) = Path().glob("kept.db.before-*")
    assert cli("store", "check", "--store", str(aside), "--json").json["jobs"] == {"done": 3}
    assert cli("run", "A heron in the reeds", *SMALL).code == 0
