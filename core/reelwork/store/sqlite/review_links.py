"""The store on SQLite: links to reviews, each used up in the transaction of the answer that came by it."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Sequence
from typing import Self, TypeVar

from reelwork.errors import MovedOn
from reelwork.store.review_links import ReviewLink
from reelwork.store.sqlite import brand_limits
from reelwork.store.sqlite.base import SqliteParts
from reelwork.store.sqlite.writer import Change, Database

T = TypeVar("T")
_COLUMNS = "id, hash, job_id, version, person, maker, created_at, expires_at, used_at, answer, revoked_at"
_OPEN = "used_at IS NULL AND revoked_at IS NULL"


class SqliteReviewLinks(SqliteParts):
    """The part of a store that keeps links to reviews."""

    async def add_review_link(self, link: ReviewLink) -> bool:
        """Add a link. Raises `NotReviewer` if its maker may not approve, and `MovedOn` if the job is not there."""
        values = (
            *(link.id, link.hash, link.job_id, link.version, link.person, link.maker),
            *(link.created_at, link.expires_at),
        )

        def change(db: sqlite3.Connection) -> bool:
            there = db.execute("SELECT 1 FROM jobs WHERE id = ?", (link.job_id,)).fetchone()
            if there is None or not brand_limits.job_is_of(db, self._only, link.job_id):
                raise MovedOn("The job no longer exists.", money="No link was made.")
            # Whoever may not approve must not let others do it.
            brand_limits.check_reviewer(db, link.job_id, link.maker)
            columns = "id, hash, job_id, version, person, maker, created_at, expires_at"
            db.execute(f"INSERT INTO review_links({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            return True

        return await self._db.run(change)

    async def revoke_review_link(self, id_: str, now: float) -> bool:
        """Take a link back; False if there is none that is open."""

        def change(db: sqlite3.Connection) -> bool:
            row = db.execute("SELECT job_id FROM review_links WHERE id = ?", (id_,)).fetchone()
            if row is None or not brand_limits.job_is_of(db, self._only, row[0]):
                return False
            text = f"UPDATE review_links SET revoked_at = ? WHERE id = ? AND {_OPEN}"
            return db.execute(text, (now, id_)).rowcount == 1

        return await self._db.run(change)

    def review_links(self, job_id: str | None = None) -> Sequence[ReviewLink]:
        """Return the links to a job, or to all, the newest first."""
        which = "" if job_id is None else "WHERE job_id = :job"
        query = f"SELECT {_COLUMNS} FROM review_links {which} ORDER BY created_at DESC, id"
        rows = self._reads.ask(lambda db: db.execute(query, {"job": job_id}).fetchall())
        return [ReviewLink(*row) for row in rows]

    def review_link_with(self, hash_: str) -> ReviewLink | None:
        """Return the link with this hash; None if there is none."""
        query = f"SELECT {_COLUMNS} FROM review_links WHERE hash = ?"
        row = self._reads.ask(lambda db: db.execute(query, (hash_,)).fetchone())
        return None if row is None else ReviewLink(*row)

    def by_review_link(self, link: ReviewLink, answer: str, now: float) -> Self:
        """Return the same store, whose change uses the link up, in the same transaction."""
        other = copy.copy(self)
        other._db = _ByLink(self._db, link, answer, now)
        return other


class _ByLink(Database):
    """The same writer, which uses a link up with the change that it lets happen."""

    def __init__(self, inner: Database, link: ReviewLink, answer: str, now: float) -> None:
        self._inner, self._link, self._answer, self._now = inner, link, answer, now
        self.path = inner.path

    async def run(self, change: Change[T]) -> T:
        """Apply a change if the link is open, and use it up. Raises `MovedOn`."""

        def both(db: sqlite3.Connection) -> T:
            # Of two presses of its button, in two browsers, one counts. Taken back a moment ago, none does.
            used = db.execute(
                f"UPDATE review_links SET used_at = ?, answer = ? WHERE id = ? AND {_OPEN} AND expires_at > ?",
                (self._now, self._answer, self._link.id, self._now),
            )
            if used.rowcount != 1:
                raise MovedOn("This link was used, revoked, or is over.", money="Nothing was changed.")
            value = change(db)
            if not value:
                # The change did not happen, so the link is as good as before.
                db.execute("UPDATE review_links SET used_at = NULL, answer = '' WHERE id = ?", (self._link.id,))
            return value

        return await self._inner.run(both)

    def close(self) -> None:
        """Leave the file open: it is another one's."""


def forget(db: sqlite3.Connection, job_ids: str) -> None:
    """Remove the links to jobs that are removed. `job_ids` is JSON."""
    db.execute("DELETE FROM review_links WHERE job_id IN (SELECT value FROM json_each(?))", (job_ids,))
