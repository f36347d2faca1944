"""The store on SQLite: requests that act, each with its answer in the transaction of the change."""

from __future__ import annotations

import copy
import sqlite3
from typing import Any, Self, TypeVar

from reelwork.errors import LedgerConflict
from reelwork.store.requests import Answered, RequestRow
from reelwork.store.sqlite.base import SqliteParts
from reelwork.store.sqlite.writer import Change, Database

T = TypeVar("T")
KNOWN_SECONDS = 30 * 86_400.0
"""Seconds for which a request is known by its key at least."""
_COLUMNS = "holder, key, asked, owner, begun_at, status, answer"


class SqliteRequests(SqliteParts):
    """The part of a store that keeps requests that act."""

    async def claim_request(self, request: RequestRow) -> RequestRow | None:
        """Note that a request is in work here; return the one that is known by its key, if there is one."""
        return await self._db.run(lambda db: _claim(db, request))

    async def take_over(self, request: RequestRow, owner: str) -> bool:
        """Work on a request whose process has ended; False if another one was first."""
        text = "UPDATE requests SET owner = ? WHERE holder = ? AND key = ? AND owner = ? AND status IS NULL"
        values = (owner, request.holder, request.key, request.owner)
        return await self._db.run(lambda db: db.execute(text, values).rowcount == 1)

    async def drop_request(self, request: RequestRow) -> None:
        """Forget a request that has changed nothing."""
        text = "DELETE FROM requests WHERE holder = ? AND key = ? AND owner = ? AND status IS NULL"
        await self._db.run(lambda db: db.execute(text, (request.holder, request.key, request.owner)).rowcount)

    def answering(self, answered: Answered) -> Self:
        """Return the same store, whose changes are committed together with an answer, or not at all."""
        other = copy.copy(self)
        other._db = _Answering(self._db, answered)
        return other


class _Answering(Database):
    """The same writer, which writes an answer with each change that changes something."""

    def __init__(self, inner: Database, answered: Answered) -> None:
        self._inner, self._answered = inner, answered
        self.path = inner.path

    async def run(self, change: Change[T]) -> T:
        """Apply a change together with the answer."""

        def both(db: sqlite3.Connection) -> T:
            value = change(db)
            if self._answered.acted(value):
                _answer(db, self._answered.request)
            return value

        return await self._inner.run(both)

    def run_now(self, change: Change[T]) -> T:
        """Apply a change without the answer."""
        return self._inner.run_now(change)

    def post(self, change: Change[object]) -> None:
        """Hand a change over without the answer."""
        self._inner.post(change)

    def close(self) -> None:
        """Leave the file open: it is another one's."""


def forget(db: sqlite3.Connection, before: float) -> None:
    """Remove requests that were answered long before a time, and 30 days before the newest one."""
    # Only when a person has the store cleaned, and by times of the store's own: a clock that is wrong for a minute
    # must not forget what a caller may send again.
    db.execute(
        "DELETE FROM requests WHERE status IS NOT NULL AND begun_at < ?"
        " AND begun_at < (SELECT max(begun_at) FROM requests) - ?",
        (before, KNOWN_SECONDS),
    )


def _claim(db: sqlite3.Connection, request: RequestRow) -> RequestRow | None:
    values: tuple[Any, ...] = (
        *(request.holder, request.key, request.asked, request.owner, request.begun_at),
        *(request.status, request.answer),
    )
    done = db.execute(f"INSERT OR IGNORE INTO requests ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    if done.rowcount == 1:
        return None
    where = "WHERE holder = ? AND key = ?"
    row = db.execute(f"SELECT {_COLUMNS} FROM requests {where}", (request.holder, request.key)).fetchone()
    return RequestRow(*row)


def _answer(db: sqlite3.Connection, request: RequestRow) -> None:
    # By its owner: a process that was taken for dead must not act beside the one that took its place.
    done = db.execute(
        "UPDATE requests SET status = ?, answer = ? WHERE holder = ? AND key = ? AND owner = ?",
        (request.status, request.answer, request.holder, request.key, request.owner),
    )
    if done.rowcount != 1:
        raise LedgerConflict(f"Another process works on the request {request.key!r} by now.")
