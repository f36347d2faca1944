"""The schedules of a store in the foreground: fires what is due, and drives the jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reelwork.clock import Timeline
from reelwork.plugins.catalog import Catalog
from reelwork.store.open import open_store
from reelwork.store.protocol import Store
from reelwork.store.statuses import Status
from reelwork.studio.driver import Drive
from reelwork.studio.firing.firer import Firer
from reelwork.studio.firing.launching import Allow
from reelwork.studio.firing.runner import Runner, Told
from reelwork.studio.job_names import JobRows
from reelwork.studio.session import Session

if TYPE_CHECKING:
    from reelwork.engine.loop import Engine

PING_SECONDS = 30.0
"""Seconds for which the pings of one pass may take to arrive."""


class Foreground:
    """Fires schedules and drives every job of a store in this process. Use it as a context manager."""

    def __init__(self, path: Path, *, on_slot: Told | None = None) -> None:
        self._clock = Timeline()
        self._store = open_store(path, clock=self._clock)
        self._on_slot = on_slot
        self._stopped = False
        self._ended: asyncio.Event | None = None
        self._driving: Engine | Drive | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def stop(self) -> None:
        """End once the steps in progress have ended; everything can be resumed."""
        self._stopped = True
        if self._ended is not None:
            self._ended.set()
        if self._driving is not None:
            self._driving.stop()

    async def run(self) -> list[str]:
        """Fire and drive until `stop`; returns no jobs, since there is no end of them."""
        self._ended = asyncio.Event()
        async with self._session() as session:
            engine = self._driving = session.engine(None, ())
            runner = Runner(session, clock=self._clock, on_slot=self._on_slot)
            if not self._stopped:
                await _both(engine.drive(), runner.run(self._ended), self.stop)
        return []

    async def once(self) -> list[str]:
        """Fire what is due, and drive the jobs of that until they have settled; returns how they stand."""
        async with self._session() as session:
            runner = Runner(session, clock=self._clock, on_slot=self._on_slot)
            await runner.look()
            statuses = await self._drive(session)
            await runner.close_pings(PING_SECONDS)
            return statuses

    def _session(self) -> Session:
        self._store.check_in_use()
        return Session(self._store, Catalog(), clock=self._clock)

    async def _drive(self, session: Session) -> list[str]:
        # Also those that an earlier look has fired and nobody has brought to their end.
        rows = JobRows(self._store, self._store.fired_jobs((Status.ACTIVE,)))
        drive = self._driving = Drive(self._store, session, rows, {head.run_id for head in rows.heads()})
        if self._stopped:
            drive.stop()
        await drive.until_settled()
        return [head.status for head in rows.heads()]


async def _both(first: Awaitable[None], second: Awaitable[None], stop: Callable[[], None]) -> None:
    """Run both until they end. When one fails the other is stopped first, so that its jobs are given back."""
    tasks = [asyncio.ensure_future(first), asyncio.ensure_future(second)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop()
    await asyncio.wait(tasks)
    for task in tasks:
        task.result()


async def fire_now(store: Store, name: str, allow: Allow) -> str:
    """Fire a schedule beside its times; returns the run that was written. Raises a `ReelworkError`."""
    clock = Timeline()
    store.check_in_use()
    store.check_whole()
    async with Session(store, Catalog(), clock=clock) as session:
        slot = await Firer(session).fire_now(name, clock.clock.wall(), allow)
    assert slot.run_id is not None
    return slot.run_id
