"""Reading lists right before and right after something is sent, until each is known to be fresh.

Later on nobody could tell a lost request from a list that is slow, or kept somewhere on the way, and each lost
answer would be held.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from reelwork.clock import Clock
from reelwork.dispatch import in_a_line
from reelwork.errors import StoreUnwritable
from reelwork.ledger.habits import PROMPT_ENOUGH
from reelwork.ledger.look import Looker
from reelwork.ledger.outcomes import Act
from reelwork.store.protocol import Store
from reelwork_hooks.effects import Effect, Idempotency

log = logging.getLogger("reelwork.ledger")
LOOKED_JUST_NOW = 1.0
"""Seconds for which a look before sending serves others at the same place as well."""
UNREAD_FOR = 120.0
"""Seconds for which a list that could not be read before a sending is not tried again for that."""
LONGEST_LOOK_BEFORE = 15.0
"""Seconds: what is learnt saves a question later, and must not hold up anything now."""


@dataclass
class Freshness:
    """Gets to know the lists of places."""

    store: Store
    time: Clock
    learns: bool = True
    """False where one call alone is made, which needs none of it."""
    _known: set[str] = field(default_factory=set, init=False)
    """Places whose lists are known well enough."""
    _reading: set[str] = field(default_factory=set, init=False)
    """Places whose lists are being read after something was accepted."""
    _unread: dict[str, float] = field(default_factory=dict, init=False)
    """When the list of a place could not be read before a sending, by the boot clock."""
    _read: dict[str, float] = field(default_factory=dict, init=False)
    """When the list of a place was last read before a sending, by the boot clock."""

    async def before(self, act: Act[Any]) -> float | None:
        """Read a list right before something is sent, and return when, by the boot clock; None where it was not.

        Raises `StoreUnwritable`.
        """
        place = act.place or act.account
        if await self._is_known(act):
            return None
        now, last = self.time.now().seconds, self._read.get(place)
        if 0 <= now - self._unread.get(place, -UNREAD_FOR) < UNREAD_FOR:
            return None
        if last is not None and 0 <= now - last < LOOKED_JUST_NOW:
            return last
        read_at = await self._read_before(act)
        (self._unread if read_at is None else self._read)[place] = now
        return read_at

    async def _read_before(self, act: Act[Any]) -> float | None:
        view = Effect(act.key, 1, act.prepared, {}, self.time.wall(), on_note=lambda evidence: None)
        try:
            async with asyncio.timeout(min(act.time_limit, LONGEST_LOOK_BEFORE)):
                return await Looker(self.store, self.time).look_before(act, view)
        except StoreUnwritable:
            raise
        except Exception as error:
            log.info("%s: the list could not be read before: %s", act.what, in_a_line(error))
            return None

    async def after(self, act: Act[Any]) -> None:
        """Read a list right after something was accepted."""
        place = act.place or act.account
        if place in self._reading or await self._is_known(act):
            return
        self._reading.add(place)
        try:
            await self.warm_up(act)
        finally:
            self._reading.discard(place)

    async def warm_up(self, act: Act[Any]) -> None:
        """See whether the first one of a place is listed: then the next need not wait any longer."""
        control = await self.store.newest_control(act.account, act.kind, act.model)
        if control is None:
            return
        try:
            async with asyncio.timeout(act.time_limit):
                await Looker(self.store, self.time).look_at_control(act, control)
        except Exception as error:
            log.info("%s: the list could not be read: %s", act.what, in_a_line(error))

    async def _is_known(self, act: Act[Any]) -> bool:
        """Return whether reading a list now would teach nothing that is not known."""
        place = act.place or act.account
        looked_up = act.idempotency is Idempotency.LOOKUP and act.can_look
        if not self.learns or not looked_up or place in self._known:
            return True
        habits = await self.store.habits(place)
        if habits.prompt >= PROMPT_ENOUGH or habits.late:
            self._known.add(place)
        return place in self._known
