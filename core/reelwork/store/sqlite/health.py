"""A quick check of a store: damaged or sound, and what is in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.store.health import Health
from reelwork.store.sqlite.job_reads import count_by_status
from reelwork.store.sqlite.opening import connect


def look_at(path: Path) -> Health:
    """Check a store quickly. Raises `StoreInvalid` if it cannot be opened or read."""
    with closing(connect(path)) as db:
        try:
            return _look(db)
        except sqlite3.Error as error:
            raise StoreInvalid(f"{path} cannot be read: {error}") from error


def _look(db: sqlite3.Connection) -> Health:
    # The full check compares every index as well, which takes long on a large store. `store check` does that.
    answers = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)")]
    if answers != ["ok"]:
        return Health("; ".join(answers))
    jobs = dict(count_by_status(db))
    unknown = db.execute("SELECT count(*) FROM effects WHERE state = 'unknown'").fetchone()[0]
    newest = db.execute("SELECT max(updated_at) FROM jobs").fetchone()[0]
    off = dict(db.execute("SELECT name, reason FROM webhook_targets WHERE off_at IS NOT NULL").fetchall())
    return Health("", jobs, unknown, off, newest)
