"""The health of a store: damaged or sound, and what is in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.store.sqlite.writer import connect


@dataclass(frozen=True)
class Health:
    """The result of a quick check of a store."""

    damage: str = ""
    """The damage found; empty if there is none. Then the rest is known."""
    jobs: Mapping[str, int] = field(default_factory=dict)
    """Jobs by status."""
    unknown: int = 0
    """Effects whose outcome is unknown."""
    newest: float | None = None
    """The time of the last change to a job, in seconds since the epoch (UTC)."""


def look_at(path: Path) -> Health:
    """Look at a store. Raises `StoreInvalid` when it cannot be opened or read."""
    with closing(connect(path)) as db:
        try:
            return _look(db)
        except sqlite3.Error as error:
            raise StoreInvalid(f"{path} cannot be read: {error}") from error


def _look(db: sqlite3.Connection) -> Health:
    answers = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)")]
    if answers != ["ok"]:
        return Health("; ".join(answers))
    jobs = dict(db.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall())
    unknown = db.execute("SELECT count(*) FROM effects WHERE state = 'unknown'").fetchone()[0]
    newest = db.execute("SELECT max(updated_at) FROM jobs").fetchone()[0]
    return Health("", jobs, unknown, newest)
