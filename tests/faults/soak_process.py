"""A process of the soak: an engine with its own store connection and its own lock, which can die or be paused.

It dies as a killed process does: what it was about to do is never done, nothing of it runs on, its connection is
gone and the operating system lets go of its lock file, which stays behind.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from soak_world import CALLER, Clock, Here, StillRunning

from reelwork.engine.loop import Engine
from reelwork.engine.reconcile import Reconciler
from reelwork.engine.renders.polling import Waiting
from reelwork.engine.stages.step import Working
from reelwork.engine.stages.table import Steps
from reelwork.errors import HookTimedOut
from reelwork.ledger import Act, Ledger, Outcome
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.records import EffectRow
from reelwork.store.sqlite.read_connections import ReadConnections
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.sqlite.workers import Owner
from reelwork.store.sqlite.writer import Change, Database, T, _Posted
from reelwork_hooks.effects import Effect
from reelwork_hooks.models import Asset, Clip, Role

MOST_TURNS = 20_000
QUICK_TURNS = 1_000
"""Turns without a pause. Whoever then still works waits for a thread, which a busy machine lets wait."""
THREAD_SECONDS = 0.001
CLIP = Asset(path=Path("clip.mp4"), sha256="0" * 64, bytes=1, media_type="video/mp4", role=Role.VIDEO)


class SameThread(Database):
    """Applies each change at once, in the caller's thread, and asks the process before and after."""

    def __init__(self, path: Path, process: Process | None = None) -> None:
        super().__init__(path)
        self._process = process
        # The soak kills processes, not the machine: what the system has, is kept.
        self._connection.execute("PRAGMA synchronous = OFF")

    async def run(self, change: Change[T]) -> T:
        if self._process is not None:
            await self._process.reach("before commit")
        value = self.run_now(change)
        if self._process is not None:
            await self._process.reach("after commit")
        return value

    def run_now(self, change: Change[T]) -> T:
        self._check()
        ((value, error),) = self._commit([_Posted(change)])
        if error is not None:
            raise error
        return value  # type: ignore[no-any-return]

    def post(self, change: Change[object]) -> None:
        self._check()
        self._commit([_Posted(change)])

    def _check(self) -> None:
        assert self._process is None or not self._process.dead, "a dead process reached the store"


def store_at(
    path: Path, clock: Clock, process: Process | None = None, kind: type[SqliteStore] = SqliteStore
) -> Any:
    """A store whose changes happen at once."""
    store = kind.__new__(kind)
    store.path, store._clock, store._db, store._listeners = path, clock, SameThread(path, process), ()
    store._reads = ReadConnections(path)
    return store


class Threads(Ledger):
    """Is told of plugins' threads that go on as the guard tells of them: here neither threads nor time are real."""

    async def _call(self, act: Act[Any], effect: EffectRow, failures: int) -> Outcome[Any]:
        async def call(view: Effect) -> Any:
            try:
                return await act.call(view)
            except Exception as error:
                if isinstance(error.__cause__, StillRunning):
                    raise HookTimedOut(act.subject, act.kind, 1.0, still_running=True) from error
                raise

        return await super()._call(replace(act, call=call), effect, failures)


class Process:
    """Drives the jobs of a store until it dies."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        pipelines: Mapping[str, Pipeline],
        *,
        ledger: type[Ledger] = Ledger,
        store: type[SqliteStore] = SqliteStore,
    ) -> None:
        self.dead = False
        self.awake = asyncio.Event()
        self.awake.set()
        self._parked = 0
        self._strike: tuple[str, int, Callable[[], None]] | None = None
        self._turn: asyncio.Task[Any] | None = None
        self.store = store_at(path, clock, self, store)
        self.owner = Owner(path)
        kinds = (Threads,) if ledger is Ledger else (Threads, ledger)
        threaded: Any = type(f"Threaded{ledger.__name__}", kinds, {})
        steps = self.steps = Steps(self.store, threaded(self.store, self.owner, clock), clock, _download, _probe)
        waiting = Waiting(clock, jitter=lambda: 0.5)
        self.engine = Engine(self.store, self.owner, steps, waiting, pipelines.__getitem__, clock)

    # --- what may strike -------------------------------------------------------------------------------

    def strike(self, point: str, number: int, how: str) -> None:
        """Die or stop when it reaches this point for the `number`-th time from now."""
        self._strike = (point, number, self._die if how == "dies" else self.awake.clear)

    async def reach(self, point: str) -> None:
        """Where the world may end. Other tasks of the process get their turn here too."""
        if self._strike is not None and self._strike[0] == point:
            _, number, act = self._strike
            self._strike = None if number <= 1 else (point, number - 1, act)
            if number <= 1:
                act()
        await asyncio.sleep(0)
        while self.dead or not self.awake.is_set():
            await self._park()

    async def _park(self) -> None:
        self._parked += 1
        try:
            await (asyncio.Event().wait() if self.dead else self.awake.wait())
        finally:
            self._parked -= 1

    def _die(self) -> None:
        self.dead = True

    @property
    def paused(self) -> bool:
        return not self.awake.is_set()

    # --- what it does ----------------------------------------------------------------------------------

    async def turn(self) -> None:
        """Take over from the dead, claim what is due, and work until nothing moves any more."""
        if self.paused:
            return
        self._begin(self._claim())
        await self.run_on()

    async def wake(self) -> None:
        """After a pause, everything goes on where it stood."""
        self.awake.set()
        await self.run_on()

    async def reconcile(self) -> None:
        """Look up everything in doubt. Settle times pass at once, as far as this process is concerned."""

        async def pause(seconds: float) -> None:
            Here.world.time_passes(seconds)

        token = CALLER.set(self)
        try:
            await Reconciler(self.steps, self.engine.pipeline_of, pause=pause).run()
        finally:
            CALLER.reset(token)

    async def run_on(self) -> None:
        for turn in range(MOST_TURNS):
            waiting = self._tasks()
            if not waiting or self.dead or (self.paused and self._parked >= len(waiting)):
                break
            await asyncio.sleep(0 if turn < QUICK_TURNS else THREAD_SECONDS)
        else:
            raise AssertionError("a process that works on and on")
        if self.dead:
            await self.bury()
        elif self._turn is not None and self._turn.done():
            self._turn.result()

    async def bury(self) -> None:
        """Nothing of it runs on: its tasks end where they are, without another act."""
        self.dead = True
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        self.store._db.close()
        self.owner._file.close()

    def _begin(self, work: Any) -> None:
        assert self._turn is None or self._turn.done()
        token = CALLER.set(self)
        self._turn = asyncio.get_running_loop().create_task(work)
        CALLER.reset(token)

    async def _claim(self) -> None:
        await self.engine._recover()
        await self.engine._claim()

    def _tasks(self) -> list[asyncio.Task[Any]]:
        own = [] if self._turn is None or self._turn.done() else [self._turn]
        return [*own, *self.engine._tasks, *self.engine._looks, *self.engine._worker.observers]


async def _download(work: Working, source: Any) -> Clip:
    return Clip(video=CLIP)


async def _probe(path: Path) -> Mapping[str, Any]:
    return {}
