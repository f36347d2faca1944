"""The store on SQLite: schedules and their slots."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from reelwork.errors import LedgerConflict
from reelwork.store.schedules import Decided, GivenBack, Outcome, ScheduleRow, SlotRow
from reelwork.store.sqlite import brand_limits, schedules
from reelwork.store.sqlite.base import SqliteParts


class SqliteSchedules(SqliteParts):
    """The part of a store that changes schedules."""

    async def keep_schedule(self, row: ScheduleRow, slots: Sequence[SlotRow] = ()) -> bool:
        """Add a schedule or change it, with slots that were decided by it; False if it is of another version."""

        def change(db: sqlite3.Connection) -> bool:
            own = brand_limits.schedule_is_of(db, self._only, row.name, row.spec)
            return own and schedules.keep(db, row, slots)

        return await self._db.run(change)

    async def settle(self, decided: Decided) -> Outcome:
        """Write what was decided about slots, and the jobs of the one that fires, in one transaction."""

        if decided.firing is not None:
            brand_limits.check_run(self._only, decided.firing.run.frozen)

        def change(db: sqlite3.Connection) -> Outcome:
            if not brand_limits.schedule_is_of(db, self._only, decided.name):
                return Outcome.MOVED
            hindered = None if decided.firing is None else schedules.hindrance(db, decided.firing)
            return hindered or schedules.settle(db, decided, self._clock())

        return await (self._db.run(change) if decided.firing is None else self._run_and_tell(change))

    async def requeue_rows(self, name: str, rows: Sequence[GivenBack]) -> bool:
        """Let rows be used once more, and cancel the jobs of their firings, all in one transaction."""

        def change(db: sqlite3.Connection) -> bool:
            if not brand_limits.schedule_is_of(db, self._only, name):
                return False
            schedules.requeue_rows(db, name, rows, self._clock())
            return True

        try:
            return await self._run_and_tell(change)
        except LedgerConflict:
            return False

    async def foresee(self, name: str, slot: SlotRow | None) -> bool:
        """Note the next slot of a schedule that will find no room in a budget, in place of an earlier note."""
        return await self._db.run(lambda db: schedules.foresee(db, name, slot))

    async def pull_back(self, name: str, version: int, mark: float, now: float) -> bool:
        """Move the mark of a schedule from where the clock was ahead back to now; False if it has moved."""
        return await self._db.run(lambda db: schedules.pull_back(db, name, version, mark, now))

    async def tell_trouble(self, name: str, version: int, trouble: str) -> None:
        """Note why the file of a schedule cannot be run; empty when it can."""
        await self._db.run(lambda db: schedules.tell_trouble(db, name, version, trouble))
