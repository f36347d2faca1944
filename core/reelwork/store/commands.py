"""The commands that change a store, together or not at all.

Money is kept in whole millionths of a US dollar, times in seconds since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from reelwork.store.ceilings import Budget, Quota
from reelwork.store.statuses import Status

if TYPE_CHECKING:
    from reelwork.store.sending import Sending


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be added, unless one with the same key is there."""

    id: str
    key: str
    step: str
    data: str


# A tuple: each step of each job makes one, and a frozen dataclass takes twice as long to make.
class SetJob(NamedTuple):
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
        """True if the job stays active and leased, and nothing changes by which jobs are looked up."""
        kept = not self.release and self.status == Status.ACTIVE
        return kept and self.render_id is None and self.blocked_on is None


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
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class Send:
    """Commit that an effect is about to leave. Raises `Limited`."""

    key: str
    account: str
    quota: Quota = field(default_factory=Quota)
    sending: Sending | None = None
    """None: as before, with the same key."""
    names: tuple[str, ...] = ()
    """The names by which a person can stop it: its destination, its plugin and its account. A post has them."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """The effect happened. Raises `IdTaken` when what it made belongs to another one."""

    key: str
    remote_id: str
    result: str
    answered: str = ""
    """The moment of its answer, by the boot clock; empty if it was found instead."""


@dataclass(frozen=True, slots=True)
class Rename:
    """Give what an effect made another id. Does nothing when another effect has that."""

    key: str
    remote_id: str
    result: str


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
    """The effect may have happened. `settle_at` None leaves it to a person; `sender` may still send it."""

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
    """Store the report of a reading about an effect."""

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
    """The real cost of an effect: a number of millionths of a US dollar, or 0 if it was not charged."""

    key: str
    charged: int


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Give up the money reserved for calls of a plugin: what it paid is recorded by itself."""

    key: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A plugin's payment for a job, in millionths of a US dollar."""

    job_id: str
    instance: str
    key: str
    amount: int
    what: str
    shown: str = ""
    """The amount in the other side's own unit."""


Command = (
    SetJob
    | Tell
    | Intend
    | Send
    | Confirm
    | Rename
    | Refuse
    | Reopen
    | Doubt
    | Saw
    | AddRender
    | SettleMoney
    | GiveBack
)


@dataclass(frozen=True, slots=True)
class RenderUpdate:
    """The result of one poll of a render. `due_at` None ends the polling and wakes the render's jobs."""

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
    """Renders whose poll brought nothing new: they are polled again at `due_at`."""

    due_at: float
    renders: tuple[tuple[str, int], ...]
    """Each one's id and fence."""
