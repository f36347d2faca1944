"""The rows of the store.

Money is kept in whole millionths of a US dollar, times in seconds since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reelwork.store.statuses import Status, Step

ACTIVE, DONE, FAILED = Status.ACTIVE, Status.DONE, Status.FAILED
HELD, REJECTED, CANCELLED = Status.HELD, Status.REJECTED, Status.CANCELLED
PAID_AGAIN = Step.SUBMIT_AGAIN
"""The step of a job whose render failed or was refused: going on means paying for a new one."""
LOST = Step.RENDER_AGAIN
"""The step of a job whose render the provider no longer knows. Resuming polls once more; retrying pays."""
UNTOLD = "untold"
"""The state of a render whose provider's answers cannot be read: nobody knows how it stands."""
REMOVED = Step.REMOVED
"""The step of a job that was removed from the store. Its key stays, so that it is never made again."""
GONE = Step.DOWNLOAD_AGAIN
"""The step of a job whose video was made and cannot be fetched. Resuming asks once more; retrying pays."""
GIVEN_UP = (LOST, GONE)
"""Steps of jobs whose render may be paid for and brings no video: only `retry` makes a new one."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One launch of a workflow, with everything its jobs need frozen as JSON."""

    id: str
    key: str | None
    workflow: str
    frozen: str
    created_at: float


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run without what is frozen in it, and how its jobs stand."""

    id: str
    workflow: str
    created_at: float
    jobs: Mapping[str, int]
    """The number of its jobs of each status; those that settings have moved to another run count there."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One durable unit of work. `step` is what is to be done next, `data` the job's own JSON."""

    id: str
    run_id: str
    key: str
    status: str
    step: str
    due_at: float | None
    fence: int
    attempts: int
    data: str
    reason: str
    render_id: str | None
    created_at: float
    updated_at: float
    brand: str = ""
    """The brand that its run is for; empty if it is for none."""
    clock_moved: float = field(default=0.0, compare=False)
    """Seconds by which the clock of the process that claimed it had been set: its times are by that clock."""


@dataclass(frozen=True, slots=True)
class RenderRow:
    """One generation at a provider."""

    id: str
    job_id: str
    run_id: str
    provider: str
    account: str
    remote_id: str
    request: str
    details: str
    state: str
    word: str
    progress: float | None
    error: str
    submitted_at: float
    due_at: float | None
    deadline_at: float
    overdue: bool
    failures: int
    fence: int
    expires_at: float | None
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One effect in the ledger."""

    key: str
    kind: str
    job_id: str
    run_id: str
    subject: str
    account: str
    fingerprint: str
    state: str
    attempt: int
    created_at: float
    sent_at: float | None
    settle_at: float | None
    sender: str | None
    evidence: str
    prepared: str
    result: str
    remote_id: str | None
    reason: str
    money: str
    reserved: int | None
    charged: int | None
    updated_at: float
    alias: str = ""
    """The name of its account before destinations were known by who they are."""
    model: str = ""
    spec: str = ""
    """Equal for requests that differ in their texts and seeds only."""
    asked: str = "{}"
    """The fields asked for, under the names of `Listing`."""
    how: str = "{}"
    """The way it was sent: see `Sending`."""
    settle: str = ""
    """The end of its settle time, by the boot clock."""
    seen: str = "{}"
    """The report of the latest reading."""
    refusals: int = 0
    """The number of times in a row it was refused for now."""
    resent: int = 0
    """The number of times it was sent again because it was believed not to have happened."""
    first_no: int | None = None
    """The number of its first sending, in the order of all sendings and answers of this store."""
    sent_no: int | None = None
    """The number of its last sending, in the same order."""
    answered_no: int | None = None
    """The number of the answer that confirmed it, in the same order: then it is a control for others."""


def doubt_among(effects: Iterable[EffectRow]) -> str:
    """`unknown` when a person can decide about one of them, else `sent` when one is on its way, else nothing."""
    states = {effect.state for effect in effects}
    return next((state for state in ("unknown", "sent") if state in states), "")


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of a job's story."""

    seq: int
    job_id: str
    at: float
    name: str
    details: str


@dataclass(frozen=True, slots=True)
class Removable:
    """A preview of removing old jobs: how many of each status would go, and why others of that age stay."""

    jobs: Mapping[str, int]
    events: int
    renders: int
    kept: Mapping[str, int]
    """`held`, `open effect`, `open render`, `shared render`, `money of this month`: how many jobs stay for it."""

    @property
    def count(self) -> int:
        """Jobs that would go."""
        return sum(self.jobs.values())


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to change a job, until someone takes it over. Every write must carry it."""

    job_id: str
    fence: int
    owner: str


PAYMENT = "plugin"
"""The kind of an effect that is a plugin's own payment, or what is reserved for its calls."""


def call_key(job_id: str, instance: str) -> str:
    """Return the key under which the money for calls of a plugin is reserved."""
    return f"reelwork-{job_id}-call-{instance}"


@dataclass(frozen=True, slots=True)
class Sendings:
    """The requests sent for a job's renders, and all its money in millionths of a US dollar."""

    sent: int = 0
    """The number of requests sent."""
    newest: int = 0
    """Charged or reserved for the newest of these requests."""
    charged: int = 0
    reserved: int = 0
    unpriced: int = 0
    """Requests that may be charged at a price that is not known."""
    in_doubt: int = 0
    """The part of `reserved` whose requests are on their way, or of unknown outcome."""
    posts: int = 0
    """The part of `charged` and `reserved` that is for posts and for what plugins pay."""

    @property
    def counted(self) -> int:
        """Charged, or reserved until it is known whether it is."""
        return self.charged + self.reserved


# --- commands: applied together, in one transaction, under a job's lease -----------------------------------


class JobHead(NamedTuple):
    """The ids, status, step and render of a job, without its data."""

    id: str
    run_id: str
    status: str
    step: str
    render_id: str | None = None


class BatchJob(NamedTuple):
    """A job of a batch file, as far as it tells whether a row was made before."""

    id: str
    key: str
    run_id: str
    status: str
    sent: bool
    """True if anything of it may have been sent for a render."""
    prompt: str
    row: str | None
    platform: str | None
    take: int
    file: str
    """The batch file; empty for jobs of versions that did not keep it."""
