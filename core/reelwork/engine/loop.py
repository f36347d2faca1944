"""Driving jobs: claims what is due, runs its steps, commits each, and sleeps until something is due again."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Protocol

from reelwork.clock import CLOCK_STEP, Timeline, in_words
from reelwork.engine.events import WAITS, Happening, RenderSeen, Watcher, unharmed
from reelwork.engine.renders.polling import Looked, Waiting
from reelwork.engine.stages.step import Next, Working, moved, presentable, stop, unstorable
from reelwork.errors import IdTaken, LeaseLost, PluginFailed, StoreUnwritable, Unstorable, describe, in_a_line
from reelwork.ledger import ENDED, LATE_ANSWER, TAKEN
from reelwork.planning.job_state import JobData
from reelwork.plugins.pipeline import Pipeline
from reelwork.redaction.redactor import working_on
from reelwork.store.commands import Confirm, Doubt, Refuse, Reopen, SetJob, StillWaiting
from reelwork.store.protocol import LeaseHolder, Store
from reelwork.store.records import ACTIVE, FAILED, JobRow, Lease, RenderRow
from reelwork_hooks.errors import PluginInvalid, ReelworkError
from reelwork_hooks.provider import Provider

log = logging.getLogger("reelwork.engine")

LEASE = 60.0
"""Seconds a job is held without a sign of life."""
LONGEST_SLEEP = 1.0
"""Seconds. Other processes may add work to the store without telling this one; what this process adds wakes it."""
PAUSE_AFTER_ERROR = 5.0
"""Seconds before a step whose outcome could not be written down is tried again."""
GRACE = 20.0
"""Seconds that acts under way are given to finish when the engine is told to stop."""
NOT_STORABLE = "what it answered cannot be stored"
LOOKING = 3 * LEASE
"""Seconds a render is held for a look. Renewed with the jobs' leases."""
LOOKS_AT_ONCE = 20_000
"""Renders claimed for one round."""


class Runner(Protocol):
    """Does the next step of a job."""

    async def run(self, work: Working) -> Next:
        """Do it."""
        ...


@dataclass
class Engine:
    """Drives the jobs of a store, or a watched set of them, in this process."""

    store: Store
    owner: LeaseHolder
    steps: Runner
    waiting: Waiting
    pipeline_of: Callable[[str], Pipeline]
    """The pipeline of a run. Raises a `ReelworkError` when it cannot be built any more."""
    clock: Callable[[], float]
    watchers: Sequence[Watcher] = ()
    slots: int = 32
    """Jobs in the hands of this process at once; one that waits for its render takes none."""
    scope: str | None = None
    """The watched set of jobs this engine drives; None: all."""
    accounts: Sequence[str] | None = None
    """The accounts whose renders are looked at; None: all. Renders of jobs that are not driven are among them,
    since they take up places there."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _looks: set[asyncio.Task[None]] = field(default_factory=set)
    _observers: set[asyncio.Task[None]] = field(default_factory=set)
    _busy: set[str] = field(default_factory=set)
    """Accounts that are being asked: what falls due there meanwhile is in the same answer, or in the next."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _failure: BaseException | None = None
    """What ended a task: a store that cannot be written ends the drive, since nothing more may be sent."""
    _moved: float | None = None
    """Seconds by which the clock was set so far, as far as it was said; None before it was first compared."""
    _stopping: bool = False

    def stop(self) -> None:
        """Claim nothing more; what is under way is finished. Safe to call from a signal handler."""
        self._stopping = True
        self._wake.set()

    async def drive(self, settled: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Run until `settled` says so while nothing is under way, or until `stop`.

        Raises `StoreUnwritable` when the store cannot be written.
        """
        heartbeat = asyncio.create_task(self._keep_leases())
        forget = self.store.on_work(self._waker())
        try:
            await self._recover()
            while not self._stopping:
                self._wake.clear()
                await self._keep_time()
                if heartbeat.done():
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
        """Take over at once what dead processes held, instead of waiting for their leases to run out."""
        for owner in await self.store.owners():
            if owner != self.owner.name and await self.store.worker_is_dead(owner):
                await self.store.expire(owner)
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

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE / 4)
            await self.store.renew(self.owner.name, LEASE)
            await self._recover()

    async def _claim(self) -> bool:
        free = self.slots - len(self._tasks)
        rows = await self.store.claim_jobs(self.owner.name, LEASE, free, self.scope) if free > 0 else []
        for row in rows:
            self._start(self._tasks, self._advance(row))
        renders = await self.store.claim_renders(
            self.owner.name, LOOKING, LOOKS_AT_ONCE, self.accounts, tuple(self._busy)
        )
        for account, group in groupby(sorted(renders, key=_account), key=_account):
            self._busy.add(account)
            self._start(self._looks, self._look(account, list(group)))
        return bool(rows)

    async def _sleep(self) -> None:
        # With every slot taken, what is due cannot start before something ends, which wakes us.
        free = len(self._tasks) < self.slots
        due = await self.store.next_due(self.scope, self.accounts, tuple(self._busy)) if free else None
        pause = LONGEST_SLEEP if due is None else min(max(due - self.clock(), 0.005), LONGEST_SLEEP)
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return

    def _start(self, group: set[asyncio.Task[None]], work: Any) -> None:
        task = asyncio.create_task(work)
        group.add(task)

        def ended(done: asyncio.Task[None]) -> None:
            group.discard(done)
            failure = None if done.cancelled() else done.exception()
            self._failure = self._failure or failure
            self._wake.set()

        task.add_done_callback(ended)

    # --- jobs ------------------------------------------------------------------------------------------

    async def _advance(self, row: JobRow) -> None:
        """Run a job's steps until it waits or ends."""
        lease = Lease(row.id, row.fence, self.owner.name)
        working_on(row.id, row.run_id)
        try:
            data = JobData.model_validate_json(row.data)
            while True:
                following = await self._step(row, data, lease)
                try:
                    row = await self._commit(row, lease, following, data)
                except IdTaken as taken:
                    await self._doubt(lease, taken)
                    continue
                data = following.data
                if following.waits or following.status != ACTIVE or self._stopping:
                    return
        except LeaseLost:
            log.info("job %s was taken over by another process", row.id)
        except ReelworkError as error:
            log.error("job %s, step %s: %s", row.id, row.step, in_a_line(error))
            await self.store.let_go(lease, PAUSE_AFTER_ERROR)
        except Exception:
            log.exception("job %s, step %s", row.id, row.step)
            await self.store.let_go(lease, PAUSE_AFTER_ERROR)

    async def _step(self, row: JobRow, data: JobData, lease: Lease) -> Next:
        try:
            pipeline = self.pipeline_of(row.run_id)
        except ReelworkError as error:
            return stop(FAILED, row.step, data, f"its workflow cannot be run any more: {error.explained()}")
        try:
            return await self.steps.run(Working(row, data, lease, pipeline))
        except (LeaseLost, asyncio.CancelledError):
            raise
        except (PluginFailed, PluginInvalid) as error:
            return stop(FAILED, row.step, data, f"step {row.step} failed: {in_a_line(error)}")
        except Exception as error:
            log.exception("job %s: step %s failed", row.id, row.step)
            reason = f"step {row.step} failed: {describe(error)}. This is a fault in Reelwork; please report it."
            return stop(FAILED, row.step, data, reason)

    async def _commit(self, row: JobRow, lease: Lease, following: Next, before: JobData) -> JobRow:
        following = presentable(following)
        try:
            await self._write(lease, following, before)
        except LeaseLost:
            self._keep_answers(following)
            raise
        except (Unstorable, ValueError, TypeError, RecursionError) as error:
            # It would fail every time: the job ends here, with its reason, and the others go on.
            log.error("job %s, step %s: %s", row.id, row.step, in_a_line(error))
            following = unstorable(row.step, following, before, in_a_line(error))
            await self._write(lease, following, before)
        row = moved(row, following)
        self._tell(row, following)
        if following.afterwards is not None:
            self._start(self._observers, following.afterwards())
        return row

    async def _write(self, lease: Lease, following: Next, before: JobData) -> None:
        state = SetJob(
            status=following.status,
            step=following.step,
            due_at=self._due(following),
            reason=following.reason,
            data=None if following.data is before else following.data.model_dump_json(),
            render_id=following.render_id,
            attempts=following.attempts,
            blocked_on=following.blocked_on,
            release=following.waits or following.status != ACTIVE or self._stopping,
        )
        await self.store.apply(lease, [*following.commands, *following.tells, state])

    def _due(self, following: Next) -> float | None:
        due = following.until if following.waits else self.clock()
        return due if following.status == ACTIVE else None

    async def _doubt(self, lease: Lease, taken: IdTaken) -> None:
        """Mark an effect as in doubt: an id that another effect has is no proof that this one happened.

        The step continues from there.
        """
        effect = await self.store.effect(taken.key)
        assert effect is not None
        self.store.note(taken.key, {TAKEN: effect.attempt})
        reason = f"it was answered with the id {taken.remote_id}, which another one has"
        await self.store.apply(lease, [Doubt(taken.key, reason, None)])

    def _keep_answers(self, following: Next) -> None:
        """An answer that came too late is still proof, and so is a call's end: keep both for who has the job."""
        for command in following.commands:
            if isinstance(command, Confirm):
                self.store.note(command.key, {LATE_ANSWER: command.result}, made=command.remote_id)
            elif isinstance(command, Doubt | Reopen | Refuse) and getattr(command, "sender", None) is None:
                self.store.note_end(command.key, self.owner.name, ENDED)

    def _tell(self, row: JobRow, following: Next) -> None:
        until, in_doubt = following.until, following.in_doubt
        for line in following.tells:
            happening = Happening(row, following.data, line.name, line.details, until, in_doubt)
            self._inform(happening)
            self._observe(happening)
        if following.waits and following.reason and not following.tells:
            # Not worth a line in its story, yet whoever watches should know what it waits for.
            self._inform(Happening(row, following.data, WAITS, {"reason": following.reason}, until, in_doubt))

    def _inform(self, happening: Happening) -> None:
        for watcher in self.watchers:
            with unharmed(watcher):
                watcher.happened(happening)

    def _observe(self, happening: Happening) -> None:
        try:
            pipeline = self.pipeline_of(happening.job.run_id)
        except ReelworkError:
            return
        if pipeline.order.get("job_event"):
            self._start(self._observers, observe(pipeline, happening))

    # --- renders ---------------------------------------------------------------------------------------

    async def _look(self, account: str, renders: Sequence[RenderRow]) -> None:
        try:
            provider = self.pipeline_of(renders[0].run_id).provider
            most = provider.most_per_poll
            for first in range(0, len(renders), most):
                await self._look_at(provider, account, renders[first : first + most])
        except StoreUnwritable:
            raise
        except Exception as error:
            # One answer must not end the drive, and with it every other job.
            log.error("renders of %s cannot be looked at: %s", account, in_a_line(error))
            later = StillWaiting(self.clock() + 60, tuple((render.id, render.fence) for render in renders))
            await self.store.update_renders(self.owner.name, (), [later])
        finally:
            self._busy.discard(account)

    async def _look_at(self, provider: Provider, account: str, renders: Sequence[RenderRow]) -> None:
        looked = await self.waiting.look(provider, renders)
        if looked.problem:
            log.warning("looking at renders of %s: %s", account, looked.problem)
        await self._learn(renders, looked)
        if looked.others:
            along = await self.store.claim_seen(self.owner.name, LOOKING, account, tuple(looked.others))
            await self._learn(along, self.waiting.learn(provider, along, looked.others))

    async def _learn(self, renders: Sequence[RenderRow], looked: Looked) -> None:
        if not renders:
            return
        try:
            await self.store.update_renders(self.owner.name, looked.updates, looked.same)
        except Unstorable:
            await self._learn_one_by_one(looked)
        rows = {render.id: render for render in renders}
        for update in looked.updates:
            problem = looked.problem if update.failures else ""
            row = rows[update.id]
            if update.line:
                log.error("job %s: %s", row.job_id, update.line)
            seen = RenderSeen(row.job_id, update.state, update.progress, update.overdue, problem, update.due_at)
            self._report(seen)
        for group in looked.same:
            for id_, _ in group.renders:
                row = rows[id_]
                self._report(RenderSeen(row.job_id, row.state, row.progress, row.overdue))

    async def _learn_one_by_one(self, looked: Looked) -> None:
        """Store the updates one by one. One that cannot be stored loses its own words, and no other is affected."""
        await self.store.update_renders(self.owner.name, (), looked.same)
        for update in looked.updates:
            try:
                await self.store.update_renders(self.owner.name, [update])
            except Unstorable as error:
                log.error("render %s: %s", update.id, in_a_line(error))
                plain = replace(update, word="", error=NOT_STORABLE, progress=None, details=None, expires_at=None)
                await self.store.update_renders(self.owner.name, [plain])

    def _report(self, seen: RenderSeen) -> None:
        for watcher in self.watchers:
            with unharmed(watcher):
                watcher.seen(seen)

    # --- the end ---------------------------------------------------------------------------------------

    async def _finish(self) -> None:
        """Let acts under way end: an answer that is on its way saves looking for it later."""
        under_way = self._tasks | self._looks | self._observers
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with suppress(StoreUnwritable):
            # Then others see by its lock that this process has ended.
            await self.store.expire(self.owner.name)


async def observe(pipeline: Pipeline, happening: Happening) -> None:
    """Tell the workflow's `job_event` plugins. What they raise is logged, nothing waits for it."""
    from datetime import UTC, datetime

    from reelwork.planning.job_state import job_for
    from reelwork_hooks.models import JobEvent

    event = JobEvent(
        job=job_for(happening.job, happening.data),
        name=happening.name,
        at=datetime.now(UTC),
        details=json.loads(json.dumps(dict(happening.details), default=str)),
    )
    for instance in pipeline.order["job_event"]:
        try:
            await pipeline.dispatcher.call(instance, "job_event", event=event)
        except PluginFailed as error:
            log.warning("%s", in_a_line(error))
        except Exception as error:
            log.warning("plugin %r, hook job_event: %s", instance, in_a_line(error))


def _account(render: RenderRow) -> str:
    return render.account
