"""Logs events of jobs, each with the job's id and the time it took."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reelwork.engine.events import WAITS, Happening, RenderSeen
from reelwork.store.records import ACTIVE, JobRow
from reelwork.store.statuses import FIRST

log = logging.getLogger("reelwork.job")

PROMPT_SHOWN = 100
"""Characters of a prompt that go into the log."""
LEVELS = {
    "failed": logging.ERROR,
    "post-failed": logging.ERROR,
    "held": logging.WARNING,
    "rejected": logging.WARNING,
    "post-held": logging.WARNING,
    "post-rejected": logging.WARNING,
    "retry": logging.WARNING,
}
WORDS = {"done": "completed"}


class Journal:
    """A `Watcher` of the engine that logs. Times count from `begin`; without it no time is told."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._states: dict[str, str] = {}

    def begin(self, rows: Sequence[JobRow]) -> None:
        """Log which jobs are taken up."""
        self._began = self._clock()
        if not log.isEnabledFor(logging.INFO):
            # Reading thousands of jobs' JSON only to drop the lines would hold up the start.
            return
        for row in rows:
            if row.status == ACTIVE:
                prompt = str(json.loads(row.data)["brief"]["prompt"])
                shown = prompt if len(prompt) <= PROMPT_SHOWN else prompt[:PROMPT_SHOWN] + "…"
                at = "" if row.step == FIRST else f" at step {row.step}"
                self._write(logging.INFO, row, "started", f"started{at}: {shown}", None)

    def happened(self, happening: Happening) -> None:
        """Log each line of a job's story."""
        name = happening.name
        if name == WAITS:
            return
        # A server sees jobs without end: what is kept of one goes with its next event.
        self._states.pop(happening.job.id, None)
        level = LEVELS.get(name, logging.INFO)
        if not log.isEnabledFor(level):
            return
        took = None if self._began is None else round((self._clock() - self._began) * 1000)
        message = f"{WORDS.get(name, name)}{_details(happening.details)}"
        self._write(level, happening.job, WORDS.get(name, name), message, took)

    def seen(self, render: RenderSeen) -> None:
        """Log a change of a render's state."""
        state = "overdue" if render.overdue else render.state
        if self._states.get(render.job_id) != state:
            self._states[render.job_id] = state
            level = logging.WARNING if render.overdue else logging.DEBUG
            log.log(level, "the render is %s", state, extra={"job": render.job_id, "event": "render"})

    def _write(self, level: int, row: JobRow, event: str, message: str, duration_ms: int | None) -> None:
        extra = {"job": row.id, "run": row.run_id, "event": event, "duration_ms": duration_ms}
        log.log(level, "%s", message, extra=extra)


def _details(details: Mapping[str, Any]) -> str:
    reason = details.get("reason")
    rest = [
        f"{name} {value}" for name, value in details.items() if name != "reason" and value not in ("", None, False)
    ]
    return (f": {reason}" if reason else "") + (f" ({', '.join(rest)})" if rest else "")
