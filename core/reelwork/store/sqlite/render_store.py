"""The store on SQLite: renders, and who polls them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from reelwork.store.commands import StillWaiting
from reelwork.store.sqlite import renders
from reelwork.store.sqlite.base import SqliteParts

if TYPE_CHECKING:
    from reelwork.store.commands import RenderUpdate
    from reelwork.store.records import RenderRow

T = TypeVar("T")


# Whatever else is written meanwhile waits for one change: a webhook's sender, who is answered once it is on disk.
MOST_IN_A_CHANGE = 100
"""Renders that one change claims or updates."""


class SqliteRenders(SqliteParts):
    """The part of a store that holds renders."""

    async def render(self, render_id: str) -> RenderRow | None:
        """Return one render; None if there is none."""
        # Beside the writer: a stage acts on it under its job's lease, which the writer checks with what it writes.
        return self._reads.ask(lambda db: renders.get(db, render_id))

    async def claim_renders(
        self, owner: str, lease: float, count: int, accounts: Sequence[str] | None, busy: Sequence[str] = ()
    ) -> list[RenderRow]:
        """Claim renders that are due, of these accounts or of all, for `lease` seconds."""

        def change(db: sqlite3.Connection) -> list[RenderRow]:
            now, most = self._clock(), min(count - len(claimed), MOST_IN_A_CHANGE)
            return renders.claim(db, owner, now + lease, now, most, accounts, busy)

        claimed: list[RenderRow] = []
        while len(claimed) < count:
            some = await self._db.run(change)
            claimed += some
            if len(some) < MOST_IN_A_CHANGE:
                break
        return claimed

    async def claim_render_of(self, job_id: str, owner: str, lease: float) -> RenderRow | None:
        """Take a job's render for `lease` seconds, if it is due for a poll and nobody polls it; None if not."""

        def change(db: sqlite3.Connection) -> RenderRow | None:
            now = self._clock()
            return renders.claim_of(db, job_id, owner, now + lease, now)

        return await self._db.run(change)

    async def claim_seen(
        self, owner: str, lease: float, account: str, remote_ids: Sequence[str]
    ) -> list[RenderRow]:
        """Claim renders of an account that a poll answer mentioned, even if they are not due."""

        def change(some: Sequence[str], db: sqlite3.Connection) -> list[RenderRow]:
            now = self._clock()
            return renders.claim_seen(db, owner, now + lease, now, account, some)

        return [row for some in _some(remote_ids) for row in await self._db.run(partial(change, some))]

    async def update_renders(
        self, owner: str, changes: Sequence[RenderUpdate], same: Sequence[StillWaiting] = ()
    ) -> list[str]:
        """Store the results of a poll; return the jobs it woke."""
        by = self._by()

        def change(some: _Results, db: sqlite3.Connection) -> list[str]:
            return renders.update(db, by(some.changes), by(some.same), owner, self._clock())

        parts = [*_parts(changes, same)] or [_Results()]
        return [job for part in parts for job in await self._db.run(partial(change, part))]

    async def look_now(self, render_id: str) -> None:
        """Make a render due at once."""
        await self._run_and_tell(lambda db: renders.look_now(db, render_id, self._clock()))


class _Results(NamedTuple):
    """Results of a poll that one change stores."""

    changes: Sequence[RenderUpdate] = ()
    same: Sequence[StillWaiting] = ()


def _parts(changes: Sequence[RenderUpdate], same: Sequence[StillWaiting]) -> Iterator[_Results]:
    for some in _some(changes):
        yield _Results(some)
    for group in same:
        for renders_ in _some(group.renders):
            yield _Results((), (StillWaiting(group.due_at, tuple(renders_)),))


def _some(all_: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut into pieces that one change may have."""
    for first in range(0, len(all_), MOST_IN_A_CHANGE):
        yield all_[first : first + MOST_IN_A_CHANGE]
