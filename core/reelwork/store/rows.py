"""The rows of the store, and the commands that change them together.

Money is kept in whole millionths of a US dollar, times in seconds since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwork.store.sending import Sending
from reelwork.store.statuses import Status, Step

ACTIVE, DONE, FAILED = Status.ACTIVE, Status.DONE, Status.FAILED
HELD, REJECTED, CANCELLED = Status.HELD, Status.REJECTED, Status.CANCELLED
PAID_AGAIN = Step.SUBMIT_AGAIN
"""The step of a job whose render failed or was refused: going on means paying for a new one."""
LOST = Step.RENDER_AGAIN
"""The step of a job whose render the provider no longer knows. To resume it looks once more; to retry it pays."""
UNTOLD = "untold"
"""The state of a render whose provider's answers cannot be read: nobody knows how it stands."""
REMOVED = Step.REMOVED
"""The step of a job that was removed from the store: its key is kept, so that it is never made again."""
CLOSED = (REJECTED, CANCELLED)
"""Jobs that send nothing more by themselves, even when what became of an earlier act is settled."""
GONE = Step.DOWNLOAD_AGAIN
"""The step of a job whose video was made and cannot be had. To resume it asks once more; to retry it pays."""
GIVEN_UP = (LOST, GONE)
"""Steps of jobs whose render may be paid for and brings no video: only `retry` makes a new one."""
ENDED = (DONE, FAILED, HELD, REJECTED, CANCELLED)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One launch of a workflow, with everything its jobs need frozen as JSON."""

    id: str
    key: str | None
    workflow: str
    frozen: str
    created_at: float


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
    """One irreversible act in the ledger."""

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
    """What its account was called before destinations were known by who they are."""
    model: str = ""
    spec: str = ""
    """Equal for requests that differ in their texts and seeds only."""
    asked: str = "{}"
    """What was asked for, under the names of `Listing`."""
    how: str = "{}"
    """How it was sent: see `Sending`."""
    settle: str = ""
    """When its settle time is over, by the boot clock."""
    seen: str = "{}"
    """What the latest reading showed of it."""
    refusals: int = 0
    """How often in a row it was refused for now."""
    resent: int = 0
    """How often it was sent again because it was believed not to have happened."""
    first_no: int | None = None
    """When it was first sent, in the order of all sendings and answers of this store."""
    sent_no: int | None = None
    """When it was last sent, in the same order."""
    answered_no: int | None = None
    """When its own answer confirmed it, in the same order: then it is a control for others."""


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
    """What a removal of old jobs would do: how many of each status, and why others of that age stay."""

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


@dataclass(frozen=True, slots=True)
class Sendings:
    """What was sent of a job for its renders, and the money of it in millionths of a US dollar."""

    sent: int = 0
    """How often a request was sent."""
    newest: int = 0
    """Charged or reserved for the newest request."""
    charged: int = 0
    reserved: int = 0
    unpriced: int = 0
    """Requests that may be charged at a price that is not known."""
    in_doubt: int = 0
    """The part of `reserved` whose requests are on their way, or of unknown outcome."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be added, unless one with the same key is there."""

    id: str
    key: str
    step: str
    data: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Ceilings in millionths of a US dollar; None means no ceiling."""

    per_job: int | None = None
    per_run: int | None = None
    per_day: int | None = None
    per_month: int | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account allows; None means no limit."""

    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    concurrent: int | None = None


# --- commands: applied together, in one transaction, under a job's lease -----------------------------------


@dataclass(frozen=True, slots=True)
class SetJob:
    """Move the job on. `data` None leaves it; `release` gives the lease back.

    A job that is not given back was due when it was taken and stays so, whatever `due_at` says: should its
    process die, it is taken over at once.
    """

    status: str
    step: str
    due_at: float | None
    reason: str = ""
    data: str | None = None
    render_id: str | None = None
    attempts: int = 0
    blocked_on: str | None = None
    release: bool = True

    @property
    def stays(self) -> bool:
        """Whether nothing changes by which jobs are looked up: a step of a job that stays in hand."""
        return not self.release and self.status == ACTIVE and self.render_id is None and self.blocked_on is None


@dataclass(frozen=True, slots=True)
class Tell:
    """Add a line to the job's story."""

    name: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intend:
    """Write an effect down before anything leaves, with the money it may cost.

    Does nothing when the effect is there. Raises `BudgetExceeded`.
    """

    key: str
    kind: str
    subject: str
    account: str
    fingerprint: str = ""
    prepared: str = "null"
    reserve: int | None = None
    budget: Budget = Budget()


@dataclass(frozen=True, slots=True)
class Send:
    """Commit that an effect is about to leave. Raises `Limited`."""

    key: str
    account: str
    quota: Quota = Quota()
    sending: Sending | None = None
    """None: as before, with the same key."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """The effect happened. Raises `IdTaken` when what it made belongs to another one."""

    key: str
    remote_id: str
    result: str
    answered: str = ""
    """When it was answered, by the boot clock; empty when it was found instead."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The effect was refused without work: its money is free again."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reopen:
    """The effect provably did not happen: it may be sent again. `give_up` frees its money meanwhile."""

    key: str
    reason: str
    give_up: bool = False
    refused: bool = False
    """It was refused for now."""
    believed: bool = False
    """It had left; that it did not happen is believed from what was looked up or from a person."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """The effect may have happened. `settle_at` None leaves it to a person; `sender` may still act."""

    key: str
    reason: str
    settle_at: float | None
    sender: str | None = None
    settle: str = ""
    """The same by the boot clock."""
    earlier: bool = False
    """It was to be sent again with its key, which has grown too old meanwhile: an earlier sending is in doubt."""


@dataclass(frozen=True, slots=True)
class Saw:
    """Keep what a reading showed of an effect."""

    key: str
    seen: str


@dataclass(frozen=True, slots=True)
class AddRender:
    """A provider accepted a request."""

    id: str
    provider: str
    account: str
    remote_id: str
    request: str
    details: str
    due_at: float
    deadline_at: float
    run_id: str | None = None
    """The run with whose settings it was asked for, when that is not the job's."""


@dataclass(frozen=True, slots=True)
class SettleMoney:
    """What an effect really cost: a number of millionths, or 0 when it was not charged."""

    key: str
    charged: int


Command = SetJob | Tell | Intend | Send | Confirm | Refuse | Reopen | Doubt | Saw | AddRender | SettleMoney


@dataclass(frozen=True, slots=True)
class RenderUpdate:
    """What one look at a render taught. `due_at` None ends the looking and wakes its jobs."""

    id: str
    fence: int
    due_at: float | None
    state: str
    word: str = ""
    progress: float | None = None
    error: str = ""
    details: str | None = None
    overdue: bool = False
    failures: int = 0
    expires_at: float | None = None
    line: str = ""
    """A line for the stories of the jobs that wait for it."""
    event: str = "look-failed"
    """The name of that line."""


@dataclass(frozen=True, slots=True)
class StillWaiting:
    """Renders of which a look taught nothing new: they are looked at again at `due_at`."""

    due_at: float
    renders: tuple[tuple[str, int], ...]
    """Each one's id and fence."""
