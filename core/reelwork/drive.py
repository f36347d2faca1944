"""Driving a set of jobs until each has ended or only waits for a render that is overdue."""

from __future__ import annotations

from collections.abc import Collection

from reelwork.engine import Engine, Happening, RenderSeen
from reelwork.identity import new_id
from reelwork.journal import Journal
from reelwork.lookup import JobRows
from reelwork.session import Session
from reelwork.store.sqlite import SqliteStore


class Drive:
    """One drive of some jobs in this process."""

    def __init__(self, store: SqliteStore, session: Session, rows: JobRows, runs: Collection[str]) -> None:
        self._store = store
        self._session = session
        self._rows = rows
        self._runs = runs
        self._overdue = _Overdue()
        self._engine: Engine | None = None
        self._stopped = False

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
        await self._store.watch(scope, self._rows.ids)
        journal = Journal()
        journal.begin(self._rows)
        engine = self._session.engine(scope, self._runs, self._overdue, journal)
        self._engine = engine
        if self._stopped:
            return

        async def settled() -> bool:
            return not await self._store.is_active(scope, self._overdue.jobs)

        try:
            await engine.drive(settled)
        finally:
            self._engine = None


class _Overdue:
    """Remembers which jobs wait for a render that is past its deadline: a person is not kept waiting for it."""

    def __init__(self) -> None:
        self.jobs: set[str] = set()

    def happened(self, happening: Happening) -> None:
        self.jobs.discard(happening.job.id)

    def seen(self, render: RenderSeen) -> None:
        if render.overdue:
            self.jobs.add(render.job_id)
        else:
            self.jobs.discard(render.job_id)
