"""Tells people that the store cannot be written, such as for a full disk, and when it can be again.

What they were told is kept in memory: there is no other place for it then. So each of several servers tells it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from reelwork.server.driving import GOES_ON, STANDS, STEADY_SECONDS
from reelwork.server.pulse import Pulse
from reelwork.server.recipients import AGAIN_SECONDS, Messenger, Recipient

LOOK_SECONDS = 1.0
"""Seconds between two looks at whether the store is in trouble."""
PATIENCE_SECONDS = 10.0
"""Seconds of trouble before people are told: a disk that is cleared at once needs nobody."""
# A disk that stays full may have room for a row now and then: then people are told twice, and not each minute.
RECENT_SECONDS = 3600.0
"""Seconds after an outage in which the next one must be over for longer."""
LONG_STEADY_SECONDS = 600.0
"""Seconds without trouble after which such a one is over."""


@dataclass
class Outage:
    """The time in which the store cannot be written, with short times between in which it can."""

    began: float | None = None
    """When it began; None while there is none."""
    calm_since: float | None = None
    """When it was first seen that there is no trouble now."""
    over_at: float = float("-inf")
    """When the one before was over."""

    def look(self, trouble: bool, now: float) -> None:
        """Take in whether there is trouble now."""
        if trouble:
            self.began, self.calm_since = now if self.began is None else self.began, None
            return
        if self.began is None:
            return
        self.calm_since = now if self.calm_since is None else self.calm_since
        if now - self.calm_since >= self._steady_for(self.began):
            self.began, self.calm_since, self.over_at = None, None, now

    def is_news(self, now: float) -> bool:
        """Return whether people are to know: there is trouble now, and it did not pass at once."""
        return self.began is not None and self.calm_since is None and now - self.began >= PATIENCE_SECONDS

    def _steady_for(self, began: float) -> float:
        return LONG_STEADY_SECONDS if began - self.over_at < RECENT_SECONDS else STEADY_SECONDS


@dataclass
class _Told:
    """What one recipient knows of the outage."""

    whom: Recipient
    knows: bool = False
    again_at: float = float("-inf")
    """When a notice may be tried again that no address took."""


class OutageNotices:
    """Tells each recipient of an outage once, and once when it is over."""

    def __init__(
        self,
        pulse: Pulse,
        recipients: Sequence[Recipient],
        origin: str,
        messenger: Messenger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Leave out `recipients` of one brand: where the store is concerns whoever keeps the machine."""
        self._pulse, self._origin, self._messenger, self._clock = pulse, origin, messenger, clock
        self._all = [_Told(one) for one in recipients if not one.brand]
        self._outage = Outage()

    async def run(self, stopping: asyncio.Event) -> None:
        """Tell until `stopping` is set."""
        while not stopping.is_set():
            if self._all:
                await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await stopping.wait()

    async def look(self) -> None:
        """Look once whether there is trouble, and tell what is due."""
        now = self._clock()
        self._outage.look(self._pulse.trouble is not None, now)
        if self._outage.is_news(now):
            due = [one for one in self._all if not one.knows and one.again_at <= now]
            await asyncio.gather(*(self._tell(one, now) for one in due))
        elif self._outage.began is None:
            await asyncio.gather(*(self._tell_over(one) for one in self._all if one.knows))

    async def _tell(self, one: _Told, now: float) -> None:
        trouble = self._pulse.trouble
        if trouble is None:
            return
        text = " ".join((trouble.message, trouble.money, STANDS, GOES_ON))
        one.again_at = now + AGAIN_SECONDS
        one.knows = await self._messenger.tell(one.whom, "The store cannot be written", f"{text}\n{self._origin}/")

    async def _tell_over(self, one: _Told) -> None:
        one.knows, one.again_at = False, float("-inf")
        text = "The store can be written again: jobs are driven and schedules fire."
        await self._messenger.tell(one.whom, "Mended", f"{text}\n{self._origin}/")
