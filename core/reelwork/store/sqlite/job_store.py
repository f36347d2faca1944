"""Runs, jobs and the leases of jobs in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reelwork.store.sqlite import brand_limits, bulk_reads, effects, job_leases, jobs, renders, retention, waitlist
from reelwork.store.sqlite.base import SqliteParts

if TYPE_CHECKING:
    from reelwork.store.commands import NewJob, SetJob, Tell
    from reelwork.store.records import JobRow, Lease, RunRow


class SqliteJobs(SqliteParts):
    """The part of a store that holds runs and jobs."""

    async def add_run(self, run: RunRow) -> RunRow:
        """Add a run, or return the one that has its key."""
        brand_limits.check_run(self._only, run.frozen)
        return await self._db.run(lambda db: jobs.add_run(db, run))

    async def add_jobs(self, run_id: str, new: Sequence[NewJob]) -> list[JobRow]:
        """Add the jobs whose key is new; return the jobs of all the keys, in order."""
        return await self._run_and_tell(lambda db: jobs.add_jobs(db, run_id, new, self._clock()))

    async def adopt(self, run_id: str, job_ids: Sequence[str]) -> None:
        """Move jobs that are not done to another run."""
        await self._db.run(lambda db: jobs.adopt(db, run_id, job_ids, self._clock()))

    async def watch(self, scope: str, job_ids: Sequence[str]) -> None:
        """Name a set of jobs, for this process only."""
        await self._db.run(lambda db: job_leases.watch(db, scope, job_ids))

    async def claim_jobs(
        self, owner: str, lease: float, count: int, scope: str | None, left: Collection[tuple[str, str]] = ()
    ) -> list[JobRow]:
        """Take due jobs for `lease` seconds; none at a step of a run in `left`."""

        def change(db: sqlite3.Connection) -> list[JobRow]:
            now = self._clock()
            # Those at a gate first: they have waited for a slot already.
            wanted = job_leases.Wanted(owner, now + lease, now, count, scope, left)
            front = waitlist.claim(db, wanted)
            rows = front + job_leases.claim(db, replace(wanted, count=count - len(front)))
            if scope is None and len(rows) < count:
                rows += job_leases.claim_held(db, replace(wanted, count=count - len(rows)))
            return [self._by_clock(row) for row in rows]

        return await self._db.run(change)

    async def claim_job(self, job_id: str, owner: str, lease: float) -> JobRow | None:
        """Take one job for `lease` seconds, if it is due and nobody holds it; None if not."""

        def change(db: sqlite3.Connection) -> JobRow | None:
            now = self._clock()
            due = job_leases.claim_one(db, job_id, owner, now + lease, now)
            row = due or waitlist.claim_one(db, job_id, owner, now + lease, now)
            return None if row is None else self._by_clock(row)

        return await self._db.run(change)

    async def renew(self, owner: str, lease: float) -> int:
        """Extend this owner's leases to `lease` seconds from now; return how many jobs it holds."""
        return await self._db.run(lambda db: job_leases.renew(db, owner, self._clock() + lease))

    async def owners(self) -> set[str]:
        """Return the names of all lease holders."""
        # Beside the writer: whom it names is asked for by its lock, and only the leases of the dead are ended.
        return self._reads.ask(job_leases.owners)

    async def expire(self, owner: str) -> None:
        """End the leases of an owner that is known to be dead."""
        await self._db.run(lambda db: job_leases.expire(db, owner))

    async def wake(
        self, job_ids: Sequence[str], statuses: Sequence[str], fences: Mapping[str, int] | None = None
    ) -> list[str]:
        """Make ended jobs active again at the step where they stopped."""

        def change(db: sqlite3.Connection) -> list[str]:
            own = [job_id for job_id in job_ids if brand_limits.job_is_of(db, self._only, job_id)]
            return jobs.wake(db, own, self._clock(), statuses=statuses, fences=fences)

        return await self._run_and_tell(change)

    async def let_go(self, lease: Lease, pause: float) -> None:
        """Give a job back unchanged, to be taken again after `pause` seconds."""
        await self._db.run(lambda db: job_leases.let_go(db, lease, self._clock() + pause))

    async def hold(self, job_id: str, owner: str, lease: float) -> JobRow | None:
        """Lease one job, whatever its status; None if it is leased already."""

        def change(db: sqlite3.Connection) -> JobRow | None:
            now = self._clock()
            return job_leases.hold(db, job_id, owner, now + lease, now)

        return await self._db.run(change)

    async def give_back(self, lease: Lease) -> None:
        """Let a job go exactly as it stands."""
        await self._db.run(lambda db: job_leases.give_back(db, lease))

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
        """Change a job from outside its steps, with evidence for its effects. False when it has moved."""
        by = self._by()

        def apply(db: sqlite3.Connection) -> bool:
            now = self._clock()
            if not brand_limits.job_is_of(db, self._only, job_id):
                return False
            if approver is not None:
                brand_limits.check_reviewer(db, job_id, approver)
            if not jobs.decide(db, job_id, by([change])[0], lines, now, fence, unheld=unheld):
                return False
            for key, seen in (evidence or {}).items():
                effects.note(db, key, seen, now)
            for key, remote_id in (made or {}).items():
                effects.claim_if_free(db, key, remote_id)
            return True

        return await self._run_and_tell(apply)

    async def next_due(
        self,
        scope: str | None,
        accounts: Sequence[str] | None = None,
        busy: Sequence[str] = (),
        left: Collection[tuple[str, str]] = (),
    ) -> float | None:
        """Return when work is next due, in seconds since the epoch; None if nothing waits."""

        def change(db: sqlite3.Connection) -> float | None:
            times = (
                job_leases.next_due(db, scope, left),
                waitlist.next_due(db, scope, left),
                renders.next_due(db, accounts, busy),
            )
            return min((time for time in times if time is not None), default=None)

        return await self._db.run(change)

    async def holders(self, scope: str) -> dict[str, int]:
        """Return the lease holders of active jobs in a watched set, each with its number of jobs."""
        return await self._db.run(lambda db: bulk_reads.holders(db, scope, self._clock()))

    async def is_active(self, scope: str, but: Collection[str] = ()) -> bool:
        """Return whether a job of a watched set, other than those in `but`, is active."""
        return await self._db.run(lambda db: bulk_reads.is_active(db, scope, but))

    def remove_ended(self, before: float, count: int) -> int:
        """Remove at most `count` jobs that ended before a time; their keys, money and remote ids stay."""
        return self._db.run_now(lambda db: retention.remove(db, before, self._clock(), count))
