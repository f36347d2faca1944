"""Drives a set of jobs until each has ended or only waits for an overdue render."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from reelwork.engine.events import Happening, RenderSeen, unharmed
from reelwork.engine.job_log import Journal
from reelwork.ids import new_id
from reelwork.planning.job_state import waits_for_its_time
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE
from reelwork.studio.job_names import JobRows
from reelwork.studio.session import Session

if TYPE_CHECKING:
    from reelwork.engine.loop import Engine


@runtime_checkable
class Waiter(Protocol):
    """A watcher that wants to know when nothing happens here because other processes hold the jobs."""

    def held_elsewhere(self, holders: Mapping[str, int]) -> None:
        """So many jobs are held by each of these processes, and this one waits for them."""


class Drive:
    """One drive of some jobs in this process."""

    def __init__(self, store: Store, session: Session, rows: JobRows, runs: Collection[str]) -> None:
        self._store = store
        self._session = session
        self._rows = rows
        self._runs = runs
        self._overdue = _Overdue({row.id for row in rows if row.status == ACTIVE and waits_for_its_time(row.data)})
        self._engine: Engine | None = None
        self._stopped = False
        self._told: set[str] = set()
        """Other processes that were named to the watchers."""

    def stop(self) -> None:
        """Stop as soon as what is under way has ended. Safe to call from a signal handler."""
        self._stopped = True
        if self._engine is not None:
            self._engine.stop()

    async def until_settled(self) -> None:
        """Drive the jobs. Raises `StoreInvalid` when the store cannot be written."""
        if not self._rows:
            return
        scope = new_id()
        # Only these jobs: a second command on the same store must not drive the first one's.
        await self._store.watch(scope, self._rows.ids)
        journal = Journal()
        journal.begin(self._rows)
        engine = self._session.engine(scope, self._runs, self._overdue, journal)
        self._engine = engine
        # Before the first claim, so that no other command calls these jobs left behind.
        engine.owner.works_on(self._runs)
        if self._stopped:
            return

        async def settled() -> bool:
            # Asked of the store, not of this process: another process may hold some of the jobs, and bring them to
            # an end.
            if not await self._store.is_active(scope, self._overdue.jobs | self._left(engine)):
                return True
            await self._tell_of_others(engine, scope)
            return False

        try:
            await engine.drive(settled)
        finally:
            self._engine = None

    def _left(self, engine: Engine) -> set[str]:
        """Return the jobs that this process cannot go on with: nobody is kept waiting for another to come."""
        left = engine.left.steps
        return {head.id for head in self._rows.heads() if (head.run_id, head.step) in left} if left else set()

    async def _tell_of_others(self, engine: Engine, scope: str) -> None:
        holders = await self._store.holders(scope)
        others = {name: jobs for name, jobs in holders.items() if name not in (*self._told, engine.owner.name)}
        if not others:
            return
        # Each process is named once, however often this is asked.
        self._told.update(others)
        for watcher in engine.watchers:
            if isinstance(watcher, Waiter):
                with unharmed(watcher):
                    watcher.held_elsewhere(others)


class _Overdue:
    """Remembers which jobs wait for a render that is past its deadline, or for the time of their posts."""

    # A person is not kept waiting for them: both may take days, and `resume` or a server finds them.

    def __init__(self, jobs: set[str]) -> None:
        self.jobs = jobs

    def happened(self, happening: Happening) -> None:
        # Something was committed for the job, so it no longer only waits for its render.
        self.jobs.discard(happening.job.id)
        if happening.until is not None and happening.data.waits_for_its_time:
            self.jobs.add(happening.job.id)

    def seen(self, render: RenderSeen) -> None:
        if render.overdue:
            self.jobs.add(render.job_id)
        else:
            self.jobs.discard(render.job_id)
