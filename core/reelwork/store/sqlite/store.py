"""The store on SQLite: the `Store` protocol's methods, each one change handed to the writer thread."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from reelwork.clock import Timeline
from reelwork.errors import Limited, StoreInvalid
from reelwork.store.commands import (
    AddRender,
    Budget,
    Command,
    Confirm,
    Doubt,
    Intend,
    NewJob,
    Refuse,
    RenderUpdate,
    Reopen,
    Saw,
    Send,
    SetJob,
    SettleMoney,
    StillWaiting,
    Tell,
)
from reelwork.store.records import (
    EffectRow,
    EventRow,
    JobHead,
    JobRow,
    Lease,
    Removable,
    RenderRow,
    RunRow,
    Sendings,
)
from reelwork.store.sqlite import (
    budgets,
    bulk_reads,
    clock_steps,
    effects,
    jobs,
    renders,
    retention,
    waitlist,
    witness,
    workers,
)
from reelwork.store.sqlite.batches import SqliteBatches
from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.store_evidence import SqliteEvidence
from reelwork.store.sqlite.writer import Change, Database

T = TypeVar("T")
C = TypeVar("C")


class SqliteStore(SqliteEvidence):
    """Runs, jobs, renders and effects in one SQLite file."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time, home: Path | None = None) -> None:
        """Open the file, creating it if needed. Raises `StoreInvalid`.

        The locks, downloads and the witness lie beside `home`: beside the file itself, unless it is a copy.
        """
        self.path = home or path
        self._clock = clock
        self._timekeeper = clock_steps.Timekeeper(clock) if isinstance(clock, Timeline) else None
        self._db = Database(path, self._timekeeper)
        # Replaced as a whole: it may be read in one thread while another one adds to it.
        self._listeners: tuple[Callable[[], None], ...] = ()

    def close(self) -> None:
        """Finish pending writes and close the file."""
        self._db.close()

    @property
    def files(self) -> Path:
        """The folder on this machine for what belongs to the jobs of this store: downloads and plugins' work."""
        return files_of(self.path)

    def register(self) -> workers.Owner:
        """Take part as a process that can hold leases. Raises `StoreUnwritable`."""
        return workers.Owner(self.path)

    async def worker_is_dead(self, name: str) -> bool:
        """Return whether a lease holder's process has surely ended; False if that cannot be told."""
        return workers.is_dead(self.path, name)

    def runs_at_work(self) -> set[str]:
        """The runs whose jobs a living process sees through now, as far as they say. Nothing is changed."""
        return workers.runs_at_work(self.path)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteStore]:
        """A copy of the store as it is at this moment, to try things on. It is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
            path = Path(folder) / "copy.db"
            with closing(sqlite3.connect(self._db.path)) as source, closing(sqlite3.connect(path)) as target:
                source.backup(target)
            # Who is alive is told by the locks beside the store itself.
            copied = SqliteStore(path, home=self.path)
            try:
                yield copied
            finally:
                copied.close()

    def check_in_use(self) -> None:
        """Refuse a backup, which does not know what was paid after it was taken. Raises `StoreInvalid`."""
        taken = self.backup_taken_at()
        if taken is not None:
            raise StoreInvalid(
                f"{self.path} is a backup, taken {taken}; what was paid after that it does not know.",
                money="Nothing was sent, so nothing is paid or posted twice.",
                hint="Use the store itself. To put the backup in its place: "
                f"reelwork --store STORE store restore {self.path}",
            )

    def check_whole(self) -> None:
        """Refuse a store from which nothing may be sent: one that forgot what was sent, a copy or a backup.

        Raises `StoreInvalid`.
        """
        self._db.run_now(lambda db: witness.check(self.path, db))

    async def keep_time(self) -> float:
        """Move what waits by as much as the wall clock was set since it was last asked; return the seconds."""
        if self._timekeeper is None:
            return 0.0
        await self._db.run(lambda db: None)
        return self._timekeeper.told()

    def _by(self) -> Callable[[Sequence[C]], Sequence[C]]:
        """Return what puts times right that were written down by the clock as it is now, but are stored later."""
        time = self._clock
        if not isinstance(time, Timeline):
            return lambda timed: timed
        moved = time.moved

        def by(timed: Sequence[C]) -> Sequence[C]:
            since = time.moved - moved
            return [clock_steps.shifted(one, since) for one in timed] if since else timed

        return by

    def on_work(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call `tell` whenever jobs were added or woken through this store. Returns what ends that."""
        self._listeners = (*self._listeners, tell)

        def forget() -> None:
            self._listeners = tuple(listener for listener in self._listeners if listener is not tell)

        return forget

    async def _run_and_tell(self, change: Change[T]) -> T:
        value = await self._db.run(change)
        for listener in self._listeners:
            listener()
        return value

    # --- runs and jobs ---------------------------------------------------------------------------------

    async def add_run(self, run: RunRow) -> RunRow:
        """Add a run, or return the one that has its key."""
        return await self._db.run(lambda db: jobs.add_run(db, run))

    async def add_jobs(self, run_id: str, new: Sequence[NewJob]) -> list[JobRow]:
        """Add the jobs whose key is new; return the jobs of all the keys, in order."""
        return await self._run_and_tell(lambda db: jobs.add_jobs(db, run_id, new, self._clock()))

    async def adopt(self, run_id: str, job_ids: Sequence[str]) -> None:
        """Let jobs that are not done go on as part of another run."""
        await self._db.run(lambda db: jobs.adopt(db, run_id, job_ids, self._clock()))

    async def watch(self, scope: str, job_ids: Sequence[str]) -> None:
        """Name a set of jobs, for this process only."""
        await self._db.run(lambda db: jobs.watch(db, scope, job_ids))

    async def claim_jobs(self, owner: str, lease: float, count: int, scope: str | None) -> list[JobRow]:
        """Take due jobs for `lease` seconds."""

        def change(db: sqlite3.Connection) -> list[JobRow]:
            now = self._clock()
            front = waitlist.claim(db, owner, now + lease, now, count, scope)
            return front + jobs.claim(db, owner, now + lease, now, count - len(front), scope)

        return await self._db.run(change)

    async def claim_job(self, job_id: str, owner: str, lease: float) -> JobRow | None:
        """Take one job for `lease` seconds, if it is due and nobody holds it; None if not."""

        def change(db: sqlite3.Connection) -> JobRow | None:
            now = self._clock()
            due = jobs.claim_one(db, job_id, owner, now + lease, now)
            return due or waitlist.claim_one(db, job_id, owner, now + lease, now)

        return await self._db.run(change)

    async def renew(self, owner: str, lease: float) -> int:
        """Keep this owner's leases for `lease` more seconds; returns how many jobs it holds."""
        return await self._db.run(lambda db: jobs.renew(db, owner, self._clock() + lease))

    async def owners(self) -> set[str]:
        """Everyone who holds a lease."""
        return await self._db.run(jobs.owners)

    async def expire(self, owner: str) -> None:
        """End the leases of an owner that is known to be dead."""
        await self._db.run(lambda db: jobs.expire(db, owner))

    async def wake(
        self, job_ids: Sequence[str], statuses: Sequence[str], fences: Mapping[str, int] | None = None
    ) -> list[str]:
        """Make ended jobs active again at the step where they stopped."""
        return await self._run_and_tell(
            lambda db: jobs.wake(db, job_ids, self._clock(), statuses=statuses, fences=fences)
        )

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        """Apply commands together, or none of them. Returns the effect a `Send` was about.

        Raises `LeaseLost`, `Limited`, `BudgetExceeded` or `LedgerConflict`.
        """
        try:
            by = self._by()
            sent, total = await self._db.run(lambda db: self._apply_counted(db, lease, by(commands)))
        except Limited as limited:
            send = next((command for command in commands if isinstance(command, Send)), None)
            if limited.account and send is not None:
                await self._db.run(lambda db: self._set_gate(db, send))
            raise
        if sent is not None:
            # After the commit and before the call: what left is known outside the database too.
            witness.saw(self.path, total)
        return sent

    def _apply_counted(
        self, db: sqlite3.Connection, lease: Lease, commands: Sequence[Command]
    ) -> tuple[EffectRow | None, int]:
        sent = self._apply(db, lease, commands)
        return sent, 0 if sent is None else witness.count_send(db)

    def _set_gate(self, db: sqlite3.Connection, send: Send) -> None:
        # Asked again: a place that got free since the limit was met must not be forgotten.
        now = self._clock()
        limit = effects.limit_of(db, send, "submit", now)
        waitlist.set_time(db, send.account, now if limit is None else limit.until)

    def _apply(self, db: sqlite3.Connection, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        now = self._clock()
        match commands:
            case [*others, SetJob() as step] if step.stays:
                lines = [line for line in others if isinstance(line, Tell)]
                if len(lines) == len(others):
                    jobs.step_on(db, lease, step, lines, now)
                    return None
        run_id = jobs.check_lease(db, lease)
        sent = None
        for command in commands:
            match command:
                case SetJob():
                    jobs.set_job(db, lease.job_id, _behind_gate(command), now)
                case Tell():
                    jobs.tell(db, lease.job_id, command, now)
                case Intend():
                    effects.intend(db, lease.job_id, run_id, command, now)
                case Send():
                    sent = effects.send(db, command, lease.owner, now)
                    if sent.kind == "submit" and waitlist.exists(db, command.account):
                        self._set_gate(db, command)
                case Confirm():
                    effects.confirm(db, command, now)
                case Refuse():
                    waitlist.open_now(db, effects.refuse(db, command, now), now)
                case Reopen():
                    waitlist.open_now(db, effects.reopen(db, command, now), now)
                case Doubt():
                    effects.doubt(db, command, now)
                case Saw():
                    effects.saw(db, command)
                case AddRender():
                    renders.add(db, lease.job_id, command.run_id or run_id, command, now)
                case SettleMoney():
                    effects.settle_money(db, command, now)
        return sent

    async def let_go(self, lease: Lease, pause: float) -> None:
        """Give a job back unchanged, to be taken again after `pause` seconds."""
        await self._db.run(lambda db: jobs.let_go(db, lease, self._clock() + pause))

    async def hold(self, job_id: str, owner: str, lease: float) -> JobRow | None:
        """Take one job that nobody holds, whatever its status; None when somebody does."""

        def change(db: sqlite3.Connection) -> JobRow | None:
            now = self._clock()
            return jobs.hold(db, job_id, owner, now + lease, now)

        return await self._db.run(change)

    async def give_back(self, lease: Lease) -> None:
        """Let a job go exactly as it stands."""
        await self._db.run(lambda db: jobs.give_back(db, lease))

    # --- effects and renders ---------------------------------------------------------------------------

    async def decide(
        self,
        job_id: str,
        change: SetJob,
        *lines: Tell,
        evidence: Mapping[str, Mapping[str, Any]] | None = None,
        made: Mapping[str, str] | None = None,
        fence: int | None = None,
    ) -> bool:
        """Change a job from outside its steps, with evidence for its effects. False when it has moved."""

        def apply(db: sqlite3.Connection) -> bool:
            now = self._clock()
            if not jobs.decide(db, job_id, change, lines, now, fence):
                return False
            for key, seen in (evidence or {}).items():
                effects.note(db, key, seen, now)
            for key, remote_id in (made or {}).items():
                effects.claim_if_free(db, key, remote_id)
            return True

        return await self._run_and_tell(apply)

    async def effect(self, key: str) -> EffectRow | None:
        """One effect."""
        return await self._db.run(lambda db: effects.get(db, key))

    def note(self, key: str, evidence: Mapping[str, Any], *, made: str | None = None) -> None:
        """Keep something seen on the way to an effect's outcome. Handed over; does not wait."""

        def change(db: sqlite3.Connection) -> None:
            effects.note(db, key, evidence, self._clock())
            if made is not None:
                effects.claim_if_free(db, key, made)

        self._db.post(change)

    def note_end(self, key: str, sender: str, name: str) -> None:
        """Keep under this name which attempt is over for its sender. Handed over; does not wait."""
        self._db.post(lambda db: effects.note_end(db, key, sender, name, self._clock()))

    async def claim_match(self, lease: Lease, key: str, remote_ids: Sequence[str]) -> str | None:
        """Keep the first of these matches that belongs to no other effect for this one. Raises `LeaseLost`."""

        def change(db: sqlite3.Connection) -> str | None:
            jobs.check_lease(db, lease)
            return effects.claim_match(db, key, remote_ids, self._clock())

        return await self._db.run(change)

    async def in_doubt(self) -> list[EffectRow]:
        """Every effect that is `sent` or `unknown`, oldest first."""
        return await self._db.run(effects.in_doubt)

    async def is_claimed(self, effect: EffectRow, remote_id: str) -> bool:
        """Return whether this remote id belongs to another effect of the same account."""
        return await self._db.run(lambda db: effects.is_claimed(db, effect, remote_id))

    async def open_siblings(self, effect: EffectRow) -> list[EffectRow]:
        """Identical requests that may have happened and are not settled."""
        return await self._db.run(lambda db: effects.open_siblings(db, effect))

    async def render(self, render_id: str) -> RenderRow | None:
        """One render."""
        return await self._db.run(lambda db: renders.get(db, render_id))

    async def claim_renders(
        self, owner: str, lease: float, count: int, accounts: Sequence[str] | None, busy: Sequence[str] = ()
    ) -> list[RenderRow]:
        """Take renders, of these accounts or of all, that are due for a look, for `lease` seconds."""

        def change(db: sqlite3.Connection) -> list[RenderRow]:
            now = self._clock()
            return renders.claim(db, owner, now + lease, now, count, accounts, busy)

        return await self._db.run(change)

    async def claim_render_of(self, job_id: str, owner: str, lease: float) -> RenderRow | None:
        """Take a job's render for `lease` seconds, if it is due for a poll and nobody polls it; None if not."""

        def change(db: sqlite3.Connection) -> RenderRow | None:
            now = self._clock()
            return renders.claim_of(db, job_id, owner, now + lease, now)

        return await self._db.run(change)

    async def claim_seen(
        self, owner: str, lease: float, account: str, remote_ids: Sequence[str]
    ) -> list[RenderRow]:
        """Take those renders of an account, due or not, of which a look told as well."""

        def change(db: sqlite3.Connection) -> list[RenderRow]:
            now = self._clock()
            return renders.claim_seen(db, owner, now + lease, now, account, remote_ids)

        return await self._db.run(change)

    async def update_renders(
        self, owner: str, changes: Sequence[RenderUpdate], same: Sequence[StillWaiting] = ()
    ) -> list[str]:
        """Write down what a look taught; returns the jobs it woke."""
        by = self._by()
        return await self._db.run(lambda db: renders.update(db, by(changes), by(same), owner, self._clock()))

    async def look_now(self, render_id: str) -> None:
        """Make the next look at a render happen at once."""
        await self._run_and_tell(lambda db: renders.look_now(db, render_id, self._clock()))

    async def next_due(
        self, scope: str | None, accounts: Sequence[str] | None = None, busy: Sequence[str] = ()
    ) -> float | None:
        """Return when work is next due, in seconds since the epoch; None if nothing waits."""

        def change(db: sqlite3.Connection) -> float | None:
            times = (jobs.next_due(db, scope), waitlist.next_due(db, scope), renders.next_due(db, accounts, busy))
            return min((time for time in times if time is not None), default=None)

        return await self._db.run(change)

    # --- questions -------------------------------------------------------------------------------------

    def job(self, job_id: str) -> JobRow | None:
        """One job."""
        return self._db.run_now(lambda db: jobs.get_job(db, job_id))

    def run(self, run_id: str) -> RunRow | None:
        """One run."""
        return self._db.run_now(lambda db: jobs.get_run(db, run_id))

    def jobs(self, **which: Any) -> list[JobRow]:
        """Return jobs, newest first. Takes what `find_jobs` does, such as `statuses`, `before` and `limit`."""
        return self._db.run_now(lambda db: jobs.find_jobs(db, **which))

    def jobs_with_keys(self, keys: Sequence[str]) -> dict[str, JobRow]:
        """The jobs that have these keys."""
        return self._db.run_now(lambda db: jobs.jobs_with_keys(db, keys))

    @property
    def batches(self) -> SqliteBatches:
        """The jobs of batch files."""
        return SqliteBatches(self._db.run_now, self._run_and_tell, self._clock)

    def counts(self, scope: str | None = None) -> Mapping[str, int]:
        """Return the number of jobs of each status."""
        return self._db.run_now(lambda db: jobs.count_by_status(db, scope))

    def heads(self, statuses: Sequence[str], runs: Collection[str] | None = None) -> list[JobHead]:
        """The jobs of these statuses, of these runs or of all, oldest first, without what they carry."""
        return self._db.run_now(lambda db: bulk_reads.heads(db, statuses, runs))

    def runs_with(self, statuses: Sequence[str]) -> list[str]:
        """The runs that have jobs of these statuses."""
        return self._db.run_now(lambda db: bulk_reads.runs_with(db, statuses))

    def some(self, ids: Sequence[str]) -> list[JobRow]:
        """The jobs with these ids, in this order."""
        return self._db.run_now(lambda db: bulk_reads.some(db, ids))

    def some_heads(self, ids: Sequence[str]) -> list[JobHead]:
        """The same without what the jobs carry."""
        return self._db.run_now(lambda db: bulk_reads.some_heads(db, ids))

    async def holders(self, scope: str) -> dict[str, int]:
        """Return the lease holders of active jobs in a watched set, each with its number of jobs."""
        return await self._db.run(lambda db: bulk_reads.holders(db, scope, self._clock()))

    async def is_active(self, scope: str, but: Collection[str] = ()) -> bool:
        """Return whether a job of a watched set, other than those in `but`, is active."""
        return await self._db.run(lambda db: bulk_reads.is_active(db, scope, but))

    def events(self, job_id: str) -> list[EventRow]:
        """A job's story."""
        return self._db.run_now(lambda db: jobs.events(db, job_id))

    def effects_of(self, job_id: str) -> list[EffectRow]:
        """A job's effects."""
        return self._db.run_now(lambda db: effects.of_job(db, job_id))

    def spent(self, job_ids: Sequence[str]) -> dict[str, int]:
        """Return the money charged or reserved for each of these jobs, in millionths of a US dollar."""
        return self._db.run_now(lambda db: effects.spent(db, job_ids))

    def sendings(self, job_ids: Sequence[str]) -> dict[str, Sendings]:
        """Return the render requests sent for each of these jobs, and the requests' money."""
        return self._db.run_now(lambda db: effects.sendings(db, job_ids))

    def counted(self, budget: Budget) -> dict[str, int]:
        """Return the money that this day's and month's budgets hold, by name, in millionths of a US dollar."""
        return self._db.run_now(lambda db: budgets.held(db, budget, self._clock()))

    def render_now(self, render_id: str) -> RenderRow | None:
        """One render, for callers without an event loop."""
        return self._db.run_now(lambda db: renders.get(db, render_id))

    def backup_taken_at(self) -> str | None:
        """Return when this file was copied as a backup; None for a store in use."""
        query = "SELECT value FROM facts WHERE name = 'backup_taken_at'"
        row = self._db.run_now(lambda db: db.execute(query).fetchone())
        return None if row is None else str(row[0])

    # --- keeping it small ------------------------------------------------------------------------------

    def removable(self, before: float) -> Removable:
        """Count what `remove_ended` would remove, and the jobs of the same age that it would leave."""
        return self._db.run_now(lambda db: retention.removable(db, before, self._clock()))

    def remove_ended(self, before: float, count: int) -> int:
        """Remove at most `count` jobs that ended before a time; their keys, money and remote ids stay."""
        return self._db.run_now(lambda db: retention.remove(db, before, self._clock(), count))


def _behind_gate(change: SetJob) -> SetJob:
    """A job that waits for a place has no time of its own: its account's gate has."""
    return change if change.blocked_on is None else replace(change, due_at=None)
