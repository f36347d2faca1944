"""The store on SQLite: the `Store` protocol's methods, each one change handed to the writer thread."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reelwork.store import effects, jobs, renders
from reelwork.store.database import Database
from reelwork.store.rows import (
    AddRender,
    Command,
    Confirm,
    Doubt,
    EffectRow,
    EventRow,
    Intend,
    JobRow,
    Lease,
    NewJob,
    Refuse,
    RenderRow,
    RenderUpdate,
    Reopen,
    RunRow,
    Send,
    SetJob,
    SettleMoney,
    Tell,
)


class SqliteStore:
    """Runs, jobs, renders and effects in one SQLite file."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open the file, creating it if needed. Raises `StoreInvalid`."""
        self.path = path
        self._clock = clock
        self._db = Database(path)

    def close(self) -> None:
        """Finish pending writes and close the file."""
        self._db.close()

    # --- runs and jobs ---------------------------------------------------------------------------------

    async def add_run(self, run: RunRow) -> RunRow:
        """Add a run, or return the one that has its key."""
        return await self._db.run(lambda db: jobs.add_run(db, run))

    async def add_jobs(self, run_id: str, new: Sequence[NewJob]) -> list[JobRow]:
        """Add the jobs whose key is new; return the jobs of all the keys, in order."""
        return await self._db.run(lambda db: jobs.add_jobs(db, run_id, new, self._clock()))

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
            return jobs.claim(db, owner, now + lease, now, count, scope)

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

    async def wake(self, job_ids: Sequence[str], statuses: Sequence[str]) -> list[str]:
        """Make ended jobs active again at the step where they stopped."""
        return await self._db.run(lambda db: jobs.wake(db, job_ids, self._clock(), statuses=statuses))

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        """Apply commands together, or none of them. Returns the effect a `Send` was about.

        Raises `LeaseLost`, `Limited`, `BudgetExceeded` or `LedgerConflict`.
        """
        return await self._db.run(lambda db: self._apply(db, lease, commands))

    def _apply(self, db: sqlite3.Connection, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        run_id = jobs.check_lease(db, lease)
        now = self._clock()
        sent = None
        for command in commands:
            match command:
                case SetJob():
                    jobs.set_job(db, lease.job_id, command, now)
                case Tell():
                    jobs.tell(db, lease.job_id, command, now)
                case Intend():
                    effects.intend(db, lease.job_id, run_id, command, now)
                case Send():
                    sent = effects.send(db, command, lease.owner, now)
                case Confirm():
                    effects.confirm(db, command, now)
                case Refuse():
                    renders.release_blocked(db, effects.refuse(db, command, now), now)
                case Reopen():
                    renders.release_blocked(db, effects.reopen(db, command, now), now)
                case Doubt():
                    effects.doubt(db, command, now)
                case AddRender():
                    renders.add(db, lease.job_id, run_id, command, now)
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
        self, job_id: str, change: SetJob, *lines: Tell, evidence: Mapping[str, Mapping[str, Any]] | None = None
    ) -> bool:
        """Change a job from outside its steps, with evidence for its effects. False when it is not there."""

        def apply(db: sqlite3.Connection) -> bool:
            now = self._clock()
            for key, seen in (evidence or {}).items():
                effects.note(db, key, seen, now)
            return jobs.decide(db, job_id, change, lines, now)

        return await self._db.run(apply)

    async def effect(self, key: str) -> EffectRow | None:
        """One effect."""
        return await self._db.run(lambda db: effects.get(db, key))

    def note(self, key: str, evidence: Mapping[str, Any]) -> None:
        """Keep something seen on the way to an effect's outcome. Handed over; does not wait."""
        self._db.post(lambda db: effects.note(db, key, evidence, self._clock()))

    async def claim_match(self, lease: Lease, key: str, remote_ids: Sequence[str]) -> str | None:
        """Keep the first of these matches that belongs to no other effect for this one. Raises `LeaseLost`."""

        def change(db: sqlite3.Connection) -> str | None:
            jobs.check_lease(db, lease)
            return effects.claim_match(db, key, remote_ids, self._clock())

        return await self._db.run(change)

    async def in_doubt(self) -> list[EffectRow]:
        """Every effect that is `sent` or `unknown`, oldest first."""
        return await self._db.run(effects.in_doubt)

    async def open_siblings(self, effect: EffectRow) -> list[EffectRow]:
        """Identical requests that may have happened and are not settled."""
        return await self._db.run(lambda db: effects.open_siblings(db, effect))

    async def render(self, render_id: str) -> RenderRow | None:
        """One render."""
        return await self._db.run(lambda db: renders.get(db, render_id))

    async def claim_renders(
        self, owner: str, lease: float, count: int, accounts: Sequence[str] | None
    ) -> list[RenderRow]:
        """Take renders, of these accounts or of all, that are due for a look, for `lease` seconds."""

        def change(db: sqlite3.Connection) -> list[RenderRow]:
            now = self._clock()
            return renders.claim(db, owner, now + lease, now, count, accounts)

        return await self._db.run(change)

    async def update_renders(self, owner: str, changes: Sequence[RenderUpdate]) -> list[str]:
        """Write down what a look taught; returns the jobs it woke."""
        return await self._db.run(lambda db: renders.update(db, changes, owner, self._clock()))

    async def look_now(self, render_id: str) -> None:
        """Make the next look at a render happen at once."""
        await self._db.run(lambda db: renders.look_now(db, render_id, self._clock()))

    async def next_due(self, scope: str | None, accounts: Sequence[str] | None = None) -> float | None:
        """When there is next something to do, in seconds since the epoch; None when nothing waits."""

        def change(db: sqlite3.Connection) -> float | None:
            times = (jobs.next_due(db, scope), renders.next_due(db, accounts))
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
        """Jobs, newest first. Takes `prefix`, `run_id`, `statuses`, `scope`, `limit`."""
        return self._db.run_now(lambda db: jobs.find_jobs(db, **which))

    def jobs_with_keys(self, keys: Sequence[str]) -> dict[str, JobRow]:
        """The jobs that have these keys."""
        return self._db.run_now(lambda db: jobs.jobs_with_keys(db, keys))

    def counts(self, scope: str | None = None) -> Mapping[str, int]:
        """How many jobs there are of each status."""
        return self._db.run_now(lambda db: jobs.count_by_status(db, scope))

    def events(self, job_id: str) -> list[EventRow]:
        """A job's story."""
        return self._db.run_now(lambda db: jobs.events(db, job_id))

    def effects_of(self, job_id: str) -> list[EffectRow]:
        """A job's effects."""
        return self._db.run_now(lambda db: effects.of_job(db, job_id))

    def spent(self, job_ids: Sequence[str]) -> dict[str, int]:
        """What each of these jobs was charged or has reserved, in millionths of a US dollar."""
        return self._db.run_now(lambda db: effects.spent(db, job_ids))

    def render_now(self, render_id: str) -> RenderRow | None:
        """One render, for callers without an event loop."""
        return self._db.run_now(lambda db: renders.get(db, render_id))
