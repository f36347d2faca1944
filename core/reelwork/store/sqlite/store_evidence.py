"""The store on SQLite: what is kept of readings, and what is asked before something is believed."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reelwork.store.records import EffectRow, JobRow
from reelwork.store.sqlite import effects, evidence, job_reads
from reelwork.store.sqlite.base import SqliteParts

if TYPE_CHECKING:
    from reelwork.store.readings import EchoRow, ListRow, Read


class SqliteEvidence(SqliteParts):
    """The part of a store that the rule of evidence asks."""

    async def salt(self) -> str:
        """Return the salt that credentials are hashed with in this store: a hash means nothing outside it."""
        return await self._db.run(lambda db: evidence.salt(db, secrets.token_hex(32)))

    async def read_list(self, effect: EffectRow, place: str, ids: Sequence[str]) -> Read:
        """Store which ids a reading listed; return what is known about them."""
        return await self._db.run(lambda db: evidence.read(db, effect, place, ids))

    async def keep_reading(self, place: str, ids: Iterable[str]) -> None:
        """Store which ids a reading listed at a place before something was sent there."""
        listed = tuple(ids)
        await self._db.run(lambda db: evidence.keep_reading(db, place, listed))

    async def learn(
        self, place: str, echoes: Iterable[EchoRow], habits: ListRow, *, warm_model: str | None = None
    ) -> None:
        """Store how controls came back at a place, and let others be sent there if the first one was listed."""
        kept = tuple(echoes)

        def change(db: sqlite3.Connection) -> None:
            evidence.learn(db, place, kept, habits)
            if warm_model is not None:
                evidence.warm_up(db, place, warm_model)

        await self._db.run(change)

    async def habits(self, place: str) -> ListRow:
        """Return how the list at a place has behaved so far."""
        return await self._db.run(lambda db: evidence.habits(db, place))

    async def controls(self, effect: EffectRow) -> tuple[list[EffectRow], list[EffectRow]]:
        """Effects like one in doubt that their own answers confirmed: accepted before it, and sent after it.

        The newest first, and not many.
        """
        older, later = await self._db.run(lambda db: evidence.controls(db, effect, effects.EFFECT_COLUMNS))
        return [EffectRow(*row) for row in older], [EffectRow(*row) for row in later]

    async def newest_control(self, account: str, kind: str, model: str) -> EffectRow | None:
        """Return the newest effect of an account and model that its own answer confirmed."""
        columns = effects.EFFECT_COLUMNS
        row = await self._db.run(lambda db: evidence.newest_control(db, account, kind, model, columns))
        return None if row is None else EffectRow(*row)

    async def request_of(self, account: str, remote_id: str) -> str | None:
        """Return the request of a stored render, as JSON; None if there is none."""
        # A request never changes once it is stored, so it need not be read with anything else.
        return self._reads.ask(lambda db: evidence.request_of(db, account, remote_id))

    async def job_of(self, effect: EffectRow) -> JobRow | None:
        """Return the job of an effect; None if it was removed."""
        return await self._db.run(lambda db: job_reads.get_job(db, effect.job_id))

    async def posts_of(self, job_id: str) -> list[EffectRow]:
        """Return a job's posts, wherever they were made."""
        return [one for one in await self._db.run(lambda db: effects.of_job(db, job_id)) if one.kind == "publish"]

    async def sent_again(self, effect: EffectRow) -> list[EffectRow]:
        """Effects of the same account that were sent again because they were believed not to have happened."""
        rows = await self._db.run(lambda db: evidence.sent_again(db, effect, effects.EFFECT_COLUMNS))
        return [EffectRow(*row) for row in rows]
