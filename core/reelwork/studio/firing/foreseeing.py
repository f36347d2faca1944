"""Tells a day ahead which firings a budget or a quota has no room for: once for each, until that has changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from reelwork.schedules.foresight import AHEAD, Calls, Expected, Held, Shortage, counted_for, shortages
from reelwork.store.protocol import Store
from reelwork.store.schedules import SlotRow, SlotState

log = logging.getLogger("reelwork.schedules")

EVERY = 60.0
"""Seconds between two looks ahead: money moves while jobs run."""


@dataclass
class Foreseeing:
    """Looks ahead for the schedules of one store."""

    store: Store
    _next: float = 0.0
    _told: dict[str, tuple[int, Shortage | None]] = field(default_factory=dict)
    """By schedule, its version and what was last written of it."""

    async def look(self, some: Sequence[Expected], now: float, *, again: bool = False) -> None:
        """Write down which firings will be short, if it is time for that, or it is asked for `again`."""
        # Set back, the clock must not keep it from looking for as long as that.
        if not again and self._next - EVERY <= now < self._next:
            return
        self._next = now + EVERY
        found = shortages(some, self._held(some), self._calls(some, now), now)
        for one in some:
            name, version = one.schedule.name, one.schedule.row.version
            short = found.get(name)
            if self._told.get(name) != (version, short):
                await self._write(name, short, now)
                self._told[name] = (version, short)

    def _calls(self, some: Sequence[Expected], now: float) -> Calls:
        accounts = {one.account for one in some if one.per_day is not None}
        return {account: self.store.calls(account, now - AHEAD) for account in accounts}

    def _held(self, some: Sequence[Expected]) -> Held:
        # With what was promised to firings whose jobs have sent nothing yet, as at a firing itself: else there
        # would be room for a moment after each.
        asked = [
            (budget.brand, self.store.counted(budget), self.store.promised(budget.brand or None))
            for budget in counted_for(some)
        ]
        return {
            (brand, name): amount + promised for brand, found, promised in asked for name, amount in found.items()
        }

    async def _write(self, name: str, short: Shortage | None, now: float) -> None:
        if short is None:
            await self.store.foresee(name, None)
            return
        slot = SlotRow(name, short.firing.key, short.firing.at, SlotState.FORESEEN, short.reason, now)
        # Of several servers, the one that has written it says so.
        if await self.store.foresee(name, slot):
            log.warning("schedule %s, %s %s", name, slot.key, slot.reason)
