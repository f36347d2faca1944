"""The rows of schedules, and the changes that are made to them.

Times are in seconds since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from reelwork.store.ceilings import Budget

if TYPE_CHECKING:
    from reelwork.store.commands import NewJob
    from reelwork.store.records import JobRow, RunRow


class SlotState(StrEnum):
    """The fate of one time of a schedule."""

    FIRED = "fired"
    """Its jobs were written."""
    WAITING = "waiting"
    """It is to fire at its `due_at`, or when what it waits for is over."""
    MISSED = "missed"
    """Nothing could fire it in time."""
    SKIPPED = "skipped"
    """It was left out, since the one before was still running or waiting."""
    PAUSED = "paused"
    """The schedule was paused."""
    REFUSED = "refused"
    """Its money or its rows had run out, or it would have spent more than was agreed to."""
    FORESEEN = "foreseen"
    """It is still to come, and a budget will have no room for it as things stand."""


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One schedule. A removed one stays, so that what it has fired is known when it is added again."""

    name: str
    spec: str
    """Its rule, its file and its other settings, as JSON."""
    version: int
    """One more with each change by a person, so that nothing is fired by what was changed meanwhile."""
    added_at: float
    decided_until: float
    """Every slot up to here has been decided; no earlier one ever fires."""
    pause: str | None = None
    """As JSON; None if it is not paused."""
    trouble: str = ""
    """The reason for which its file cannot be run now; empty if it can."""
    removed_at: float | None = None


@dataclass(frozen=True, slots=True)
class SlotRow:
    """A time of a schedule, and what became of it."""

    schedule: str
    key: str
    at: float
    state: str
    reason: str
    decided_at: float
    due_at: float | None = None
    """When one that waits is tried next."""
    run_id: str | None = None
    cycle: int = 0
    """The round through a batch file, from 0; negative once its row was given back."""
    row: str | None = None
    """The identity of the batch's row that it used."""


@dataclass(frozen=True, slots=True)
class NewFiring:
    """A slot that fires, with all that is written with it in one transaction."""

    slot: SlotRow
    run: RunRow
    jobs: Sequence[NewJob]
    cost: int | None
    """The estimate for all jobs, in millionths of a US dollar; None if it is not known."""
    budget: Budget = field(default_factory=Budget)
    alone: bool = False
    """Fires only while no job of an earlier firing of its schedule is running."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision about a schedule, written at once if the schedule still is as it was when this was decided."""

    name: str
    version: int
    decided_from: float
    decided_until: float
    slots: Sequence[SlotRow] = ()
    """Those that do not fire now."""
    firing: NewFiring | None = None


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A row of a batch file that is to be used once more, and the jobs of its firing, which end for good."""

    key: str
    """Of the slot that used it."""
    row: str
    jobs: Sequence[JobRow]
    """The jobs of that firing, as they were looked at."""


class Outcome(StrEnum):
    """The fate of a decision."""

    WRITTEN = "written"
    MOVED = "moved"
    """The schedule has changed, or another process was first. Nothing was written."""
    RUNNING = "running"
    """A job of an earlier firing is running. Nothing was written."""


class ScheduleStore(Protocol):
    """Changes schedules and their slots."""

    async def keep_schedule(self, row: ScheduleRow, slots: Sequence[SlotRow] = ()) -> bool:
        """Add a schedule or change it, with slots that were decided by it; False if it is of another version.

        The version of the row is one more than that of the one it replaces, 1 if there is none.
        """
        ...

    async def settle(self, decided: Decided) -> Outcome:
        """Write what was decided about slots, and the jobs of the one that fires, in one transaction.

        A slot that was decided before is left as it is, unless it waits. Raises `BudgetExceeded`, and nothing is
        written, when the money of the firing does not fit beside what is spent, reserved and promised to others.
        """
        ...

    async def requeue_rows(self, name: str, rows: Sequence[GivenBack]) -> bool:
        """Let rows be used once more, and cancel the jobs of their firings, all in one transaction.

        False, and nothing is changed, if a row is not used there any more, or a job has moved on.
        """
        ...

    async def foresee(self, name: str, slot: SlotRow | None) -> bool:
        """Note the next slot of a schedule that will find no room in a budget, in place of an earlier note.

        None takes the note back. True if this slot was not noted before. One that was decided is left as it is.
        """
        ...

    async def pull_back(self, name: str, version: int, mark: float, now: float) -> bool:
        """Move the mark of a schedule from where the clock was ahead back to now; False if it has moved.

        Slots after now that were decided by then are forgotten, except those that have fired.
        """
        ...

    async def tell_trouble(self, name: str, version: int, trouble: str) -> None:
        """Note why the file of a schedule cannot be run; empty when it can."""


class ScheduleReader(Protocol):
    """Reads schedules and their slots."""

    def schedules(self) -> list[ScheduleRow]:
        """Return the schedules by name, removed ones included."""
        ...

    def slots(self, name: str, limit: int = -1) -> list[SlotRow]:
        """Return the slots of a schedule, newest first."""
        ...

    def waiting_slots(self, name: str) -> list[SlotRow]:
        """Return the slots of a schedule that wait, oldest first."""
        ...

    def last_successes(self) -> Mapping[str, float]:
        """Return the time of each schedule's last firing whose jobs are all done; none for one without."""
        ...

    def used_rows(self, name: str) -> list[tuple[int, str]]:
        """Return the rows of its batch that a schedule has used, each with its cycle.

        With a negative cycle also those that were given back, once for each time.
        """
        ...

    def jobs_of_firing(self, run_id: str) -> list[JobRow]:
        """Return the jobs that a firing has launched, oldest first, also those that were moved to another run."""
        ...

    def is_running(self, name: str) -> bool:
        """Return whether a job of a firing of this schedule is running: one that is held is not."""
        ...

    def fired_jobs(self, statuses: Sequence[str], name: str | None = None) -> list[str]:
        """Return the jobs of these statuses that a schedule has fired, or any schedule, oldest first."""
        ...
