"""`reelwork store vacuum`: removes old jobs and files that no job needs, and gives room back to the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.store.records import Removable
from reelwork.store.sqlite.maintenance.files import DAY, left_over, needed, unneeded
from reelwork.store.sqlite.maintenance.read_only import reading, there
from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.retention import removable
from reelwork.store.sqlite.schema import KEEPS_REMOVED
from reelwork.store.sqlite.workers import is_alive, processes

# Others who write wait for as long as one transaction takes.
BATCH = 200
"""Jobs removed in one transaction."""
NOTHING = Removable({}, 0, 0, {})


@dataclass(frozen=True)
class Plan:
    """A preview of a vacuum."""

    jobs: Removable
    files: int
    """Files that nobody needs now, apart from those that the removed jobs would leave."""
    file_bytes: int
    processes: int
    """The number of processes at work on the store: while there are any, the file is not made smaller."""
    free_bytes: int
    """In the store's file, already unused."""


@dataclass(frozen=True)
class Done:
    """The result of a vacuum."""

    jobs: int
    files: int
    file_bytes: int
    shrunk_by: int
    """Bytes the store's file is smaller by."""
    processes: int
    """The number of processes at work on the store, so that the file was not made smaller."""


def plan(store: Path, before: float | None, now: float) -> Plan:
    """Preview `vacuum` without doing it. Jobs must have ended before `before`; None leaves all jobs as they are."""
    with reading(store) as (db, version):
        jobs = NOTHING if before is None else removable(db, before, now)
        files = _sizes(_unneeded_files(store, db, version, now))
        free = _pragma(db, "freelist_count") * _pragma(db, "page_size")
    return Plan(jobs, len(files), sum(files.values()), len(processes(store)), free)


def vacuum(store: Path, before: float | None, now: float) -> Done:
    """Remove jobs that ended before a time and the files nobody needs, and give the room back.

    A kill leaves the rest to the next vacuum. Raises `StoreInvalid`.
    """
    from reelwork.store.sqlite.store import SqliteStore

    there(store)
    jobs = 0
    opened = SqliteStore(store, clock=lambda: now)
    try:
        while before is not None and (removed := opened.remove_ended(before, BATCH)):
            jobs += removed
    finally:
        opened.close()
    files = _remove_files(store, now)
    at_work = len(processes(store))
    # It rewrites the whole file under the write lock: a process at work would wait for longer than it can.
    shrunk = 0 if at_work else _shrink(store)
    return Done(jobs, len(files), sum(files.values()), shrunk, at_work)


def _remove_files(store: Path, now: float) -> dict[Path, int]:
    with reading(store) as (db, version):
        gone = _sizes(_unneeded_files(store, db, version, now))
        patterns = [row[0] for row in db.execute("SELECT pattern FROM leftovers")]
    for path in gone:
        # First the files, then the notes about them. A kill in between leaves a note that the next vacuum takes
        # up.
        path.unlink(missing_ok=True)
    for path in files_of(store).glob("owners/*"):
        if not is_alive(store, path.name) and path.stat().st_mtime < now - DAY:
            path.unlink(missing_ok=True)
    with closing(sqlite3.connect(store, timeout=30, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        db.executemany("DELETE FROM leftovers WHERE pattern = ?", [(pattern,) for pattern in patterns])
        db.execute("COMMIT")
    return gone


def _unneeded_files(store: Path, db: sqlite3.Connection, version: int, now: float) -> Iterator[Path]:
    wanted = needed(db)
    patterns = [row[0] for row in db.execute("SELECT pattern FROM leftovers")] if version >= KEEPS_REMOVED else []
    of_removed = (left_over(store, wanted, pattern, now) for pattern in patterns)
    return chain(chain.from_iterable(of_removed), unneeded(store, wanted, now))


def _sizes(paths: Iterator[Path]) -> dict[Path, int]:
    found = {}
    for path in paths:
        try:
            found[path] = path.stat().st_size
        except FileNotFoundError:
            continue
    return found


def _shrink(store: Path) -> int:
    before = store.stat().st_size
    try:
        with closing(sqlite3.connect(store, timeout=30, isolation_level=None)) as db:
            db.execute("VACUUM")
            # In WAL mode the new, smaller file is in the WAL until it is written back.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreInvalid(
            f"The store {store} could not be made smaller: {error}.",
            money="It is whole and can be used as before.",
            hint="It needs as much free room again as it takes, for a moment. Make room and run it again.",
        ) from error
    return max(0, before - store.stat().st_size)


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
