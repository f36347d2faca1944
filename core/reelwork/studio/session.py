"""The owner, connections and pipelines of one drive of the engine."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.engine.events import Watcher
from reelwork.engine.stages.step import Working
from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.planning.job_state import JobData, request_for
from reelwork.planning.render_refs import render_ref
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.freezing import thaw
from reelwork.plugins.observing import HookCall
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.protocol import LeaseHolder, Store
from reelwork.store.records import UNTOLD, JobRow
from reelwork.studio.builder import Answered, Builder, Progress
from reelwork.studio.telemetry.environment import wanted
from reelwork.studio.telemetry.traces import Traces
from reelwork_hooks.errors import ReelworkError
from reelwork_hooks.models import Asset, Clip, Role
from reelwork_hooks.provider import RenderRef, Source

# The engine and the ledger are imported with the first step: a command that only decides starts faster.
if TYPE_CHECKING:
    from reelwork.engine.loop import Engine
    from reelwork.engine.stages.table import Steps
    from reelwork.engine.worker import Worker
    from reelwork.ledger import Ledger

RENAMED = (
    "If a newer plugin has another name for it: reelwork resume JOB --set plugin.NAME.NEW=VALUE; what the plugin "
    "no longer knows is then left out."
)


class Session(Builder):
    """Builds engines too, which drive the jobs of a store. Close it in the event loop it was used in."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        *,
        watchers: Sequence[Watcher] = (),
        on_progress: Progress | None = None,
        on_trace: Callable[[str], None] | None = None,
        on_answer: Answered | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            catalog,
            store.files,
            values=store,
            purse=store,
            on_progress=on_progress,
            on_trace=on_trace,
            on_answer=on_answer,
        )
        self.store = store
        self._watchers = watchers
        self._clock = clock
        self._traces = Traces(store) if wanted(os.environ) else None
        self._owner: LeaseHolder | None = None
        self._ledgers: list[Ledger] = []
        self._pipelines: dict[str, Pipeline] = {}

    async def __aexit__(self, *_: object) -> None:
        # The owner comes last: as long as a plugin may still send, this process must count as alive.
        for pipeline in self._pipelines.values():
            await pipeline.close()
        if self._traces is not None:
            await self._traces.close()
        await super().__aexit__()
        # A plugin's thread that ran over its time may still send, as long as this process lives.
        self._leave(stuck=any(ledger.overrun for ledger in self._ledgers))

    def start_anew(self) -> None:
        """Let go of what this process holds, once its engine has ended. The next engine has a new name."""
        # The process lives on, and with it what was cancelled and runs in a thread: closed, the old name would be
        # taken for dead, and what such a thread still sends be sent twice.
        self._leave(stuck=any(ledger.overrun or ledger.broken_off for ledger in self._ledgers))

    def _leave(self, *, stuck: bool) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.keep() if stuck else owner.close()
        self._ledgers.clear()

    def _observers(self) -> tuple[Callable[[HookCall], None] | None, Callable[[HookCall], None] | None]:
        traces = self._traces
        return super()._observers() if traces is None else (self._on_call(traces), traces.asked)

    def _on_call(self, traces: Traces) -> Callable[[HookCall], None]:
        def told(call: HookCall) -> None:
            if self._tracer is not None:
                self._tracer(call)
            traces.called(call)

        return told

    def adopt(self, run_id: str, pipeline: Pipeline) -> None:
        """Use this pipeline for a run's jobs."""
        self._pipelines[run_id] = pipeline

    def pipeline_of(self, run_id: str) -> Pipeline:
        """Return a run's pipeline, built from the workflow frozen when it was launched."""
        if run_id not in self._pipelines:
            run = self.store.run(run_id)
            if run is None or not run.frozen:
                raise NotFound("run", run_id, ())
            try:
                self._pipelines[run_id] = self.build(thaw(run.frozen))
            except WorkflowInvalid as error:
                raise WorkflowInvalid(error.message, hint=f"{error.hint} {RENAMED}".strip()) from error
        return self._pipelines[run_id]

    async def forget(self, runs: Collection[str]) -> None:
        """Close the pipelines of these runs. One that is needed again is built again."""
        for run_id in runs:
            if (pipeline := self._pipelines.pop(run_id, None)) is not None:
                await pipeline.close()

    @property
    def known_runs(self) -> frozenset[str]:
        """The runs whose pipelines are built."""
        return frozenset(self._pipelines)

    def engine(self, scope: str | None, runs: Iterable[str], *watchers: Watcher) -> Engine:
        """Return an engine for a watched set of jobs, which belong to these runs, or for all."""
        from reelwork.engine.loop import Engine
        from reelwork.engine.renders.polling import Waiting

        steps = self.steps()
        return Engine(
            store=self.store,
            owner=steps.ledger.owner,
            steps=steps if self._traces is None else self._traces.traced(steps),
            waiting=Waiting(self._clock),
            pipeline_of=self.pipeline_of,
            clock=self._clock,
            watchers=self._all(watchers),
            scope=scope,
            accounts=None if scope is None else self._looked_after(runs),
        )

    def worker(self, *watchers: Watcher) -> Worker:
        """Return a worker that advances single jobs, for programs that have a queue of their own."""
        from reelwork.engine.left import Left
        from reelwork.engine.render_poller import RenderPoller
        from reelwork.engine.renders.polling import Waiting
        from reelwork.engine.worker import Worker

        steps = self.steps()
        shared = (Left(self.pipeline_of), self._clock, self._all(watchers))
        poller = RenderPoller(self.store, steps.ledger.owner, Waiting(self._clock), *shared)
        traced = steps if self._traces is None else self._traces.traced(steps)
        return Worker(self.store, steps.ledger.owner, traced, poller, *shared)

    def _all(self, watchers: Sequence[Watcher]) -> tuple[Watcher, ...]:
        return (*self._watchers, *watchers, *(() if self._traces is None else (self._traces,)))

    def steps(self) -> Steps:
        """Return the steps of jobs, done in the name of this process."""
        from reelwork.engine.stages.table import Steps
        from reelwork.ledger import Ledger

        if self._owner is None:
            # Checked once, before this process can hold a lease, and so before it can send anything.
            self.store.check_whole()
            # Only now, and not when the session begins: many a session drives nothing.
            self._owner = self.store.register()
        ledger = Ledger(self.store, self._owner, self._clock)
        # Kept, since each knows which of its calls still run in a thread.
        self._ledgers.append(ledger)
        return Steps(self.store, ledger, self._clock, self._download, probe_facts, self.pipeline_of)

    async def state_of(self, row: JobRow, remote_id: str) -> str | None:
        """Return the state of a video at a job's provider; None if it is not reported. Raises `Unavailable`."""
        data = JobData.model_validate_json(row.data)
        submitted_at = datetime.fromtimestamp(row.created_at, UTC)
        ref = RenderRef(remote_id=remote_id, request=request_for(data), submitted_at=submitted_at)
        # A poll of the id itself, not a lookup: it asks whether the provider knows it, whoever asked for it.
        answers = await self.pipeline_of(row.run_id).provider.poll([ref])
        return next((answer.state for answer in answers if answer.remote_id == remote_id), None)

    async def stop_render(self, row: JobRow) -> bool:
        """Ask the provider to stop a job's render. Return True only if it says that the render has stopped."""
        render = await self.store.render(row.render_id) if row.render_id else None
        # A render whose answers could not be read may still be under way, and may still be stopped.
        if render is None or (render.ended_at is not None and render.state != UNTOLD):
            return False
        # A provider that cannot stop the render must not keep the job from being cancelled.
        with suppress(ReelworkError):
            return await self.pipeline_of(render.run_id).provider.cancel(render_ref(render))
        return False

    def _looked_after(self, runs: Iterable[str]) -> tuple[str, ...]:
        accounts, runs = set(), tuple(runs)
        for run_id in runs:
            # A run whose pipeline can no longer be built fails job by job, with its reason.
            with suppress(ReelworkError):
                accounts.add(self.pipeline_of(run_id).account)
        # Settings may name another account by now. Renders at the earlier one are paid for and still waited for.
        return tuple(sorted(accounts.union(self.store.accounts_of(runs))))

    async def _download(self, work: Working, source: Source) -> Clip:
        from reelwork.media.download import download
        from reelwork.media.probe import MediaInvalid, check_playable

        assert work.row.render_id is not None
        job = work.job

        def progress(done: int, total: int | None) -> None:
            if self._on_progress is not None:
                self._on_progress(job, 100 * done / total if total else 0.0, "downloading")

        got = await download(
            source,
            into=self._files / "assets",
            temp_dir=self._files / "partial",
            http=self._connections(),
            part_name=work.row.render_id,
            limit_bytes=int(work.pipeline.workflow.limits.largest_download * 1_000_000),
            on_progress=progress,
        )
        try:
            # In a thread: decoding takes as long as many network waits, and would hold up all other jobs.
            facts = await asyncio.to_thread(check_playable, got.path)
        except MediaInvalid as error:
            raise MediaInvalid(f"{error.message}; what arrived is kept at {got.path}") from error
        video = Asset(
            path=got.path,
            sha256=got.sha256,
            bytes=got.bytes,
            media_type=got.media_type,
            role=Role.VIDEO,
            **_asset_facts(asdict(facts)),
        )
        return Clip(video=video)


async def probe_facts(path: Path) -> Mapping[str, Any]:
    """Media facts of a changed video, as an `Asset` takes them."""
    from reelwork.media.probe import probe

    return _asset_facts(asdict(await asyncio.to_thread(probe, path)))


def _asset_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ("width", "height", "duration", "fps", "codec")}
