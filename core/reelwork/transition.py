"""What a step is given and what it leads to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from reelwork.pipeline import Pipeline
from reelwork.store.rows import ACTIVE, Command, JobRow, Lease, Tell
from reelwork.work import JobData, job_for
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
    """What a step leads to: the job's next state and what else is committed with it."""

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

    def telling(self, name: str, **details: Any) -> Next:
        """The same with a line in the job's story."""
        return replace(self, tells=(*self.tells, Tell(name, details)))


def go(step: str, data: JobData, *commands: Command) -> Next:
    """On to the next step, at once."""
    return Next(step, data, commands)


def stop(status: str, step: str, data: JobData, reason: str, *commands: Command) -> Next:
    """The job ends here; `step` is where it goes on if somebody wakes it."""
    return Next(step, data, commands, status, reason).telling(status, reason=reason)
