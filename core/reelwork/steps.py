"""The steps of a job. Each looks at the job, does one thing, and says what to write down.

::

    moderate-brief → transform → moderate-prompt → prepare → submit → render → download → finish → publish
    └──────────── drafting.py ────────────────┘   └─ submitting.py ─┘ └─ fetching.py ─┘  finishing  publishing

A step never assumes that the process which ran the step before is alive. It returns the commands that are
committed together; only the ledger's `sent` is committed inside a step, before the call it announces.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from reelwork import drafting, fetching, finishing, publishing, submitting
from reelwork.dispatch import in_a_line
from reelwork.ledger import Later, Ledger, backoff
from reelwork.store.protocol import Store
from reelwork.transition import Next, Working, stop
from reelwork.work import JobData
from reelwork_hooks.errors import NotSent, Unavailable

FIRST = "moderate-brief"
MOST_READS = 8
"""Times a paid video's download is tried before the job stops, with the video still at the provider."""


class Steps:
    """The steps, with what they need from the engine."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Callable[[], float],
        download: Callable[[Working, Any], Awaitable[Any]],
        probe: Callable[[Path], Awaitable[Mapping[str, Any]]],
    ) -> None:
        self.store = store
        self.ledger = ledger
        self.clock = clock
        self.download = download
        self.probe = probe

    async def run(self, work: Working) -> Next:
        """Do the job's next step."""
        return await _STEPS[work.row.step](self, work)

    def retry(self, work: Working, error: Exception, status: str, reason: str) -> Next:
        """Try the same step again after a while, or stop when it failed often enough."""
        if work.row.attempts + 1 >= MOST_READS:
            return stop(status, work.row.step, work.data, f"{reason} `reelwork resume` tries again.")
        wait = backoff(work.row.attempts)
        if isinstance(error, Unavailable | NotSent) and error.retry_after is not None:
            wait = error.retry_after
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


_STEPS: Mapping[str, Callable[[Steps, Working], Awaitable[Next]]] = {
    "moderate-brief": drafting.moderate_brief,
    "transform": drafting.transform,
    "moderate-prompt": drafting.moderate_prompt,
    "prepare": submitting.prepare,
    "submit": submitting.submit,
    "submit-again": submitting.submit_again,
    "render": fetching.render,
    "render-again": fetching.render_again,
    "download": fetching.download,
    "download-again": fetching.download_again,
    "finish": finishing.finish,
    "publish": publishing.publish,
    "publish-again": publishing.publish_again,
}
