"""Tools for the stages of a job: the store, the ledger, the clock, and retries after a wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.engine.stages.step import Next, Working, stop
from reelwork.errors import PluginFailed, in_a_line
from reelwork.ledger import backoff
from reelwork.planning.job_state import JobData
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.protocol import Store
from reelwork.store.records import RenderRow
from reelwork_hooks.errors import NotSent, Unavailable

if TYPE_CHECKING:
    from reelwork.ledger import Later, Ledger

# With the pauses between them about two minutes: shorter troubles of a server pass by themselves.
MOST_READS = 8
"""The number of tries of a paid video's download before the job stops, with the video still at the provider."""


class StageTools:
    """The tools that a stage uses beside the job itself."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Callable[[], float],
        download: Callable[[Working, Any], Awaitable[Any]],
        probe: Callable[[Path], Awaitable[Mapping[str, Any]]],
        pipeline_of: Callable[[str], Pipeline] | None = None,
    ) -> None:
        self.store = store
        self.ledger = ledger
        self.clock = clock
        self.download = download
        self.probe = probe
        self._pipeline_of = pipeline_of

    def with_run(self, work: Working, run: str) -> Working:
        """Return a job with the pipeline of another run. Raises a `ReelworkError` if it can no longer be built."""
        if run == work.row.run_id or self._pipeline_of is None:
            return work
        return replace(work, pipeline=self._pipeline_of(run), run=run)

    def asked(self, work: Working, render: RenderRow) -> Pipeline:
        """Return the pipeline of the provider that has a render."""
        pipeline = self.with_run(work, render.run_id).pipeline
        here, there = (one.provider.config for one in (work.pipeline, pipeline))
        # At the same server the newest settings are used: a corrected key must reach what waits there.
        same = getattr(here, "base_url", "") == getattr(there, "base_url", "")
        return work.pipeline if same and render.provider == work.pipeline.provider_name else pipeline

    def retry(self, work: Working, error: Exception, status: str, reason: str) -> Next:
        """Try the same step again after a while, or stop: when it failed often enough, or would always fail."""
        lasts = isinstance(error, PluginFailed) and not error.passing
        if lasts or work.row.attempts + 1 >= MOST_READS:
            # Stopped, not given up: nothing repeats the paid request, and the step can be taken up again.
            tells = f"{reason.rstrip('.')}. `reelwork resume` tries again."
            return stop(status, work.row.step, work.data, tells)
        wait = backoff(work.row.attempts)
        if isinstance(error, Unavailable | NotSent) and error.retry_after is not None:
            # One that asks for a second each time would be given up within seconds.
            wait = max(wait, error.retry_after)
        waiting = Next(
            work.row.step,
            work.data,
            until=self.clock() + wait,
            waits=True,
            reason=reason,
            attempts=work.row.attempts + 1,
        )
        return waiting.telling("retry", reason=in_a_line(error), wait=wait)

    def later(self, work: Working, later: Later, step: str, data: JobData | None = None) -> Next:
        """Do this step when the ledger says that it may be done."""
        attempts = work.row.attempts + 1 if later.failure else work.row.attempts
        waiting = Next(
            step,
            data or work.data,
            later.commands,
            until=later.until,
            waits=True,
            reason=later.why,
            attempts=attempts,
            blocked_on=later.blocked_on,
            in_doubt=later.in_doubt,
        )
        return waiting.telling("waiting", reason=later.why) if later.notable else waiting
