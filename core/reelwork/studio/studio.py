"""The public Python interface: plan, run and resume work. The command line is a thin user of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reelwork.clock import Timeline
from reelwork.errors import WorkflowInvalid
from reelwork.ids import new_id
from reelwork.plugins.catalog import Catalog
from reelwork.settings.arguments import check_path, check_settings, check_some, check_workflow
from reelwork.settings.paths import store_path
from reelwork.settings.workflow import Loaded
from reelwork.store.open import open_store, reading
from reelwork.store.records import FAILED, HELD, PAID_AGAIN, REJECTED, JobHead, JobRow
from reelwork.store.statuses import CLOSED
from reelwork.studio.brief_checks import check_briefs
from reelwork.studio.builder import Builder, Progress, apart
from reelwork.studio.dry_run import Keep, Rehearsal, every, rehearse
from reelwork.studio.inputs import Workflow, launch_asked, load_asked
from reelwork.studio.job_names import JobRows, find_job, head_of, heads_named, known_statuses, resumable
from reelwork.studio.job_view import views_of
from reelwork.studio.launch import Launch
from reelwork.studio.reviewing import Reviewing
from reelwork.studio.sync_methods import SyncMethods

# What drives jobs and decides about them is imported with the first such call: a plan starts faster.
if TYPE_CHECKING:
    from reelwork.engine.events import Watcher
    from reelwork.engine.reconcile import Reconciled
    from reelwork.store.protocol import Store
    from reelwork.store.reader import SyncReader
    from reelwork.studio.batch_decisions import AskCopies, Copies
    from reelwork.studio.begin import Begun, Confirm
    from reelwork.studio.decisions import Choice
    from reelwork.studio.driver import Drive
    from reelwork.studio.results import JobResult, RunResult
    from reelwork.studio.review import Review
    from reelwork.studio.session import Session


class Studio(SyncMethods, Reviewing):
    """Makes and publishes videos from Python.

    `workflow` is a TOML file or a mapping with the same sections. `settings` override it, like options of the
    command line. `store` is the path of the store (see `reelwork.settings.paths.store_path`), `out` the folder
    for results. `on_trace` gets a few lines for each call of a hook. Use it as a context manager, `with` or
    `async with`. Raises `WorkflowInvalid` for arguments of a wrong kind.

    >>> with Studio() as studio:                                  # doctest: +SKIP
    ...     result = studio.run_sync("A golden retriever in a sunny garden", duration=3)
    """

    def __init__(
        self,
        workflow: Workflow | None = None,
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
        check_workflow(workflow)
        check_settings(settings)
        check_path("store", store)
        check_path("out", out)
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
        self._store: Store | None = None
        # One clock for all that this object does: a correction of the machine's clock is then seen once, and taken
        # out.
        self._time = Timeline()
        self._driving: Drive | None = None
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
    def store(self) -> Store:
        """The store, opened when first needed. Raises `StoreInvalid`."""
        if self._store is None:
            # Only when it is needed: a program that only plans must not leave an empty store behind.
            self._store = open_store(self._store_path, clock=self._time)
        return self._store

    def stop(self) -> None:
        """Stop driving jobs once the steps in progress have ended; everything can be resumed."""
        self._stopped = True
        if self._driving is not None:
            self._driving.stop()

    # --- planning and running ----------------------------------------------------------------------------

    async def plan(self, what: str | Path | None = None, **brief: Any) -> Launch:
        """Return the jobs that `run` would make, without making them. Raises `InvalidInput`.

        Jobs of a batch that an earlier run has made or begun are left out.
        """
        async with self._apart() as builder:
            launch = await self._planned(builder, what, brief)
        return launch.without(launch.known)

    async def rehearse(
        self, what: str | Path | None = None, *, again: bool = False, keep: Keep = every, **brief: Any
    ) -> Rehearsal:
        """Rehearse `run`: return the requests and posts that it would send. Raises `InvalidInput`.

        Asks every plugin that is free to ask. Needs no secrets, sends nothing and writes nothing to the store.
        `keep` gets each new job and decides whether the answer contains it. For all new jobs together, the answer
        has their number, their cost and their outcomes.
        """
        async with self._apart() as builder:
            launch = await self._planned(builder, what, brief, again=again)
            return await rehearse(launch, keep)

    async def run(
        self,
        what: str | Path | None = None,
        *,
        confirm: Confirm | None = None,
        again: bool = False,
        copies: Copies | AskCopies | None = None,
        **brief: Any,
    ) -> RunResult:
        """Make and publish the videos of a prompt, a workflow file or a batch file; wait for them.

        `what` is a prompt, or the `Path` of a `.toml` workflow or a batch file; without it the workflow's own
        brief is used. `brief` holds the fields of `reelwork_hooks.Brief`. A batch that was run before continues
        where it stopped; `again` makes the whole batch again. `copies` decides about rows that look like rows
        made before: `make`, `keep`, or a function that gets them. Without it such rows are refused. `confirm`
        gets the new jobs before anything is written. Raises `InvalidInput`, and `Declined` if `confirm` returns
        false; then nothing was sent.
        """
        from reelwork.studio.batch_decisions import decided
        from reelwork.studio.begin import begin
        from reelwork.studio.results import with_removed

        loaded = self._load(what)

        async def launched(session: Session) -> Begun:
            # A function of its own, so that the plans end with it: a drive may take hours, and every job is in the
            # store.
            pipeline = session.build(loaded)
            run_id = new_id()
            session.adopt(run_id, pipeline)
            launch = launch_asked(pipeline, what, brief, run_id, again=again, earlier=self.store)
            # Before the question about money, which is about what is left once copies are kept.
            launch = decided(launch, copies, self.store).with_rooms(self.store)
            launch = await check_briefs(launch)
            return await begin(self.store, launch, run_id, confirm=confirm, clock=self._time)

        async with self._session() as session:
            begun = await launched(session)
            result = await self._drive(session, begun.heads, begun.run_id, begun.notes)
            return with_removed(self.store, result, begun.gone)

    async def resume(self, *names: str, settings: Mapping[str, Any] | None = None) -> RunResult:
        """Resume jobs that stopped: all that can be resumed, or those named by job or run id.

        They use the workflow they were launched with, with `settings` on top, such as a higher budget. A job whose
        render failed at the provider is not resumed, since that would mean paying again. Raises `NotFound`, or
        `InvalidInput` if the settings do not fit.
        """
        heads = heads_named(self.store, names) if names else resumable(self.store)
        async with self._session() as session:
            if settings:
                from reelwork.studio.begin import resettled

                heads = await resettled(session, self._catalog, heads, settings, self._time)
            # Jobs whose next step pays for a new render stay as they are: only `retry` may pay again.
            stopped = [head.id for head in heads if head.status in (FAILED, HELD) and head.step != PAID_AGAIN]
            await self.store.wake(stopped, (FAILED, HELD))
            return await self._drive(session, heads)

    async def retry(self, *names: str, shown: Mapping[str, int] | None = None) -> RunResult:
        """Retry the named jobs, even where that means paying for a new render.

        `shown` gives the fence at which a person saw each job before agreeing: a job that has moved on since is not
        paid for. Raises `NotFound`, or `WorkflowInvalid` without a name or if a job has moved on.
        """
        from reelwork.studio.decisions import check_unmoved, make_anew

        check_some("retry", names)
        heads = heads_named(self.store, names)
        ids = [head.id for head in heads]
        rows = self.store.some(ids)
        check_unmoved(rows, shown or {})
        async with self._session() as session:
            # The fences are those after that change. A job that moves in between is not woken, and so not paid
            # for.
            fences = await make_anew(self.store, rows)
            await self.store.wake(ids, (FAILED, HELD, REJECTED), fences)
            return await self._drive(session, heads)

    async def resolve(
        self,
        name: str,
        *,
        decision: Choice,
        destination: str | None = None,
        remote_id: str | None = None,
        attempt: int | None = None,
        shown: int | None = None,
        by: str = "",
    ) -> JobResult:
        """Decide about a held job, and resume it.

        `happened` (with the `remote_id` of the video or post) or `not-happened` settles an effect in doubt, at
        `destination` if there are several. `approve` or `reject` decides about exactly the content that
        moderation held. `attempt` names the attempt you mean, needed after more than one. `shown` is the fence
        at which a person saw the job, `by` who decides. Raises `NotFound`; `WorkflowInvalid` if there is nothing of
        that kind to decide or the job has moved on; `NotReviewer` when `by` may not approve for the job's brand.
        """
        from reelwork.studio.decisions import check_unmoved, resolve

        store, row = self.store, self.find(name)
        if decision in ("approve", "reject") and shown is not None:
            check_unmoved([row], {row.id: shown})
        # Before anything is written: a mistyped id would be waited for as if it were the job's render.
        if decision == "happened" and remote_id:
            await self._check_known(row, remote_id)
        await resolve(store, row, decision, destination=destination, remote_id=remote_id, attempt=attempt, by=by)
        async with self._session() as session:
            # A job that has ended for good is not driven on. The decision settles its effect, by looking alone.
            if row.status in CLOSED:
                from reelwork.engine.reconcile import Reconciler

                await Reconciler(session.steps(), session.pipeline_of).run([row.id])
                return self._results([self.find(row.id)])[0]
            return (await self._drive(session, [head_of(row)])).jobs[0]

    async def reconcile(self, *names: str, dry_run: bool = False) -> Reconciled:
        """Look up every effect in doubt, or those of the named jobs and runs, and settle what can be.

        Sends nothing and advances no job: it records what it finds, and a held job stays held until it is
        resumed. With `dry_run` it looks up everything, but records nothing. Raises `NotFound`.
        """
        from reelwork.engine.reconcile import Reconciled, Reconciler

        job_ids = [head.id for head in heads_named(self.store, names)] if names else None
        if not dry_run:
            async with self._session() as session:
                return Reconciled(await Reconciler(session.steps(), session.pipeline_of).run(job_ids))
        # The lookups write down what they see. On a copy nothing of that stays.
        from reelwork.studio.session import Session

        with self.store.snapshot() as copied:
            # A session of its own for the copy: it must not lease jobs in the store itself.
            async with Session(copied, self._catalog, on_trace=self._on_trace) as session:
                found = await Reconciler(session.steps(), session.pipeline_of).run(job_ids)
        return Reconciled(found, dry_run=True)

    async def _check_known(self, row: JobRow, remote_id: str) -> None:
        """Raises `WorkflowInvalid` when the provider does not know the video a person named."""
        from reelwork.studio.decisions import unresolved

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
        or `WorkflowInvalid` for a job that is done, or without a name.
        """
        from reelwork.studio.decisions import cancel
        from reelwork.studio.results import Before, results_of

        check_some("cancel", names)
        heads = heads_named(self.store, names)
        # Before anything is done, so that what is spent from here on can be told apart.
        before = Before.of(self.store, heads)
        rows = JobRows(self.store, [head.id for head in heads])
        async with self._session() as session:
            for row in rows:
                await cancel(self.store, row)
                await session.stop_render(row)
        return results_of(self.store, rows, before)

    # --- looking -----------------------------------------------------------------------------------------

    def jobs(
        self, run_id: str | None = None, statuses: str | Sequence[str] = (), limit: int = -1
    ) -> list[JobResult]:
        """Return jobs, newest first: of a run, of some statuses, at most `limit`. Raises `NotFound`."""
        which = {"run_id": run_id, "statuses": known_statuses(statuses), "limit": limit}
        return self._results(self.store.jobs(**which))

    def find(self, name: str) -> JobRow:
        """Return a job by its id, or by a unique beginning or end of it. Raises `NotFound`."""
        return find_job(self.store, name)

    def review(self, name: str) -> Review:
        """Return what a person has to decide about a job, with the evidence. Raises `NotFound`."""
        from reelwork.studio.review import review_of

        return review_of(self.store, self.find(name))

    def _results(self, rows: Sequence[JobRow]) -> list[JobResult]:
        from reelwork.studio.results import result_of

        return [result_of(view) for view in views_of(self.store, rows, [row.id for row in rows])]

    # --- inside ------------------------------------------------------------------------------------------

    def _load(self, what: str | Path | None) -> Loaded:
        return load_asked(what, self._workflow, self._settings)

    async def _planned(
        self, builder: Builder, what: str | Path | None, brief: Mapping[str, Any], *, again: bool = False
    ) -> Launch:
        pipeline = builder.build(self._load(what))
        try:
            with self._reading() as earlier:
                launch = launch_asked(pipeline, what, brief, new_id(), again=again, earlier=earlier)
                launch = await check_briefs(launch)
                return launch.with_rooms(earlier)
        finally:
            await pipeline.close()

    def _reading(self) -> AbstractContextManager[SyncReader | None]:
        """Return the store to read; None where there is none, since reading must not make one."""
        return nullcontext(self._store) if self._store else reading(self._store_path, clock=self._time)

    def _apart(self) -> AbstractAsyncContextManager[Builder]:
        return apart(self._catalog, self._reading, on_progress=self._on_progress, on_trace=self._on_trace)

    def _session(self) -> Session:
        from reelwork.studio.session import Session

        self.store.check_in_use()
        return Session(
            self.store,
            self._catalog,
            watchers=self._watchers,
            on_progress=self._on_progress,
            on_trace=self._on_trace,
            clock=self._time,
        )

    async def _drive(
        self, session: Session, heads: Sequence[JobHead], run_id: str | None = None, notes: Sequence[str] = ()
    ) -> RunResult:
        from reelwork.studio.driver import Drive
        from reelwork.studio.results import Before, results_of

        before = Before.of(self.store, heads)
        rows = JobRows(self.store, [head.id for head in heads])
        if self._on_begin is not None:
            self._on_begin(rows)
        self._driving = Drive(self.store, session, rows, {head.run_id for head in heads})
        # A signal may have come before there was anything to stop.
        if self._stopped:
            self._driving.stop()
        await self._driving.until_settled()
        return results_of(self.store, rows, before, run_id, notes)
