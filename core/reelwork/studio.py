"""The public Python interface: plan, run and resume work. The command line is a thin user of it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

from reelwork.batch import SUFFIXES, read_batch
from reelwork.config import Loaded, brief_from, load, relaid
from reelwork.decisions import Choice, cancel, resolve, unresolved
from reelwork.engine import Engine, Happening, RenderSeen, Watcher
from reelwork.errors import Declined, WorkflowInvalid
from reelwork.identity import new_id
from reelwork.journal import Journal
from reelwork.launch import Launch, check_output_folder, launch_brief, launch_rows
from reelwork.layers import with_one_name
from reelwork.locations import store_path
from reelwork.lookup import find_job, find_named
from reelwork.pipeline import Pipeline, freeze, thaw
from reelwork.plugins import Catalog
from reelwork.reconcile import Reconciled, Reconciler, copy_store
from reelwork.rehearsal import Rehearsal, rehearse
from reelwork.results import JobResult, RunResult, result_of, results
from reelwork.session import Progress, Session
from reelwork.store.rows import (
    ACTIVE,
    CLOSED,
    DONE,
    FAILED,
    HELD,
    LOST,
    PAID_AGAIN,
    REJECTED,
    JobRow,
    RunRow,
    SetJob,
)
from reelwork.store.sqlite import SqliteStore

T = TypeVar("T")
Confirm = Callable[[Launch], bool]


class Studio:
    """Makes and publishes videos from Python.

    `workflow` is a TOML file or a mapping with the same sections. `settings` are laid over it, as options of the
    command line are. `store` is where jobs are kept (see `reelwork.locations.store_path`), `out` the folder for
    results. `on_trace` gets the lines that tell of each call of a hook. Use it as a context manager, `with` or
    `async with`.

    >>> with Studio() as studio:                                  # doctest: +SKIP
    ...     result = studio.run_sync("A golden retriever in a sunny garden", duration=3)
    """

    def __init__(
        self,
        workflow: str | Path | Mapping[str, Any] | None = None,
        *,
        store: str | Path | None = None,
        out: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
        watchers: Sequence[Watcher] = (),
        on_progress: Progress | None = None,
        on_begin: Callable[[Sequence[JobRow]], None] | None = None,
        on_trace: Callable[[str], None] | None = None,
        catalog: Catalog | None = None,
    ) -> None:
        self._workflow = workflow
        self._settings = dict(settings or {})
        if out is not None:
            self._settings["out"] = str(out)
        self._store_path = store_path(str(store) if store else None)
        self._watchers = watchers
        self._on_progress = on_progress
        self._on_begin = on_begin
        self._on_trace = on_trace
        self._catalog = catalog or Catalog()
        self._store: SqliteStore | None = None
        self._engine: Engine | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def store(self) -> SqliteStore:
        """The store, opened when first needed. Raises `StoreInvalid`."""
        if self._store is None:
            self._store = SqliteStore(self._store_path)
        return self._store

    def stop(self) -> None:
        """Stop driving jobs as soon as what is under way has ended; everything can be resumed."""
        self._stopped = True
        if self._engine is not None:
            self._engine.stop()

    # --- planning and running ----------------------------------------------------------------------------

    async def plan(self, what: str | Path | None = None, **brief: Any) -> Launch:
        """What `run` would make, without making it. Raises `InvalidInput`."""
        async with self._apart() as session:
            return await self._planned(session, what, brief)

    async def rehearse(self, what: str | Path | None = None, **brief: Any) -> Rehearsal:
        """What `run` would send and publish, asking every plugin that is free to ask. Raises `InvalidInput`.

        Needs no secrets, sends nothing and writes nothing to the store.
        """
        async with self._apart() as session:
            return await rehearse(await self._planned(session, what, brief))

    async def run(
        self,
        what: str | Path | None = None,
        *,
        confirm: Confirm | None = None,
        again: bool = False,
        **brief: Any,
    ) -> RunResult:
        """Make and publish the videos of a prompt, a workflow file or a batch file; wait for them.

        `what` is a prompt, or the `Path` of a `.toml` workflow or a `.csv`, `.jsonl` or `.txt` batch; without it
        the workflow's own brief is used. `brief` holds the fields of `reelwork_hooks.Brief`. A batch that was
        run before goes on where it stopped; `again` makes it anew. `confirm` is shown the jobs that are new and
        asked before anything is written. Raises `InvalidInput`, and `Declined` when `confirm` says no; nothing
        was sent then.
        """
        loaded = self._load(what)
        async with self._session() as session:
            pipeline = session.build(loaded)
            run_id = new_id()
            session.adopt(run_id, pipeline)
            launch = self._launch(pipeline, what, brief, run_id, again=again)
            known = self.store.jobs_with_keys([job.key for job in launch.jobs])
            self._check(launch, known, confirm)
            notes = [*self._unfinished(loaded, known), *launch.changed_since(known)]
            rows = await self._write(run_id, launch, known)
            await self._drive(session, rows)
            return self._results(rows, run_id, notes)

    async def resume(self, *names: str, settings: Mapping[str, Any] | None = None) -> RunResult:
        """Go on with jobs that stopped: all that can go on, or those named by job or run id.

        They go on with the workflow they were launched with, and `settings` laid over it, such as a higher budget.
        A job whose render failed at the provider is left alone, since going on would mean paying again. Raises
        `NotFound`, or `InvalidInput` when the settings do not fit.
        """
        rows = self._named(names) if names else self._resumable()
        async with self._session() as session:
            if settings:
                rows = await self._resettled(session, rows, settings)
            await self.store.wake([row.id for row in rows if row.step != PAID_AGAIN], (FAILED, HELD))
            await self._drive(session, rows)
            return self._results(rows, None)

    async def retry(self, *names: str) -> RunResult:
        """Go on with the named jobs, also where that means paying for a new render. Raises `NotFound`."""
        rows = self._named(names)
        async with self._session() as session:
            for row in rows:
                if row.status == HELD and row.step == LOST:
                    await self.store.decide(row.id, SetJob(HELD, PAID_AGAIN, None, row.reason))
            await self.store.wake([row.id for row in rows], (FAILED, HELD, REJECTED))
            await self._drive(session, rows)
            return self._results(rows, None)

    async def resolve(
        self, name: str, *, decision: Choice, destination: str | None = None, remote_id: str | None = None
    ) -> JobResult:
        """Decide about a held job, and go on with it.

        `happened` (with the `remote_id` of the video or post) or `not-happened` settles an act of unknown outcome,
        at `destination` when there are several; `approve` or `reject` settles what moderation held, for exactly
        the content it held. Raises `NotFound`, or `WorkflowInvalid` when there is nothing of that kind to decide.
        """
        row = self.find(name)
        if decision == "happened" and remote_id:
            await self._check_known(row, remote_id)
        await resolve(self.store, row, decision, destination=destination, remote_id=remote_id)
        async with self._session() as session:
            if row.status in CLOSED:
                await Reconciler(session.steps(), session.pipeline_of).run([row.id])
            else:
                await self._drive(session, [row])
        return self._results([row], None).jobs[0]

    async def reconcile(self, *names: str, dry_run: bool = False) -> Reconciled:
        """Look up every act whose outcome is in doubt, or those of the named jobs and runs, and settle what can be.

        Sends nothing and drives no job on: what it learns is written down, and a job that was held for it stays
        held until it is resumed. With `dry_run` it looks all the same, and writes nothing. Raises `NotFound`.
        """
        job_ids = [row.id for row in self._named(names)] if names else None
        if not dry_run:
            async with self._session() as session:
                return Reconciled(await Reconciler(session.steps(), session.pipeline_of).run(job_ids))
        with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
            copied = SqliteStore(copy_store(self.store.path, Path(folder)))
            # Who is alive is told by the locks beside the store itself.
            copied.path = self.store.path
            try:
                async with Session(copied, self._catalog, on_trace=self._on_trace) as session:
                    found = await Reconciler(session.steps(), session.pipeline_of).run(job_ids)
            finally:
                copied.close()
        return Reconciled(found, dry_run=True)

    async def _check_known(self, row: JobRow, remote_id: str) -> None:
        """Raises `WorkflowInvalid` when the provider does not know the video a person named."""
        if not any(effect.kind == "submit" for effect in unresolved(self.store, row)):
            return
        async with self._session() as session:
            state = await session.state_of(row, remote_id)
        if state == "lost":
            raise WorkflowInvalid(
                f"The provider does not know a video {remote_id!r}.",
                money="Nothing was changed.",
                hint="Check the id and decide again.",
            )

    async def cancel(self, *names: str) -> RunResult:
        """End jobs for good, and ask the provider to stop their renders where it can.

        What was sent stays sent: its money stays counted until it is known not to be charged. Raises `NotFound`,
        or `WorkflowInvalid` for a job that is done.
        """
        rows = self._named(names)
        async with self._session() as session:
            for row in rows:
                await cancel(self.store, row)
                await session.stop_render(row)
        return self._results(rows, None)

    def run_sync(self, what: str | Path | None = None, **options: Any) -> RunResult:
        """`run` for programs without an event loop."""
        return _blocking(self.run(what, **options))

    def plan_sync(self, what: str | Path | None = None, **options: Any) -> Launch:
        """`plan` for programs without an event loop."""
        return _blocking(self.plan(what, **options))

    def rehearse_sync(self, what: str | Path | None = None, **options: Any) -> Rehearsal:
        """`rehearse` for programs without an event loop."""
        return _blocking(self.rehearse(what, **options))

    def resume_sync(self, *names: str, settings: Mapping[str, Any] | None = None) -> RunResult:
        """`resume` for programs without an event loop."""
        return _blocking(self.resume(*names, settings=settings))

    def retry_sync(self, *names: str) -> RunResult:
        """`retry` for programs without an event loop."""
        return _blocking(self.retry(*names))

    def resolve_sync(self, name: str, **options: Any) -> JobResult:
        """`resolve` for programs without an event loop."""
        return _blocking(self.resolve(name, **options))

    def reconcile_sync(self, *names: str, dry_run: bool = False) -> Reconciled:
        """`reconcile` for programs without an event loop."""
        return _blocking(self.reconcile(*names, dry_run=dry_run))

    def cancel_sync(self, *names: str) -> RunResult:
        """`cancel` for programs without an event loop."""
        return _blocking(self.cancel(*names))

    # --- looking -----------------------------------------------------------------------------------------

    def jobs(self, **which: Any) -> list[JobResult]:
        """Jobs, newest first. Takes `run_id`, `statuses`, `limit`."""
        return [result_of(row) for row in self.store.jobs(**which)]

    def find(self, name: str) -> JobRow:
        """A job by its id, or a beginning or end of it that no other has. Raises `NotFound`."""
        return find_job(self.store, name)

    # --- inside ------------------------------------------------------------------------------------------

    def _load(self, what: str | Path | None) -> Loaded:
        if isinstance(what, Path) and what.suffix.lower() == ".toml":
            return load(what, options=self._settings)
        if isinstance(self._workflow, Mapping):
            return load(None, options={**self._workflow, **self._settings})
        path = Path(self._workflow) if self._workflow is not None else None
        return load(path, options=self._settings)

    async def _planned(self, session: Session, what: str | Path | None, brief: Mapping[str, Any]) -> Launch:
        pipeline = session.build(self._load(what))
        try:
            return self._launch(pipeline, what, brief, "plan")
        finally:
            await pipeline.close()

    @asynccontextmanager
    async def _apart(self) -> AsyncIterator[Session]:
        """A session of its own that leaves the store, which may not even exist, untouched."""
        with tempfile.TemporaryDirectory(prefix="reelwork-") as folder:
            store = SqliteStore(Path(folder) / "store.db")
            try:
                progress, trace = self._on_progress, self._on_trace
                async with Session(store, self._catalog, on_progress=progress, on_trace=trace) as session:
                    yield session
            finally:
                store.close()

    def _session(self) -> Session:
        return Session(
            self.store,
            self._catalog,
            watchers=self._watchers,
            on_progress=self._on_progress,
            on_trace=self._on_trace,
        )

    def _launch(
        self,
        pipeline: Pipeline,
        what: str | Path | None,
        brief: Mapping[str, Any],
        run_id: str,
        *,
        again: bool = False,
    ) -> Launch:
        defaults = {**pipeline.workflow.brief, **with_one_name(brief)}
        if isinstance(what, Path) and what.suffix.lower() != ".toml":
            if what.suffix.lower() not in SUFFIXES:
                raise WorkflowInvalid(
                    f"{what}: a batch is a .csv, .jsonl or .txt file, a workflow a .toml file.",
                )
            rows = read_batch(what, defaults)
            return launch_rows(pipeline, what, rows, salt=run_id if again else "")
        if isinstance(what, str):
            defaults["prompt"] = what
        loaded = pipeline.loaded
        return launch_brief(pipeline, brief_from(defaults, loaded.source or "the brief", loaded.text), run_id)

    def _check(self, launch: Launch, known: Mapping[str, JobRow], confirm: Confirm | None) -> None:
        check_output_folder(launch.pipeline.loaded.out)
        launch.pipeline.check_secrets()
        if confirm is not None and len(known) < len(launch.jobs) and not confirm(launch.without(known)):
            raise Declined("Stopped, as you said.")

    async def _write(self, run_id: str, launch: Launch, known: Mapping[str, JobRow]) -> list[JobRow]:
        if len(known) < len(launch.jobs) or any(row.status != DONE for row in known.values()):
            pipeline = launch.pipeline
            await self.store.add_run(RunRow(run_id, None, pipeline.workflow.name, freeze(pipeline), time.time()))
        rows = await self.store.add_jobs(run_id, launch.jobs)
        resumable = [row.id for row in rows if row.step != PAID_AGAIN]
        await self.store.wake(resumable, (FAILED, HELD))
        return rows

    async def _drive(self, session: Session, rows: Sequence[JobRow]) -> None:
        if self._on_begin is not None:
            self._on_begin([fresh for row in rows if (fresh := self.store.job(row.id)) is not None])
        if not rows:
            return
        scope = new_id()
        await self.store.watch(scope, [row.id for row in rows])
        overdue = _Overdue()
        journal = Journal()
        journal.begin(self.store.jobs(scope=scope)[::-1])
        engine = session.engine(scope, {row.run_id for row in rows}, overdue, journal)
        self._engine = engine
        if self._stopped:
            return

        async def settled() -> bool:
            counts = self.store.counts(scope)
            return counts.get(ACTIVE, 0) <= len(overdue.jobs & self._active_ids(scope))

        try:
            await engine.drive(settled)
        finally:
            self._engine = None

    async def _resettled(
        self, session: Session, rows: Sequence[JobRow], settings: Mapping[str, Any]
    ) -> list[JobRow]:
        """Let the jobs of each run go on as part of a new one, with these settings laid over its workflow."""
        settled: list[JobRow] = []
        for run_id in dict.fromkeys(row.run_id for row in rows):
            run = self.store.run(run_id)
            assert run is not None
            pipeline = session.build(relaid(thaw(run.frozen), settings))
            fresh = RunRow(new_id(), None, run.workflow, freeze(pipeline), time.time())
            session.adopt(fresh.id, pipeline)
            await self.store.add_run(fresh)
            own = [row for row in rows if row.run_id == run_id]
            await self.store.adopt(fresh.id, [row.id for row in own])
            settled += [replace(row, run_id=fresh.id) for row in own]
        return settled

    def _unfinished(self, loaded: Loaded, known: Mapping[str, JobRow]) -> list[str]:
        """A note about jobs that an earlier run of the same file left open, which a new run does not go on with."""
        if not loaded.source:
            return []
        rows = self.store.jobs(statuses=(ACTIVE, HELD))
        mine = {row.id for row in known.values()}
        sources = {run_id: self._source_of(run_id) for run_id in {row.run_id for row in rows}}
        others = [row for row in rows if sources[row.run_id] == loaded.source and row.id not in mine]
        if not others:
            return []
        jobs = "1 job" if len(others) == 1 else f"{len(others)} jobs"
        return [
            f"{jobs} of earlier runs of {loaded.source} were left unfinished: reelwork resume goes on with them."
        ]

    def _source_of(self, run_id: str) -> str:
        run = self.store.run(run_id)
        return thaw(run.frozen).source if run is not None else ""

    def _active_ids(self, scope: str) -> set[str]:
        return {row.id for row in self.store.jobs(scope=scope, statuses=(ACTIVE,))}

    def _named(self, names: Sequence[str]) -> list[JobRow]:
        rows = [row for name in names for row in find_named(self.store, name)]
        return list({row.id: row for row in rows}.values())

    def _resumable(self) -> list[JobRow]:
        rows = self.store.jobs(statuses=(ACTIVE, FAILED, HELD))
        return [row for row in reversed(rows) if row.step != PAID_AGAIN]

    def _results(self, rows: Sequence[JobRow], run_id: str | None, notes: Sequence[str] = ()) -> RunResult:
        fresh = [row for old in rows if (row := self.store.job(old.id)) is not None]
        return results(fresh, run_id, self.store.spent([row.id for row in fresh]), notes)


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


def _blocking(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
