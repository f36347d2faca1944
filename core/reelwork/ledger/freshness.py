"""Reads lists right before and right after requests, until each list is known to be fresh.

After a lost answer it is too late for that: a lost request looks like a slow list, or a cached copy of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any

from reelwork.clock import Clock
from reelwork.errors import StoreUnwritable, in_a_line
from reelwork.ledger.habits import LONGEST_RENEWAL, PROMPT_ENOUGH, renewed_again, since_before
from reelwork.ledger.look import ENDED, MAKING, Looker
from reelwork.ledger.outcomes import Act
from reelwork.store.protocol import Store
from reelwork.store.records import EffectRow
from reelwork_hooks.effects import Effect, Idempotency

log = logging.getLogger("reelwork.ledger")
# A batch that starts thirty jobs at once reads the list once, not thirty times.
LOOKED_JUST_NOW = 1.0
"""Seconds for which a reading before a request serves others at the same place too."""
# A list that is down would otherwise cost each job of a batch the wait of `LONGEST_LOOK_BEFORE`.
UNREAD_FOR = 120.0
"""Seconds for which a list that could not be read is not read again before a request."""
# This reading only saves a person a question later. A paid request must not wait long for it.
LONGEST_LOOK_BEFORE = 15.0
"""Seconds for such a reading."""


@dataclass
class Freshness:
    """Learns whether the lists of places are fresh."""

    store: Store
    time: Clock
    learns: bool = True
    """False where one call alone is made, which needs none of it."""
    _known: set[str] = field(default_factory=set, init=False)
    """Places whose lists are known well enough."""
    _reading: set[str] = field(default_factory=set, init=False)
    """Places whose lists are being read after something was accepted."""
    _unread: dict[str, float] = field(default_factory=dict, init=False)
    """The moment when the list of a place could not be read before a sending, by the boot clock."""
    _read: dict[str, float] = field(default_factory=dict, init=False)
    """The moment when the list of a place was last read before a sending, by the boot clock."""
    _last: dict[str, str] = field(default_factory=dict, init=False)
    """By place, what was sent there last, or was about to be."""
    _making: dict[str, Act[Any]] = field(default_factory=dict, init=False)
    """By place, a request whose render the list showed in the making, right after it was accepted."""

    async def before(self, act: Act[Any]) -> float | None:
        """Read a list right before something is sent, and return when, by the boot clock; None where it was not.

        Raises `StoreUnwritable`.
        """
        place = act.place or act.account
        self._last[place] = act.key
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
        # A store that cannot be written ends the drive before anything is sent. All else only leaves a question
        # open.
        except StoreUnwritable:
            raise
        except Exception as error:
            log.info("%s: the list could not be read before: %s", act.what, in_a_line(error))
            return None

    async def after(self, act: Act[Any]) -> None:
        """Read a list right after something was accepted."""
        place = act.place or act.account
        # A second reading at the same moment would show nothing new.
        if place in self._reading or await self._is_known(act):
            return
        self._reading.add(place)
        try:
            control, state = await self._newest_listed(act)
            # Only a render seen in progress can later show that its end is listed, and so that the copy was
            # renewed.
            if control is not None and control.key == act.key and state == MAKING:
                self._making[place] = act
        finally:
            self._reading.discard(place)

    async def warm_up(self, act: Act[Any]) -> bool:
        """Check whether the next request at a place may be sent, since the first one is listed."""
        if act.dated:
            return bool((await self._newest_listed(act))[1])
        if await self.store.newest_control(act.account, act.kind, act.model) is None:
            return False
        # Its answer is all that it can show: what its list is worth, only what is sent later tells.
        place = act.place or act.account
        await self.store.learn(place, (), await self.store.habits(place), warm_model=act.model)
        return True

    def at_end_of(self, key: str) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """Return what reads the list now that a render has ended; None where that would teach nothing."""
        place = next((place for place, act in self._making.items() if act.key == key), None)
        return None if place is None else partial(self._at_end, self._making.pop(place))

    async def _at_end(self, act: Act[Any]) -> None:
        """Check whether the list has been renewed since it showed the render in progress."""
        place = act.place or act.account
        # Some caches drop their copy whenever something is posted. If another request left meanwhile, a renewed
        # list does not show for how long such a cache keeps a copy.
        if self._last.get(place) != act.key or await self._is_known(act):
            return
        control, state = await self._newest_listed(act, LONGEST_LOOK_BEFORE)
        if control is None or control.key != act.key or state != ENDED:
            return
        passed = since_before(control.how, self.time.now())
        habits = await self.store.habits(place)
        if habits.prompt and passed is not None and passed <= LONGEST_RENEWAL:
            await self.store.learn(place, (), renewed_again(habits, passed))

    async def _newest_listed(self, act: Act[Any], longest: float = inf) -> tuple[EffectRow | None, str]:
        """Return the newest control, and the state in which the list shows it; empty where it does not."""
        control = await self.store.newest_control(act.account, act.kind, act.model)
        if control is None:
            return None, ""
        try:
            async with asyncio.timeout(min(act.time_limit, longest)):
                return control, await Looker(self.store, self.time).look_at_control(act, control)
        except Exception as error:
            log.info("%s: the list could not be read: %s", act.what, in_a_line(error))
            return control, ""

    async def _is_known(self, act: Act[Any]) -> bool:
        """Return whether reading a list now would teach nothing that is not known."""
        place = act.place or act.account
        looked_up = act.idempotency is Idempotency.LOOKUP and act.can_look
        # How fresh a list was counts only beside a date.
        if not self.learns or not looked_up or not act.dated or place in self._known:
            return True
        habits = await self.store.habits(place)
        if habits.prompt >= PROMPT_ENOUGH or habits.late:
            # For this process it stays known, so that the store is not asked again before each request.
            self._known.add(place)
        return place in self._known
