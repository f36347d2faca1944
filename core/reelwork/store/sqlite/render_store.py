"""The store on SQLite: renders, and who polls them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reelwork.store.sqlite import renders
from reelwork.store.sqlite.base import SqliteParts

if TYPE_CHECKING:
    from reelwork.store.commands import RenderUpdate, StillWaiting
    from reelwork.store.records import RenderRow


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
            now = self._clock()
            return renders.claim(db, owner, now + lease, now, count, accounts, busy)

        return await self._db.run(change)

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

        def change(db: sqlite3.Connection) -> list[RenderRow]:
            now = self._clock()
            return renders.claim_seen(db, owner, now + lease, now, account, remote_ids)

        return await self._db.run(change)

    async def update_renders(
        self, owner: str, changes: Sequence[RenderUpdate], same: Sequence[StillWaiting] = ()
    ) -> list[str]:
        """Store the results of a poll; return the jobs it woke."""
        by = self._by()
        return await self._db.run(lambda db: renders.update(db, by(changes), by(same), owner, self._clock()))

    async def look_now(self, render_id: str) -> None:
        """Make a render due at once."""
        await self._run_and_tell(lambda db: renders.look_now(db, render_id, self._clock()))
