"""The store as the engine and the studio use it. A second store must pass the contract suite in `tests/contract`.

Changes, and every question whose answer decides about money or posts, are coroutines: such a question is answered
in order with the changes, and what follows from it is checked again in the transaction that writes it down. What is
only shown or planned with is read through `SyncReader`, which waits for nobody who writes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reelwork.store.causes import CauseStore
from reelwork.store.outbox import Outbox
from reelwork.store.post_stops import PostStops
from reelwork.store.reader import SyncBatchReader, SyncReader
from reelwork.store.requests import RequestStore
from reelwork.store.review_links import ReviewLinks
from reelwork.store.schedules import ScheduleStore
from reelwork.store.tokens import Links, Tokens
from reelwork.store.webhooks import WebhookStore

if TYPE_CHECKING:
    from reelwork.store.commands import Command, NewJob, Payment, RenderUpdate, SetJob, StillWaiting, Tell
    from reelwork.store.readings import EchoRow, ListRow, Read
    from reelwork.store.records import EffectRow, JobRow, Lease, RenderRow, RunRow


class LeaseHolder(Protocol):
    """This process, as a holder of leases in a store. It counts as alive until it is closed or its process ends."""

    @property
    def name(self) -> str:
        """The name that leases and sent effects carry. No other process, of now or before, has it."""
        ...

    def serves_at(self, address: str) -> None:
        """Tell other processes where this one answers over HTTP."""

    def works_on(self, runs: Iterable[str]) -> None:
        """Tell other processes, for their messages alone, which runs' jobs this one drives."""

    def keep(self) -> None:
        """Count as alive for as long as this process lives, instead of closing."""

    def close(self) -> None:
        """Let go of everything this process holds."""


class BatchJobs(SyncBatchReader, Protocol):
    """The jobs of batch files, in one store."""

    async def correct(self, row: JobRow, change: SetJob, line: Tell) -> bool:
        """Give a job of which nothing was ever sent other contents, unless it has changed since it was read."""
        ...


class JobStore(Protocol):
    """Changes runs and jobs, and says who holds which job."""

    @property
    def batches(self) -> BatchJobs:
        """The jobs of batch files."""
        ...

    async def add_run(self, run: RunRow) -> RunRow:
        """Add a run, or return the one that has its key."""
        ...

    async def add_jobs(self, run_id: str, new: Sequence[NewJob]) -> list[JobRow]:
        """Add the jobs whose key is new; return the jobs of all the keys, in order.

        A key whose job was removed is not new: its job comes back with the step `REMOVED` and the data given.
        """
        ...

    async def adopt(self, run_id: str, job_ids: Sequence[str]) -> None:
        """Move jobs that are not done to another run, with the workflow frozen in it."""

    async def watch(self, scope: str, job_ids: Sequence[str]) -> None:
        """Name a set of jobs, for this process only."""

    async def claim_jobs(
        self, owner: str, lease: float, count: int, scope: str | None, left: Collection[tuple[str, str]] = ()
    ) -> list[JobRow]:
        """Take due jobs for `lease` seconds; none at a step of a run in `left`.

        Each taking raises the job's fence. Without a scope, held jobs that are due are taken too; they stay held.
        """
        ...

    async def claim_job(self, job_id: str, owner: str, lease: float) -> JobRow | None:
        """Take one job for `lease` seconds, if it is due and nobody holds it; None if not.

        One that waits for a place at an account is due while that account's gate is open.
        """
        ...

    async def renew(self, owner: str, lease: float) -> int:
        """Extend this owner's leases to `lease` seconds from now; return how many jobs it holds."""
        ...

    async def owners(self) -> set[str]:
        """Return the names of all lease holders."""
        ...

    async def expire(self, owner: str) -> None:
        """End the leases of an owner that is known to be dead."""
        ...

    async def wake(
        self, job_ids: Sequence[str], statuses: Sequence[str], fences: Mapping[str, int] | None = None
    ) -> list[str]:
        """Make ended jobs active again at the step where they stopped; returns those it woke.

        With `fences`, those that have moved since somebody saw them are left.
        """
        ...

    async def let_go(self, lease: Lease, pause: float) -> None:
        """Give a job back unchanged, to be taken again after `pause` seconds."""
        ...

    async def hold(self, job_id: str, owner: str, lease: float) -> JobRow | None:
        """Lease one job for `lease` seconds, whatever its status; None if it is leased already."""
        ...

    async def give_back(self, lease: Lease) -> None:
        """Let a job go exactly as it stands."""

    async def decide(
        self,
        job_id: str,
        change: SetJob,
        *lines: Tell,
        evidence: Mapping[str, Mapping[str, Any]] | None = None,
        made: Mapping[str, str] | None = None,
        fence: int | None = None,
        unheld: bool = False,
        approver: str | None = None,
    ) -> bool:
        """Change a job from outside its steps, with evidence for its effects.

        False, and nothing is changed, when it is not there or has moved on from `fence`; with `unheld`, also while
        a process works on it. So nothing was sent for it since `fence` was read. Raises `NotReviewer` when its
        brand names reviewers and `approver` is none of them. Whoever holds the job loses it.

        `made` says of effects what they are known to have made: it is kept for them, as by `claim_match`.
        """
        ...

    async def next_due(
        self,
        scope: str | None,
        accounts: Sequence[str] | None = None,
        busy: Sequence[str] = (),
        left: Collection[tuple[str, str]] = (),
    ) -> float | None:
        """Return when work is next due; None if nothing waits.

        Renders of `busy` accounts do not count, nor do jobs at a step of a run in `left`.
        """
        ...

    async def holders(self, scope: str) -> dict[str, int]:
        """Return the lease holders of active jobs in a watched set, each with its number of jobs."""
        ...

    async def is_active(self, scope: str, but: Collection[str] = ()) -> bool:
        """Return whether a job of a watched set, other than those in `but`, is active."""
        ...

    def remove_ended(self, before: float, count: int) -> int:
        """Remove at most `count` jobs that ended before a time, oldest first; returns how many.

        Their stories and renders go. Their keys stay, so that none is made again, and so do their effects' money
        and remote ids, so that what was spent and what is claimed stays known. Jobs that are held, have an effect
        that is not settled, a render that has not ended, or money of this month (UTC) are left alone.
        """
        ...


class EffectStore(Protocol):
    """Changes effects, and answers what is asked before one is sent, or sent again."""

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        """Apply commands together, or none of them. Returns the effect a `Send` was about.

        Raises `LeaseLost`, `Limited`, `BudgetExceeded` or `LedgerConflict`.
        """
        ...

    async def effect(self, key: str) -> EffectRow | None:
        """Return one effect; None if there is none."""
        ...

    def note(self, key: str, evidence: Mapping[str, Any], *, made: str | None = None) -> None:
        """Store evidence about an effect's outcome, and what it made, if known. Does not wait."""

    def note_end(self, key: str, sender: str, name: str) -> None:
        """Store as evidence, under this name, which attempt is over for its sender. Does not wait.

        Nothing is kept when somebody else has sent it since.
        """

    async def claim_match(self, lease: Lease, key: str, remote_ids: Sequence[str]) -> str | None:
        """Give this effect the first match that belongs to no other. Raises `LeaseLost`."""
        ...

    async def in_doubt(self) -> list[EffectRow]:
        """Return every effect that is `sent` or `unknown`, oldest first."""
        ...

    async def is_claimed(self, effect: EffectRow, remote_id: str) -> bool:
        """Return whether this remote id belongs to another effect of the same account."""
        ...

    async def open_siblings(self, effect: EffectRow) -> list[EffectRow]:
        """Identical requests (same account, kind and fingerprint) that are `sent` or `unknown`."""
        ...

    async def open_beside(self, effect: EffectRow) -> list[EffectRow]:
        """Return all other requests of the account and kind that are `sent` or `unknown`, oldest first."""
        ...

    async def salt(self) -> str:
        """Return the salt that credentials are hashed with in this store: a hash means nothing outside it."""
        ...

    async def read_list(self, effect: EffectRow, place: str, ids: Sequence[str]) -> Read:
        """Store which ids a reading listed at a place; return what is known about them."""
        ...

    async def keep_reading(self, place: str, ids: Iterable[str]) -> None:
        """Store which ids a reading listed at a place before something was sent there."""

    async def learn(
        self, place: str, echoes: Iterable[EchoRow], habits: ListRow, *, warm_model: str | None = None
    ) -> None:
        """Store how controls came back at a place, and let others be sent there if the first one was listed."""

    async def habits(self, place: str) -> ListRow:
        """Return how the list at a place has behaved so far."""
        ...

    async def controls(self, effect: EffectRow) -> tuple[list[EffectRow], list[EffectRow]]:
        """Effects like one in doubt, confirmed by their answers before it and sent after it; newest first."""
        ...

    async def newest_control(self, account: str, kind: str, model: str) -> EffectRow | None:
        """Return the newest effect of an account and model that its own answer confirmed."""
        ...

    async def request_of(self, account: str, remote_id: str) -> str | None:
        """Return the request of a stored render, as JSON; None if there is none."""
        ...

    async def job_of(self, effect: EffectRow) -> JobRow | None:
        """Return the job of an effect; None if it was removed."""
        ...

    async def posts_of(self, job_id: str) -> list[EffectRow]:
        """Return a job's posts, wherever they were made."""
        ...

    async def sent_again(self, effect: EffectRow) -> list[EffectRow]:
        """Effects of the same account that were sent again because they were believed not to have happened."""
        ...


class RenderStore(Protocol):
    """Changes renders, and says who polls which render."""

    async def render(self, render_id: str) -> RenderRow | None:
        """Return one render; None if there is none."""
        ...

    async def claim_renders(
        self, owner: str, lease: float, count: int, accounts: Sequence[str] | None, busy: Sequence[str] = ()
    ) -> list[RenderRow]:
        """Claim renders that are due, of these accounts or of all, for `lease` seconds.

        None of an account that is `busy`: its renders wait for the look under way there.
        """
        ...

    async def claim_render_of(self, job_id: str, owner: str, lease: float) -> RenderRow | None:
        """Take a job's render for `lease` seconds, if it is due for a poll and nobody polls it; None if not."""
        ...

    async def claim_seen(
        self, owner: str, lease: float, account: str, remote_ids: Sequence[str]
    ) -> list[RenderRow]:
        """Claim renders of an account that a poll answer mentioned, even if they are not due.

        Only those that are waited for and that nobody polls.
        """
        ...

    async def update_renders(
        self, owner: str, changes: Sequence[RenderUpdate], same: Sequence[StillWaiting] = ()
    ) -> list[str]:
        """Store the results of a poll; return the jobs it woke."""
        ...

    async def look_now(self, render_id: str) -> None:
        """Make a render due at once."""
        ...


class PluginState(Protocol):
    """Keeps values for the instances of plugins, each known by its name in workflows."""

    async def plugin_value(self, instance: str, key: str) -> str | None:
        """Return a value that an instance keeps; None if there is none."""
        ...

    async def set_plugin_value(self, instance: str, key: str, value: str | None, expect: str | None) -> bool:
        """Change a value from what is expected, or remove it; False, and nothing is changed, if it is another."""
        ...


class Payments(Protocol):
    """Keeps what plugins pay for themselves."""

    async def paid(self, payment: Payment) -> bool:
        """Record a payment, once for its key. Return False if it was there."""
        ...


class Store(
    JobStore,
    EffectStore,
    RenderStore,
    PluginState,
    Payments,
    ScheduleStore,
    Tokens,
    Links,
    PostStops,
    RequestStore,
    ReviewLinks,
    WebhookStore,
    Outbox,
    CauseStore,
    SyncReader,
    Protocol,
):
    """Runs, jobs, renders and effects, shared safely by several processes.

    Every coroutine returns only when what it changed would survive a power cut.
    """

    @property
    def files(self) -> Path:
        """The folder on this machine for what belongs to the jobs of this store: downloads and plugins' work."""
        ...

    def register(self) -> LeaseHolder:
        """Take part as a process that can hold leases. Raises `StoreUnwritable`."""
        ...

    async def worker_is_dead(self, name: str) -> bool:
        """Return whether a lease holder's process has surely ended; False if that is not known.

        A paused process is alive: it may send what it was about to send.
        """
        ...

    def snapshot(self) -> AbstractContextManager[Store]:
        """Copy the store as it is at this moment, to try things on. The copy is removed afterwards."""
        ...

    def check_in_use(self) -> None:
        """Refuse a backup, which does not know what was paid after it was taken. Raises `StoreInvalid`."""

    def close(self) -> None:
        """Finish pending writes, and close it."""

    def check_whole(self) -> None:
        """Refuse a store from which nothing may be sent: one that forgot what was sent, a copy or a backup.

        Raises `StoreInvalid`.
        """

    async def try_writing(self) -> None:
        """Write something that changes nothing else. Raises `StoreUnwritable`."""

    async def keep_time(self) -> float:
        """Move what waits by as much as the wall clock was set since it was last compared; return the seconds."""
        ...

    def on_work(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call `tell` whenever jobs were added or woken through this store; return a function that ends that.

        It may be called in any thread. What other processes do is not told.
        """
        ...
