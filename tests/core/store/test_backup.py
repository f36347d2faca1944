"""A backup is whole or not there, whatever goes on beside it and whenever it is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import StoreInvalid
from reelwork.store.commands import SetJob
from reelwork.store.records import ACTIVE, DONE, RunRow
from reelwork.store.sqlite.maintenance.backup import backup
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.store import SqliteStore


def rows(path: Path) -> dict[str, list[Any]]:
    db = sqlite3.connect(path)
    try:
        tables = ("runs", "jobs", "renders", "effects", "events", "calls", "removed_jobs")
        return {table: db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables}
    finally:
        db.close()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_backup_has_everything_and_is_one_file(shop: Any, tmp_path: Path) -> None:
    shop.done()
    shop.job()
    to = tmp_path / "copies" / "b.db"
    to.parent.mkdir()
    made = backup(shop.path, to)
    assert names_in(to.parent) == {"b.db"}
    assert rows(to) == rows(shop.path)
    assert (made.jobs, made.open_jobs, made.files) == (2, 1, 0)
    assert [finding.kind for finding in check(to, shop.now).findings] == ["backup"]


def test_a_backup_made_while_others_write_is_one_moment(shop: Any, tmp_path: Path) -> None:
    ended = threading.Event()

    def work() -> None:
        for _ in range(12):
            shop.done()
        ended.set()

    writer = threading.Thread(target=work)
    writer.start()
    made = []
    while not ended.is_set() or not made:
        made.append(backup(shop.path, tmp_path / f"b{len(made)}.db"))
    writer.join()
    assert shop.store.counts() == {DONE: 12}, "writing was not disturbed"
    for copy in made:
        assert {finding.kind for finding in check(copy.path, shop.now).findings} - {"dead-owner"} == {"backup"}
    assert [copy.jobs for copy in made] == sorted(copy.jobs for copy in made)


def test_what_is_there_is_overwritten_only_when_told(shop: Any, tmp_path: Path) -> None:
    to = tmp_path / "b.db"
    backup(shop.path, to)
    before = to.read_bytes()
    shop.job()
    with pytest.raises(StoreInvalid, match="already exists"):
        backup(shop.path, to)
    assert to.read_bytes() == before
    assert backup(shop.path, to, force=True).jobs == 1


def test_force_never_overwrites_what_is_no_backup(shop: Any, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("dear reader" * 100)
    with pytest.raises(StoreInvalid, match="not a Reelwork store"):
        backup(shop.path, letter, force=True)
    assert letter.read_text() == "dear reader" * 100
    with pytest.raises(StoreInvalid, match="the store itself"):
        backup(shop.path, shop.path, force=True)
    SqliteStore(tmp_path / "other.db").close()
    with pytest.raises(StoreInvalid, match="not a backup"):
        backup(shop.path, tmp_path / "other.db", force=True)
    backup(shop.path, tmp_path / "b.db")
    used = SqliteStore(tmp_path / "b.db")
    try:
        asyncio.run(used.add_run(RunRow("r", None, "w", "{}", 0.0)))
        with pytest.raises(StoreInvalid, match="in use"):
            backup(shop.path, tmp_path / "b.db", force=True)
    finally:
        used.close()


@pytest.mark.parametrize("to", ["nowhere/b.db", "."])
def test_a_place_that_cannot_be(shop: Any, tmp_path: Path, to: str) -> None:
    with pytest.raises(StoreInvalid, match="folder"):
        backup(shop.path, tmp_path / to)


def test_with_files_takes_what_jobs_refer_to(shop: Any, tmp_path: Path) -> None:
    shop.done(data=shop.clip("assets/aa/aaaaaaaa.mp4", b"one"))
    waiting = shop.job(data=shop.clip("work/thumbnail/bbbbbbbb.jpg", b"two"))
    shop.does(waiting, *shop.submit(waiting), *shop.accepted(waiting, "remote_12345678"))
    shop.file("work/preview/remote_12345678.mp4", b"three")
    shop.file("assets/cc/cccccccc.mp4", b"nobody's")
    shop.file("partial/x.part")
    made = backup(shop.path, tmp_path / "b.db", with_files=True)
    files = tmp_path / "b.db.files"
    copied = {path.relative_to(files).as_posix(): path.read_bytes() for path in files.rglob("*") if path.is_file()}
    assert copied == {
        "assets/aa/aaaaaaaa.mp4": b"one",
        "work/thumbnail/bbbbbbbb.jpg": b"two",
        "work/preview/remote_12345678.mp4": b"three",
    }
    assert (made.files, made.file_bytes) == (3, 11)


def test_an_older_store_is_backed_up_as_it_is_and_the_copy_is_current(
    store_of_version: Callable[[int], Path], tmp_path: Path
) -> None:
    old = store_of_version(1)
    before = old.read_bytes()
    backup(old, tmp_path / "b.db")
    assert old.read_bytes() == before
    assert len(rows(tmp_path / "b.db")["jobs"]) == 5


def test_a_damaged_store_makes_no_backup(shop: Any, tmp_path: Path) -> None:
    for _ in range(3):
        shop.done()
    shop.store.close()
    with shop.path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 4)
    with pytest.raises(StoreInvalid) as refused:
        backup(shop.path, tmp_path / "b.db")
    assert "No backup was made" in refused.value.money
    assert names_in(tmp_path) == {"store.db"} | names_in(tmp_path) & {"store.db-wal", "store.db-shm"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_killed_at_any_moment_the_target_is_whole_or_as_it_was(shop: Any, tmp_path: Path) -> None:
    for number in range(4):
        shop.done(data=shop.clip(f"assets/aa/aaaaaaa{number}.mp4", b"video" * 1000))
    to, kills = tmp_path / "copies" / "b.db", 0
    to.parent.mkdir()
    backup(shop.path, to)
    command = [sys.executable, "-c", BACKUP, str(shop.path), str(to)]
    for wait in (0.0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        assert {finding.kind for finding in check(to, shop.now).findings} == {"backup"}
        assert {finding.kind for finding in check(shop.path, shop.now).findings} == set()
    assert kills
    # The next one that is let finish cleans up after those that were not.
    backup(shop.path, to, force=True, with_files=True)
    assert names_in(to.parent) == {"b.db", "b.db.files"}
    assert not list((to.parent / "b.db.files").rglob("*.part"))


BACKUP = """
import sys
from pathlib import Path
from reelwork.store.sqlite.maintenance.backup import backup
print("begins", flush=True)
while True:
    backup(Path(sys.argv[1]), Path(sys.argv[2]), force=True, with_files=True)
"""


def test_one_that_is_being_made_is_not_cleaned_up(shop: Any, tmp_path: Path) -> None:
    import fcntl

    other = tmp_path / ".b.db.abcd.part"
    with other.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        backup(shop.path, tmp_path / "b.db")
        assert other.exists()
    backup(shop.path, tmp_path / "b.db", force=True)
    assert not other.exists()


def test_jobs_go_on_from_a_copy_as_from_the_store(shop: Any, tmp_path: Path) -> None:
    job = shop.job()
    shop.does(job, SetJob(ACTIVE, "submit", shop.now))
    backup(shop.path, tmp_path / "b.db")
    os.rename(tmp_path / "b.db", tmp_path / "c.db")
    copy = SqliteStore(tmp_path / "c.db")
    try:
        assert [(row.id, row.step) for row in copy.jobs()] == [(job, "submit")]
    finally:
        copy.close()
