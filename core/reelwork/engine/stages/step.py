"""The input and the outcome of a step: a job in work, and the next state with its commands."""

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
    """A job in the hands of this process."""

    row: JobRow
    data: JobData
    lease: Lease
    pipeline: Pipeline
    run: str = ""
    """The run whose pipeline this is, when that is not the job's."""

    @property
    def job(self) -> Job:
        """The job as hooks see it."""
        return job_for(self.row, self.data)

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
    """When to go on; None with `waits` means: when something wakes it."""
    waits: bool = False
    render_id: str | None = None
    attempts: int = 0
    blocked_on: str | None = None
    in_doubt: bool = False
    """It waits to learn what became of an act that may have happened."""
    tells: tuple[Tell, ...] = ()
    afterwards: Callable[[], Coroutine[Any, Any, None]] | None = None
    """What is done once this is committed. Nothing waits for it, and it may be cut off."""

    def telling(self, name: str, **details: Any) -> Next:
        """The same with a line in the job's story."""
        return replace(self, tells=(*self.tells, Tell(name, details)))


def go(step: str, data: JobData, *commands: Command) -> Next:
    """On to the next step, at once."""
    return Next(step, data, commands)


def stop(status: str, step: str, data: JobData, reason: str, *commands: Command) -> Next:
    """The job ends here; `step` is where it goes on if somebody wakes it."""
    return Next(step, data, commands, status, reason).telling(status, reason=reason)


def hold(step: str, data: JobData, why: HoldReason, reason: str, *commands: Command) -> Next:
    """The job is held here, for this reason; `reason` says so to a person."""
    return stop(HELD, step, data.replace(hold=why), reason, *commands)


def unstorable(step: str, following: Next, before: JobData, why: str) -> Next:
    """The job ends here, since what its step led to can never be written down.

    What became of an effect is then unknown: its money stays reserved, and it is not sent again.
    """
    keys = [command.key for command in following.commands if isinstance(command, Confirm | Doubt | Refuse | Reopen)]
    if not keys:
        return stop(FAILED, step, before, f"the outcome of step {step} cannot be written down: {why}")
    reason = f"its outcome cannot be written down: {why}. It may have been carried out, so it is not sent again."
    doubts = (Doubt(key, reason, None) for key in dict.fromkeys(keys))
    return hold(step, before, HoldReason.IN_DOUBT, reason, *doubts)


def presentable(following: Next) -> Next:
    """The same with every word in it fit for the store and for a person, wherever it came from."""
    tells = tuple(Tell(line.name, shown_json(dict(line.details))) for line in following.tells)
    return replace(following, reason=cut(cleaned(mask(following.reason)), 2 * LONGEST_REASON), tells=tells)


def moved(row: JobRow, following: Next) -> JobRow:
    """The job's row as it stands once `following` is committed."""
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
    )
