"""Events for watchers of the engine, each reported after it was committed.

A new event is a `.telling(name)` in the stage where it happens. `worker` passes each one on to the plugins that
observe, and `cli/views/events` has the words for it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from reelwork.planning.job_state import JobData
from reelwork.store.records import JobRow

log = logging.getLogger("reelwork")

WAITS = "waits"
"""The name of an event for watchers only: the job's story has no line of it."""


@dataclass(frozen=True)
class Happening:
    """Something that was committed, for watchers."""

    job: JobRow
    data: JobData
    name: str
    details: Mapping[str, Any]
    until: float | None = None
    """The time of the next try, in seconds since the epoch; None if something has to wake the job."""
    in_doubt: bool = False
    """The job waits for the outcome of an effect that may have happened."""


@dataclass(frozen=True)
class RenderSeen:
    """A render was polled, for watchers."""

    job_id: str
    state: str
    progress: float | None
    overdue: bool
    problem: str = ""
    """The reason why the poll brought no status."""
    until: float | None = None
    """The time of the next poll, in seconds since the epoch."""


class Watcher(Protocol):
    """Receives events after their commit. Must return quickly; what it raises is logged."""

    def happened(self, happening: Happening) -> None:
        """A line was added to a job's story."""

    def seen(self, render: RenderSeen) -> None:
        """A render was polled."""


@contextmanager
def unharmed(watcher: object) -> Iterator[None]:
    """Log what a watcher, or a function that shows progress, raises: it must not fail a job that is paid for."""
    try:
        yield
    except Exception as error:
        name = getattr(watcher, "__qualname__", type(watcher).__name__)
        log.warning("%s raised %s: %s; the jobs continue without it", name, type(error).__name__, error)
