"""The store on SQLite: the stops that people set on posts."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from reelwork.errors import PostsStopped, WorkflowInvalid
from reelwork.store import rules
from reelwork.store.post_stops import PostStop, brand_scope, stop_for
from reelwork.store.sqlite.base import SqliteParts
from reelwork.store.statuses import Status

if TYPE_CHECKING:
    from reelwork.store.commands import Send

# A job is woken when its stop is taken away. This only covers a process that missed it, so it may be long.
RECHECK = 600.0
"""Seconds after which a stopped post is tried again."""


class SqlitePostStops(SqliteParts):
    """The part of a store that stops posts."""

    async def stop_posts(self, stop: PostStop) -> None:
        """Let no post of this scope leave from now on. Another stop of the same scope takes its place."""

        self._check_scope(stop.scope)

        def change(db: sqlite3.Connection) -> None:
            values = (stop.scope, stop.at, stop.by, stop.note)
            db.execute("INSERT OR REPLACE INTO post_stops(scope, at, by, note) VALUES (?, ?, ?, ?)", values)

        await self._db.run(change)

    async def start_posts(self, scope: str) -> bool:
        """Take the stop of a scope away and let stopped posts go on; False when there is none."""

        self._check_scope(scope)

        def change(db: sqlite3.Connection) -> bool:
            taken = db.execute("DELETE FROM post_stops WHERE scope = ?", (scope,)).rowcount == 1
            if taken:
                # All that wait, whatever keeps them: one that still is stopped waits again at once.
                db.execute(
                    "UPDATE jobs SET due_at = :now WHERE status = :active AND due_at > :now AND owner IS NULL"
                    " AND data LIKE '%\"stopped\":true%'",
                    {"now": self._clock(), "active": Status.ACTIVE},
                )
            return taken

        return await self._run_and_tell(change)

    def _check_scope(self, scope: str) -> None:
        """Refuse what is about other posts than those of its brand. Raises `WorkflowInvalid`."""
        if self._only and scope != brand_scope(self._only):
            raise WorkflowInvalid(f"Only posts of {self._only} can be stopped and started here.")


def all_stops(db: sqlite3.Connection) -> list[PostStop]:
    """Return every stop, the oldest first."""
    rows = db.execute("SELECT scope, at, by, note FROM post_stops ORDER BY at, scope")
    return [PostStop(*row) for row in rows]


def limit_of(db: sqlite3.Connection, act: Send, now: float) -> PostsStopped | None:
    """Return the stop that keeps a post from leaving, if any."""
    # The brand as the job has it now: another process may have moved it to a run of another brand.
    brand = brand_of_effect(db, act.key)
    names = (*act.names, brand_scope(brand)) if brand else act.names
    stop = stop_for(all_stops(db), names)
    return None if stop is None else PostsStopped(now + RECHECK, stop.words)


def brand_of_effect(db: sqlite3.Connection, key: str) -> str:
    """Return the brand of the job that an effect belongs to; empty if it has none."""
    row = db.execute(
        "SELECT brand FROM jobs WHERE id = (SELECT job_id FROM effects WHERE key = ?)", (key,)
    ).fetchone()
    return "" if row is None else str(row[0])


def under_way(db: sqlite3.Connection) -> int:
    """Return how many posts have left and have no outcome yet."""
    row = db.execute("SELECT count(*) FROM effects WHERE kind = 'publish' AND state = ?", (rules.SENT,)).fetchone()
    return int(row[0])
