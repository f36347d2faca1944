"""The write-ahead log of a busy store is copied into its file beside the writer, and no commit depends on it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from reelwork.store.sqlite.checkpoints import COMMITS
from reelwork.store.sqlite.writer import Database

PATIENCE = 30.0


def put(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO hints(name, at) VALUES (hex(randomblob(16)), 0)")


def copied(path: Path) -> int:
    """The rows that are in the file itself, without its log."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM hints").fetchone()[0])


def copied_meanwhile(path: Path) -> int:
    """The same while the log is copied; 0 when the file was read in the middle of that."""
    # Without its log and its locks such a file is not whole. Nobody else reads it so.
    with suppress(sqlite3.DatabaseError):
        return copied(path)
    return 0


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "reelwork-checkpoints"]


def test_the_log_of_a_busy_store_is_copied_while_the_writer_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        database = Database(tmp_path / "store.db")
        try:
            ends, written = time.monotonic() + PATIENCE, 0
            while (there := copied_meanwhile(tmp_path / "store.db")) < COMMITS and time.monotonic() < ends:
                for _ in range(COMMITS):
                    await database.run(put)
                written += COMMITS
            assert COMMITS <= there <= written
        finally:
            database.close()
        assert threads() == []
        assert copied(tmp_path / "store.db") == written

    asyncio.run(scenario())


def test_a_store_that_does_little_has_no_such_thread(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    try:
        for _ in range(COMMITS - 1):
            database.run_now(put)
        assert threads() == []
    finally:
        database.close()


def test_a_file_that_is_gone_ends_no_writer(tmp_path: Path) -> None:
    """The writer says so; the copying of the log neither fails for it nor makes a new file."""
    path = tmp_path / "store.db"
    database = Database(path)
    try:
        for _ in range(COMMITS - 1):
            database.run_now(put)
        path.rename(tmp_path / "moved.db")
        for _ in range(3):
            database._checkpoints._commits = COMMITS
            database._checkpoints.committed()
    finally:
        database.close()
    assert not path.exists()


COMMITTING = """
import sys
from pathlib import Path
from reelwork.store.sqlite.writer import Database
database = Database(Path(sys.argv[1]))
for number in range(1_000_000):
    database.run_now(lambda db: db.execute("INSERT INTO hints(name, at) VALUES (?, 0)", (f"{number:07}",)))
    print(number, flush=True)
"""


def test_a_kill_at_any_time_loses_no_commit(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMITTING, str(tmp_path / "store.db")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout as told:
        last = 0
        for line in told:
            last = int(line)
            if last >= 7 * COMMITS // 2:
                break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert int(db.execute("SELECT count(*) FROM hints").fetchone()[0]) > last
