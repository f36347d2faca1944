"""Drives jobs: claims what is due, hands it to the worker and the poller, and sleeps until the next is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from reelwork.clock import CLOCK_STEP, Timeline, in_words
from reelwork.engine import timing
from reelwork.engine.events import Watcher
from reelwork.engine.leases import renew_for_ever, take_over
from reelwork.engine.left import Left
from reelwork.engine.render_poller import RenderPoller
from reelwork.engine.renders.polling import Waiting
from reelwork.engine.worker import Runner, Worker
from reelwork.errors import StoreUnwritable
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.protocol import LeaseHolder, Store
from reelwork.store.records import JobRow, RenderRow

log = logging.getLogger("reelwork.engine")

LONGEST_SLEEP = 1.0
"""Seconds. Other processes may add work to the store without telling this one; what this process adds wakes it."""


@dataclass
class Engine:
    """Drives the jobs of a store, or a watched set of them, in this process."""

    store: Store
    owner: LeaseHolder
    steps: Runner
    waiting: Waiting
    pipeline_of: Callable[[str], Pipeline]
    """The pipeline of a run. Raises a `ReelworkError` when it cannot be built here."""
    clock: Callable[[], float]
    watchers: Sequence[Watcher] = ()
    slots: int = 32
    """Jobs in the hands of this process at once; one that waits for its render takes none."""
    scope: str | None = None
    """The watched set of jobs this engine drives; None: all."""
    accounts: Sequence[str] | None = None
    """The accounts whose renders are looked at; None: all. Renders of jobs that are not driven are among them,
    since they take up places there."""
    turned: Callable[[], None] = lambda: None
    """Called in each round of the loop, and at least every few seconds unless it hangs."""
    grace: float = timing.GRACE
    """Seconds for which work under way may finish after `stop`."""
    left: Left = field(init=False)
    """The steps and accounts that this process leaves to others."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _looks: set[asyncio.Task[None]] = field(default_factory=set)
    _busy: set[str] = field(default_factory=set)
    """Accounts that are being asked: what falls due there meanwhile is in the same answer, or in the next."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _failure: BaseException | None = None
    """The error that ended a task, such as of a store that cannot be written."""
    _moved: float | None = None
    """Seconds by which the clock was set so far, as far as it was said; None before it was first compared."""
    _stopping: bool = False
    _worker: Worker = field(init=False)
    _poller: RenderPoller = field(init=False)

    def __post_init__(self) -> None:
        """Make what carries the jobs on and polls the renders that the loop claims."""
        self.left = Left(self.pipeline_of)
        shared = (self.left, self.clock, self.watchers)
        self._poller = RenderPoller(self.store, self.owner, self.waiting, *shared)
        self._worker = Worker(self.store, self.owner, self.steps, self._poller, *shared, ended=self._ended)

    def stop(self) -> None:
        """Claim nothing more; what is under way is finished. Safe to call from a signal handler."""
        self._stopping = self._worker.stopping = True
        self._wake.set()

    async def drive(self, settled: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Run until `settled` says so while nothing is under way, or until `stop`.

        Raises `StoreUnwritable` when the store cannot be written.
        """
        heartbeat = asyncio.create_task(renew_for_ever(self.store, self.owner, self._wake.set))
        forget = self.store.on_work(self._waker())
        try:
            await self._recover()
            while not self._stopping:
                # Before the store is asked: what is added while it answers sets the event again and is not slept
                # through.
                self._wake.clear()
                self.turned()
                await self._keep_time()
                if heartbeat.done():
                    # It ends only with an error. Without it the leases run out, and others would take over jobs
                    # that are in work.
                    heartbeat.result()
                if self._failure is not None:
                    raise self._failure
                busy = await self._claim()
                if not busy and not self._tasks and not self._looks and settled is not None and await settled():
                    break
                if not busy:
                    await self._sleep()
        finally:
            forget()
            # The grace is shorter than what is left of each lease, so work under way keeps its jobs without it.
            heartbeat.cancel()
            await self._finish()

    def _waker(self) -> Callable[[], None]:
        loop = asyncio.get_running_loop()

        def wake() -> None:
            # Jobs may be added in another thread, after this engine's loop has ended.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake.set)

        return wake

    async def _recover(self) -> None:
        if await take_over(self.store, self.owner):
            self._wake.set()

    async def _keep_time(self) -> None:
        """Let a clock that was set neither hurry nor hold up what waits, and say so."""
        if not isinstance(self.clock, Timeline):
            return
        if self._moved is not None and self.clock.moved == self._moved and abs(self.clock.error()) < CLOCK_STEP:
            return
        in_store = await self.store.keep_time()
        here = self.clock.moved - (self._moved or 0.0)
        self._moved = self.clock.moved
        moved = max(in_store, here, key=abs)
        if abs(moved) >= CLOCK_STEP:
            way = "forward" if moved > 0 else "back"
            length = in_words(abs(moved))
            log.warning("the clock of this machine was set %s by %s; waits are not affected", way, length)

    async def _claim(self) -> bool:
        free = self.slots - len(self._tasks)
        rows: list[JobRow] = []
        if free > 0:
            left = self.left.steps
            rows = await self.store.claim_jobs(self.owner.name, timing.LEASE, free, self.scope, left)
        for row in rows:
            self._start(self._tasks, self._worker.carry_on(row))
        # A poll takes no slot: thousands of renders wait in one request, and jobs must not wait behind it.
        renders = await self.store.claim_renders(
            self.owner.name, timing.POLL_LEASE, timing.POLLED_AT_ONCE, self.accounts, self._passed_over()
        )
        for account, group in groupby(sorted(renders, key=_account), key=_account):
            self._busy.add(account)
            self._start(self._looks, self._poll(account, list(group)))
        return bool(rows)

    async def _sleep(self) -> None:
        # With every slot taken, what is due cannot start before something ends, which wakes us.
        free = len(self._tasks) < self.slots
        due = None
        if free:
            due = await self.store.next_due(self.scope, self.accounts, self._passed_over(), self.left.steps)
        pause = LONGEST_SLEEP if due is None else min(max(due - self.clock(), 0.005), LONGEST_SLEEP)
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return

    def _passed_over(self) -> tuple[str, ...]:
        """Return the accounts at which nothing is asked now."""
        return (*self._busy, *self.left.accounts)

    async def _poll(self, account: str, renders: Sequence[RenderRow]) -> None:
        try:
            await self._poller.poll(account, renders)
        finally:
            self._busy.discard(account)

    def _start(self, group: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        group.add(task)
        # The loop holds tasks by weak references only. Without the set one could vanish in the middle of its work.

        def ended(done: asyncio.Task[None]) -> None:
            group.discard(done)
            self._ended(done)

        task.add_done_callback(ended)

    def _ended(self, done: asyncio.Task[None]) -> None:
        failure = None if done.cancelled() else done.exception()
        self._failure = self._failure or failure
        self._wake.set()

    async def _finish(self) -> None:
        """Let work under way end, for a while."""
        under_way = self._tasks | self._looks | self._worker.observers
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=self.grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(StoreUnwritable):
            # If it cannot be written, others see by the lock that this process has ended.
            await self.store.expire(self.owner.name)


def _account(render: RenderRow) -> str:
    return render.account
