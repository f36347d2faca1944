"""Advances jobs: the steps of one job, each committed before the next, until it waits or ends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reelwork.clock import one_clock
from reelwork.engine import timing
from reelwork.engine.events import WAITS, Happening, Watcher, unharmed
from reelwork.engine.leases import renewed, take_over
from reelwork.engine.left import Lacking, Left
from reelwork.engine.render_poller import RenderPoller
from reelwork.engine.stages.step import Next, Working, moved, presentable, sound_reason, stop, unstorable
from reelwork.errors import IdTaken, LeaseLost, PluginFailed, StoreUnwritable, Unstorable, describe, in_a_line
from reelwork.ledger import ENDED, LATE_ANSWER, TAKEN
from reelwork.planning.job_state import JobData
from reelwork.plugins.pipeline import Pipeline
from reelwork.redaction.redactor import working_on
from reelwork.store.commands import Command, Confirm, Doubt, Refuse, Reopen, SetJob
from reelwork.store.protocol import LeaseHolder, Store
from reelwork.store.records import ACTIVE, FAILED, HELD, JobRow, Lease
from reelwork_hooks.errors import PluginInvalid, ReelworkError

log = logging.getLogger("reelwork.engine")


class Runner(Protocol):
    """Does the next step of a job."""

    async def run(self, work: Working) -> Next:
        """Do it."""
        ...


@dataclass
class Worker:
    """Carries jobs of a store on, in the name of one process."""

    store: Store
    owner: LeaseHolder
    steps: Runner
    poller: RenderPoller
    left: Left
    clock: Callable[[], float]
    watchers: Sequence[Watcher] = ()
    stopping: bool = False
    """A job that this process holds is let go of after the step it is in."""
    observers: set[asyncio.Task[None]] = field(default_factory=set)
    """Tasks begun after a commit. Nothing waits for them, and they may be cut off."""
    ended: Callable[[asyncio.Task[None]], None] | None = None
    """Hears of each observer that has ended."""

    async def advance(self, job_id: str) -> bool:
        """Bring one job as far as it can be brought now. Return False, and do nothing, if there is nothing to do.

        Polls its render if that is due, claims the job, runs its steps until it waits or ends, and commits each.
        There is nothing to do for a job that has ended, is not due, is held by a living process, or was just left
        to others by this one. All waits stay in the store: any process may call this next, and whoever calls it
        twice at once pays no more than once.
        Raises `StoreUnwritable`.
        """
        try:
            # A step may take longer than a lease: a large download, a plugin of somebody else's.
            async with renewed(self.store, self.owner):
                done = await self._advance(job_id)
                if not done and await take_over(self.store, self.owner):
                    done = await self._advance(job_id)
                return done
        finally:
            await self.finish_observers()

    async def _advance(self, job_id: str) -> bool:
        # The render first: what the poll learns is what makes the job due.
        render = None
        if not await self._is_render_left(job_id):
            render = await self.store.claim_render_of(job_id, self.owner.name, timing.POLL_LEASE)
        if render is not None:
            await self.poller.poll(render.account, [render])
        row = None
        if not self._is_left(job_id):
            row = await self.store.claim_job(job_id, self.owner.name, timing.LEASE)
        if row is not None:
            await self.carry_on(row)
        return row is not None or render is not None

    def _is_left(self, job_id: str) -> bool:
        # It stays due for whoever can do it. Claimed at once again, it would be claimed without end, and kept from
        # them.
        row = self.store.job(job_id)
        return row is not None and (row.run_id, row.step) in self.left.steps

    async def _is_render_left(self, job_id: str) -> bool:
        row = self.store.job(job_id) if self.left.accounts else None
        render = None if row is None or row.render_id is None else await self.store.render(row.render_id)
        return render is not None and render.account in self.left.accounts

    async def carry_on(self, row: JobRow) -> None:
        """Run the steps of a job that this process holds until it waits or ends, and commit each."""
        lease = Lease(row.id, row.fence, self.owner.name)
        working_on(row.id, row.run_id)
        # By one clock. A time that was read before it was set and is stored afterwards would keep a job waiting
        # for as long as it was set.
        with one_clock(self.clock, row.clock_moved):
            try:
                data = JobData.model_validate_json(row.data)
                while True:
                    following = await self._step(row, data, lease)
                    try:
                        row = await self._commit(row, lease, following, data)
                    # The answer names a render that another effect has. The step is run again and finds its effect
                    # in doubt.
                    except IdTaken as taken:
                        await self._doubt(lease, taken)
                        continue
                    # The row is the one that was committed: the next step sees nothing that a crash could take
                    # back.
                    data = following.data
                    if following.waits or following.status != ACTIVE or self.stopping:
                        return
            # Nothing was written. Whoever has the job now goes by what the store says.
            except LeaseLost:
                log.info("job %s was taken over by another process", row.id)
            except ReelworkError as error:
                log.error("job %s, step %s: %s", row.id, row.step, in_a_line(error))
                # The job stays active and due a little later: a step that could not be recorded is done again, not
                # lost.
                await self.store.let_go(lease, timing.PAUSE_AFTER_ERROR)
            except Exception:
                log.exception("job %s, step %s", row.id, row.step)
                await self.store.let_go(lease, timing.PAUSE_AFTER_ERROR)

    async def _step(self, row: JobRow, data: JobData, lease: Lease) -> Next:
        try:
            # If the store cannot be written, that says nothing about the job: its step is done again.
            pipeline = self.left.pipeline(row.run_id, row.step)
        except Lacking as lacking:
            return self._leave(row, data, lacking)
        try:
            return await self.steps.run(Working(row, data, lease, pipeline))
        except (LeaseLost, StoreUnwritable, asyncio.CancelledError):
            raise
        except (PluginFailed, PluginInvalid) as error:
            return stop(FAILED, row.step, data, f"step {row.step} failed: {in_a_line(error)}")
        except Exception as error:
            log.exception("job %s: step %s failed", row.id, row.step)
            reason = f"step {row.step} failed: {describe(error)}. This is a fault in Reelwork; please report it."
            return stop(FAILED, row.step, data, reason)

    def _leave(self, row: JobRow, data: JobData, lacking: Lacking) -> Next:
        """Let go of a job that this process cannot go on with, and say why on its page, once."""
        why = lacking.message
        # Due at once: whoever else can do it need not wait. This process does not claim it again for a while.
        # A held job stays so: its review may be due, and only a person lets it go on.
        waiting = Next(
            row.step, data, status=row.status, until=self.clock(), waits=True, reason=why, attempts=row.attempts
        )
        return waiting if row.reason == sound_reason(why) else waiting.telling("waiting", reason=why)

    async def _commit(self, row: JobRow, lease: Lease, following: Next, before: JobData) -> JobRow:
        following = presentable(following)
        try:
            # What came of an effect and the job's next step in one transaction: no crash leaves one without the
            # other.
            await self.store.apply(lease, self._commands(following, before))
        except LeaseLost:
            self._keep_answers(following)
            raise
        except (Unstorable, ValueError, TypeError, RecursionError) as error:
            # It would fail every time. The job ends here with its reason, and the others continue.
            log.error("job %s, step %s: %s", row.id, row.step, in_a_line(error))
            following = unstorable(row.step, following, before, in_a_line(error))
            await self.store.apply(lease, self._commands(following, before))
        row = moved(row, following)
        # After the commit, so that nothing is reported that a crash could undo.
        self._tell(row, following)
        if following.afterwards is not None:
            self._afterwards(following.afterwards())
        return row

    def _commands(self, following: Next, before: JobData) -> list[Command]:
        state = SetJob(
            status=following.status,
            step=following.step,
            due_at=self._due(following),
            reason=following.reason,
            data=None if following.data is before else following.data.model_dump_json(),
            render_id=following.render_id,
            attempts=following.attempts,
            blocked_on=following.blocked_on,
            release=following.waits or following.status != ACTIVE or self.stopping,
        )
        return [*following.commands, *following.tells, state]

    def _due(self, following: Next) -> float | None:
        if following.status == HELD:
            # When its review is reminded of or ends.
            return following.until
        due = following.until if following.waits else self.clock()
        return due if following.status == ACTIVE else None

    async def _doubt(self, lease: Lease, taken: IdTaken) -> None:
        """Mark an effect as in doubt: an id that another effect has is no proof that this one happened.

        The step continues from there.
        """
        effect = await self.store.effect(taken.key)
        assert effect is not None
        self.store.note(taken.key, {TAKEN: effect.attempt})
        reason = f"the answer has the id {taken.remote_id}, which another effect already has"
        await self.store.apply(lease, [Doubt(taken.key, reason, None)])

    def _keep_answers(self, following: Next) -> None:
        """Store answers and ends of calls that came after the lease was lost: they are proof for its new holder."""
        for command in following.commands:
            if isinstance(command, Confirm):
                self.store.note(command.key, {LATE_ANSWER: command.result}, made=command.remote_id)
            elif isinstance(command, Doubt | Reopen | Refuse) and getattr(command, "sender", None) is None:
                self.store.note_end(command.key, self.owner.name, ENDED)

    def _tell(self, row: JobRow, following: Next) -> None:
        observed = self._observed(row.run_id)
        if observed is None and not self.watchers:
            return
        until, in_doubt = following.until, following.in_doubt
        for line in following.tells:
            happening = Happening(row, following.data, line.name, line.details, until, in_doubt)
            self._inform(happening)
            if observed is not None:
                self._afterwards(observe(observed, happening))
        if following.waits and following.reason and not following.tells:
            # Not worth a line in its story, yet whoever watches should know what it waits for.
            self._inform(Happening(row, following.data, WAITS, {"reason": following.reason}, until, in_doubt))

    def _inform(self, happening: Happening) -> None:
        for watcher in self.watchers:
            with unharmed(watcher):
                watcher.happened(happening)

    def _observed(self, run_id: str) -> Pipeline | None:
        """Return the pipeline of a run if one of its plugins hears of events."""
        try:
            pipeline = self.left.pipeline_of(run_id)
        except ReelworkError:
            return None
        return pipeline if pipeline.order.get("job_event") else None

    def _afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.observers.add(task)
        task.add_done_callback(self.observers.discard)
        if self.ended is not None:
            task.add_done_callback(self.ended)

    async def finish_observers(self) -> None:
        """Let what was begun after a commit end, for a while; what takes longer is cut off."""
        if self.observers:
            _, late = await asyncio.wait(self.observers, timeout=timing.GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def observe(pipeline: Pipeline, happening: Happening) -> None:
    """Call the workflow's `job_event` plugins. What they raise is logged; nothing waits for it."""
    from datetime import UTC, datetime

    from reelwork.planning.job_state import job_for
    from reelwork_hooks.models import JobEvent

    event = JobEvent(
        job=job_for(happening.job, happening.data, pipeline),
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
