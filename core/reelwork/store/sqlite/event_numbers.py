"""The numbers of the lines of jobs' stories. They never begin again: readers name the last one they saw."""

from __future__ import annotations

import sqlite3

REMOVED_LINES = "removed events"
NEWEST_LINE = "coalesce((SELECT max(seq) FROM events), 0)"
HIGHEST_REMOVED = f"coalesce((SELECT value FROM counters WHERE name = '{REMOVED_LINES}'), 0)"
"""The number that the stories had reached when lines were removed last. Those removed may have been the newest."""


def last_event(db: sqlite3.Connection) -> int:
    """Return the number of the newest line; 0 if there is none."""
    return int(db.execute(f"SELECT max({NEWEST_LINE}, {HIGHEST_REMOVED})").fetchone()[0])


def keep_number(db: sqlite3.Connection) -> None:
    """Keep the number of the newest line, before lines are removed."""
    db.execute(
        f"INSERT INTO counters(name, value) VALUES ('{REMOVED_LINES}', {NEWEST_LINE})"
        " ON CONFLICT(name) DO UPDATE SET value = max(value, excluded.value)"
    )
