"""Drives the jobs and schedules of a server. While the store cannot be written it waits for it, and says so."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from reelwork.engine.loop import Engine
from reelwork.errors import StoreUnwritable
from reelwork.server.pulse import Pulse
from reelwork.studio.session import Session

PAUSE_SECONDS = 5.0
"""Seconds after which a store is first tried again that could not be written."""
LONGEST_PAUSE = 60.0
"""Seconds between two tries at most."""
# A file may have room in itself for a single row, and none for the next: such a disk is as full as before.
STEADY_SECONDS = 60.0
"""Seconds of work after which the next trouble counts as a new one."""
WATCH_SECONDS = 20.0
"""Seconds between two tries of a store while it can be written."""
PULSE_SECONDS = 1.0
"""Seconds between two signs of life to the manager of services."""
STANDS = "Until then no job is driven and no schedule fires."
GOES_ON = "Make room on the disk, or check the rights of the file. The server then continues within a minute."

log = logging.getLogger("reelwork.server")


class Runs(Protocol):
    """What runs beside the engine, and writes the store."""

    async def run(self, stopping: asyncio.Event, /) -> None:
        """Run until `stopping` is set."""
        ...


class Driving:
    """Drives until the server stops; each time anew, as after a restart, when the store can be written again."""

    def __init__(
        self,
        session: Session,
        engine: Callable[[], Engine],
        beside: Callable[[], Sequence[Runs]],
        pulse: Pulse,
        stopping: asyncio.Event,
    ) -> None:
        """`engine` and `beside` make anew what runs, since what has failed is not used again."""
        self._session, self._engine, self._beside = session, engine, beside
        self._pulse, self._stopping = pulse, stopping

    async def run(self) -> None:
        """Drive until the server stops. Raises what does not pass by itself."""
        pause = PAUSE_SECONDS
        while not self._stopping.is_set():
            begun = time.monotonic()
            trouble = await self._until_trouble()
            if trouble is None:
                return
            if time.monotonic() - begun >= STEADY_SECONDS:
                pause = PAUSE_SECONDS
            await self._wait_for_store(trouble, pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _until_trouble(self) -> StoreUnwritable | None:
        """Drive until the store cannot be written; None at the end of the server."""
        over = asyncio.Event()
        try:
            engine = self._engine()
            work = [engine.drive(), self._watch(over), *(one.run(over) for one in self._beside())]
        except StoreUnwritable as error:
            return _passing([error])
        tasks = [asyncio.create_task(one) for one in work]
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.set()
            engine.stop()
            stopped.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        return _passing([one for end in ended if isinstance(end, Exception) for one in _single(end)])

    async def _wait_for_store(self, trouble: StoreUnwritable, pause: float) -> None:
        log.error("%s %s %s %s", trouble.message, trouble.money, STANDS, GOES_ON)
        self._pulse.trouble = trouble
        while not await self._stops_within(pause):
            try:
                await self._session.store.try_writing()
            except StoreUnwritable as error:
                self._pulse.trouble = _passing([error])
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            # Under another name from here on: what the old one had sent is looked up, as after its end.
            self._session.start_anew()
            self._pulse.trouble = None
            log.info("the store can be written again: jobs are driven and schedules fire")
            return

    async def _watch(self, over: asyncio.Event) -> None:
        """Try the store while nothing else writes it: a person should know before the next firing is missed."""
        while not await _is_set_within(WATCH_SECONDS, over):
            await self._session.store.try_writing()

    async def _stops_within(self, seconds: float) -> bool:
        """Wait for some seconds; True if the server ends meanwhile."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not self._stopping.is_set():
            # It waits, and does not hang: whoever started it anew would only find the same disk.
            self._pulse.wait()
            await _is_set_within(min(left, PULSE_SECONDS), self._stopping)
        return self._stopping.is_set()


async def _is_set_within(seconds: float, event: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def _passing(errors: Sequence[Exception]) -> StoreUnwritable | None:
    """Return the trouble that passes by itself once there is room. Raises whatever else there is."""
    for error in errors:
        if not isinstance(error, StoreUnwritable) or not error.passing:
            raise error
    return next((one for one in errors if isinstance(one, StoreUnwritable)), None)


def _single(error: Exception) -> Iterator[Exception]:
    # Of those that send, several may fail at once.
    if isinstance(error, ExceptionGroup):
        for one in error.exceptions:
            yield from _single(one)
    else:
        yield error
