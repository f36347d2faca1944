"""The input and the outcome of a step: a leased job, and its next state with the commands."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from reelwork.planning.job_state import JobData, job_for
from reelwork.plugins.pipeline import Pipeline
from reelwork.redaction.redactor import mask
from reelwork.store.commands import Command, Confirm, Doubt, Refuse, Reopen, Tell
from reelwork.store.holds import HoldReason
from reelwork.store.records import ACTIVE, FAILED, HELD, JobRow, Lease
from reelwork.text import LONGEST_REASON, cleaned, cut, shown_json
from reelwork_hooks.models import Job


@dataclass(frozen=True)
class Working:
    """A job that this process has leased."""

    row: JobRow
    data: JobData
    lease: Lease
    pipeline: Pipeline
    run: str = ""
    """The run whose pipeline this is, when that is not the job's."""

    @property
    def job(self) -> Job:
        """The job as hooks see it."""
        return job_for(self.row, self.data, self.pipeline)

    @property
    def sent_run(self) -> str:
        """The run with whose settings something is sent now."""
        return self.run or self.row.run_id


@dataclass(frozen=True)
class Next:
    """The outcome of a step: the job's next state and what else is committed with it."""

    step: str
    data: JobData
    commands: tuple[Command, ...] = ()
    status: str = ACTIVE
    reason: str = ""
    until: float | None = None
    """The time to continue; None with `waits`: when something wakes it."""
    waits: bool = False
    render_id: str | None = None
    attempts: int = 0
    blocked_on: str | None = None
    in_doubt: bool = False
    """It waits for the outcome of an effect that may have happened."""
    tells: tuple[Tell, ...] = ()
    # Not a command: a kill may cut it off, so nothing that must happen may be in it.
    afterwards: Callable[[], Coroutine[Any, Any, None]] | None = None
    """Runs once this is committed. Nothing waits for it."""

    def telling(self, name: str, **details: Any) -> Next:
        """Return the same with a line in the job's story."""
        return replace(self, tells=(*self.tells, Tell(name, details)))


def go(step: str, data: JobData, *commands: Command) -> Next:
    """Continue with the next step at once."""
    return Next(step, data, commands)


def stop(status: str, step: str, data: JobData, reason: str, *commands: Command) -> Next:
    """End the job here; it resumes at `step` if somebody wakes it."""
    return Next(step, data, commands, status, reason).telling(status, reason=reason)


def hold(step: str, data: JobData, why: HoldReason, reason: str, *commands: Command) -> Next:
    """Hold the job here; `reason` says why to a person."""
    return stop(HELD, step, data.replace(hold=why), reason, *commands)


def unstorable(step: str, following: Next, before: JobData, why: str) -> Next:
    """End the job here, since the outcome of its step can never be stored."""
    # The outcome of an effect is then lost, though it is known here. So the effect is in doubt: its money stays
    # reserved, and it is not sent again.
    keys = [command.key for command in following.commands if isinstance(command, Confirm | Doubt | Refuse | Reopen)]
    if not keys:
        return stop(FAILED, step, before, f"the outcome of step {step} cannot be recorded: {why}")
    reason = f"its outcome cannot be recorded: {why}. It may have been carried out, so it is not sent again."
    doubts = (Doubt(key, reason, None) for key in dict.fromkeys(keys))
    return hold(step, before, HoldReason.IN_DOUBT, reason, *doubts)


def presentable(following: Next) -> Next:
    """Return the same with all its text fit for the store and for a person."""
    # Most steps say nothing, and each step of each job comes by here.
    if not following.reason and not [line for line in following.tells if line.details]:
        return following
    tells = tuple(Tell(line.name, shown_json(dict(line.details))) for line in following.tells)
    return replace(following, reason=sound_reason(following.reason), tells=tells)


def sound_reason(reason: str) -> str:
    """Return a reason as it is stored."""
    return cut(cleaned(mask(reason)), 2 * LONGEST_REASON)


def moved(row: JobRow, following: Next) -> JobRow:
    """Return the job's row as it is once `following` is committed."""
    # Spelt out, since `dataclasses.replace` takes several times as long and each step of each job comes by here.
    return JobRow(
        row.id,
        row.run_id,
        row.key,
        following.status,
        following.step,
        row.due_at,
        row.fence,
        following.attempts,
        row.data,
        following.reason,
        following.render_id or row.render_id,
        row.created_at,
        row.updated_at,
        row.brand,
    )
