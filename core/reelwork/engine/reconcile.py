"""Looks up every effect in doubt. Sends nothing and advances no job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from reelwork.engine import timing
from reelwork.engine.leases import take_over
from reelwork.engine.stages.effects import post_act, submit_act
from reelwork.engine.stages.step import Working
from reelwork.engine.stages.submit import accepted
from reelwork.engine.stages.table import Steps
from reelwork.errors import in_a_line
from reelwork.ledger import Act, Happened, Later, Refused, Undecided
from reelwork.ledger.sending_record import sent_of
from reelwork.planning.job_state import JobData, PostState, post_for
from reelwork.planning.shapes import posted_as
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.commands import Command, Doubt, Refuse, Reopen, Saw, SetJob, Tell
from reelwork.store.holds import HoldReason
from reelwork.store.records import HELD, EffectRow, JobRow, Lease
from reelwork.store.statuses import CLOSED, Step
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.provider import Submitted

# What takes longer is reported and left for the next time.
LONGEST_WAIT = 120.0
"""Seconds for which a settle time is waited for."""
MOST_LOOKS = 4
"""The number of times an effect is looked up, with waits for its settle time and its sender."""

Decided = Literal["happened", "did-not-happen", "waiting", "resume", "person"]
"""`waiting`: it is too early, or the other side could not be asked; `resume`: resuming settles it and repeats
nothing; `person`: a person must look."""


@dataclass(frozen=True)
class Finding:
    """The finding about one effect, and the decision made from it."""

    job: str
    kind: str
    """`submit` or `publish`."""
    subject: str
    """The provider or destination."""
    key: str
    state: str
    """Its state in the ledger: `sent` (the sender is gone) or `unknown`."""
    decided: Decided
    found: str
    """The result of the lookup, or why there was none."""
    remote_id: str | None = None
    until: float | None = None
    """The time from which another lookup makes sense, in seconds since the epoch."""

    @property
    def settled(self) -> bool:
        """True if the ledger now knows the outcome."""
        return self.decided in ("happened", "did-not-happen")


@dataclass(frozen=True)
class Reconciled:
    """All findings, oldest effect first."""

    findings: tuple[Finding, ...]
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """0 when nothing is in doubt any more, else 3."""
        return 0 if all(finding.settled for finding in self.findings) else 3


class Reconciler:
    """Looks up effects in doubt, one after the other, each under its job's lease."""

    def __init__(
        self,
        steps: Steps,
        pipeline_of: Callable[[str], Pipeline],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._steps = steps
        self._store, self._owner = steps.store, steps.ledger.owner
        self._pipeline_of = pipeline_of
        self._pause = pause
        self._unreachable: dict[str, str] = {}

    async def run(self, job_ids: Sequence[str] | None = None) -> tuple[Finding, ...]:
        """Look up every effect in doubt, or those of some jobs."""
        await take_over(self._store, self._owner)
        effects = [one for one in await self._store.in_doubt() if job_ids is None or one.job_id in job_ids]
        found = {effect.key: await self._look(effect) for effect in effects}
        for _ in range(MOST_LOOKS):
            open_ = [effect for effect in effects if self._worth_waiting(found[effect.key])]
            if not open_:
                break
            soonest = min(found[effect.key].until or 0.0 for effect in open_)
            # A little past it: a clock that is read a moment early would find it not settled yet and use up a
            # lookup.
            await self._pause(max(soonest - self._steps.clock(), 0.0) + 0.01)
            for effect in open_:
                found[effect.key] = replace(await self._look(effect), state=effect.state)
        return tuple(found.values())

    def _worth_waiting(self, finding: Finding) -> bool:
        return finding.until is not None and finding.until - self._steps.clock() <= LONGEST_WAIT

    async def _look(self, effect: EffectRow) -> Finding:
        # An account that does not answer is asked once, not for each effect: each time takes as long as its limit.
        if effect.account in self._unreachable:
            return _finding(effect, "waiting", self._unreachable[effect.account])
        row = await self._store.hold(effect.job_id, self._owner.name, timing.LEASE)
        if row is None:
            return _finding(effect, "waiting", "another process holds this job and will record the outcome")
        lease = Lease(row.id, row.fence, self._owner.name)
        try:
            return await self._settle(effect, row, lease)
        except ReelworkError as error:
            return _finding(effect, "person", f"it could not be looked up: {in_a_line(error)}")
        finally:
            # Given back as it was taken: the job's step and status are not this command's to change.
            await self._store.give_back(lease)

    async def _settle(self, effect: EffectRow, row: JobRow, lease: Lease) -> Finding:
        # With the settings it was sent with: other settings may look at another server or account.
        run = sent_of(effect).run or row.run_id
        work = Working(row, JobData.model_validate_json(row.data), lease, self._pipeline_of(run), run)
        if effect.kind == "publish" and work.data.clip is None and row.status not in CLOSED:
            return _finding(effect, "resume", "its job has not reached this step again; it is looked up then")
        act = self._act(work, effect, await self._store.posts_of(work.row.id))
        if act is None:
            return _finding(effect, "person", "its workflow no longer has this provider or destination")
        outcome = await self._steps.ledger.settle(lease, act)
        match outcome:
            case Happened(result, commands):
                kept = await self._render_of(work, result) if isinstance(result, Submitted) else ()
                return await self._happened(effect, work, act.identify(result), commands, kept)
            case Later(commands=commands) | Refused(commands=commands) if _reopens(commands):
                return await self._did_not_happen(effect, work, outcome)
            case Later():
                return await self._not_yet(effect, lease, outcome)
            case Undecided(reason, commands):
                await self._keep(lease, [command for command in commands if isinstance(command, Saw)])
                if act.idempotency is Idempotency.KEY and row.status not in CLOSED:
                    return _finding(
                        effect, "resume", f"it cannot be looked up, but {effect.subject} honours its key"
                    )
                return _finding(effect, "person", reason)
        return _finding(effect, "happened", "another process settled it meanwhile")

    async def _not_yet(self, effect: EffectRow, lease: Lease, later: Later) -> Finding:
        await self._keep(lease, later.commands)
        if later.failure:
            self._unreachable[effect.account] = later.why
        return _finding(effect, "waiting", later.why, until=None if later.failure else later.until)

    async def _keep(self, lease: Lease, commands: Sequence[Command]) -> None:
        """Store what was seen."""
        # And nothing else: a command that reopens the effect would let it be sent by whoever resumes the job.
        await self._store.apply(lease, [command for command in commands if isinstance(command, Doubt | Saw)])

    def _act(self, work: Working, effect: EffectRow, posts: Sequence[EffectRow]) -> Act[Any] | None:
        """Return the effect as the job's next step would carry it out; None if the workflow no longer has it."""
        act: Act[Any]
        if effect.kind == "submit":
            act = submit_act(work, self._store)
        elif effect.subject in work.pipeline.instances and work.data.clip is not None:
            state = work.data.posts.get(effect.subject, PostState())
            work = replace(work, data=posted_as(work.data, effect.subject))
            post = post_for(work.data, effect.subject)
            act = post_act(work, effect.subject, post, state, self._store, posts)
        else:
            return None
        # The job may have begun a new render since. The old effect must not be settled with the new one's request.
        return act if act.key == effect.key else None

    async def _happened(
        self, effect: EffectRow, work: Working, remote_id: str, commands: Sequence[Command], kept: Sequence[Command]
    ) -> Finding:
        found = f"it happened: {remote_id}"
        await self._write(effect, work, found, (*commands, *kept))
        return _finding(effect, "happened", found, remote_id=remote_id)

    async def _render_of(self, work: Working, submitted: Submitted) -> tuple[Command, ...]:
        """Return the commands that give a job its render, even if it ended for good: the render is paid for."""
        row = work.row
        if row.step != Step.SUBMIT and row.status not in CLOSED:
            # A restored backup knew the job before its request. The submit step will find the answer in the ledger.
            return ()
        known = await self._store.render(row.render_id) if row.render_id else None
        if known is not None and known.remote_id == submitted.remote_id:
            return ()
        render, data = accepted(work, submitted, self._steps.clock())
        step = Step.RENDER if row.step == Step.SUBMIT else row.step
        data_now = data.replace(hold=HoldReason.SETTLED).model_dump_json()
        change = SetJob(row.status, step, None, row.reason, data_now, render.id, release=False)
        return (render, change, Tell("found", {"remote_id": submitted.remote_id}))

    async def _did_not_happen(self, effect: EffectRow, work: Working, outcome: Later | Refused) -> Finding:
        why = outcome.why if isinstance(outcome, Later) else outcome.reason
        # A cancelled or rejected job sends nothing more, so its money is released instead of kept for another try.
        commands = (Refuse(effect.key, why),) if work.row.status in CLOSED else outcome.commands
        found = f"it did not happen: {why}"
        await self._write(effect, work, found, commands)
        return _finding(effect, "did-not-happen", found)

    async def _write(self, effect: EffectRow, work: Working, found: str, commands: Sequence[Command]) -> None:
        told = Tell("reconciled", {"act": f"{effect.kind} at {effect.subject}", "reason": found})
        row = work.row
        changes: list[Command] = [*commands, told]
        if row.status == HELD and len([one for one in await self._store.in_doubt() if one.job_id == row.id]) == 1:
            reason = f"The effect at {effect.subject} was looked up; {found}. Held until someone resumes it."
            before = next((one for one in commands if isinstance(one, SetJob)), None)
            step = row.step if before is None else before.step
            # A change just before it holds the job's data with the render; its older data must not replace that.
            data = work.data.replace(hold=HoldReason.SETTLED).model_dump_json() if before is None else None
            changes.append(SetJob(HELD, step, None, reason, data, release=False))
        await self._store.apply(work.lease, changes)


def _reopens(commands: Sequence[Command]) -> bool:
    return any(isinstance(command, Reopen) for command in commands)


def _finding(
    effect: EffectRow, decided: Decided, found: str, *, remote_id: str | None = None, until: float | None = None
) -> Finding:
    return Finding(
        job=effect.job_id,
        kind=effect.kind,
        subject=effect.subject,
        key=effect.key,
        state=effect.state,
        decided=decided,
        found=found.rstrip("."),
        remote_id=remote_id,
        until=until,
    )
