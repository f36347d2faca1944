"""Reading the store while other processes write it: on a connection of its own that never takes the write lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork.cli.output import one_line
from reelwork.cli.views import JobView, view_of
from reelwork.cli.waits import when
from reelwork.cli.words import RENDERING, step_words
from reelwork.owner import living
from reelwork.store import jobs, questions, renders
from reelwork.store.database import connect
from reelwork.store.questions import JobHead
from reelwork.store.rows import ACTIVE, JobRow, RenderRow
from reelwork.store.statuses import Step


@dataclass(frozen=True)
class Seen:
    """A job as it stood when it was looked at."""

    view: JobView
    render: RenderRow | None

    @property
    def doing(self) -> str:
        """What is going on, in plain words."""
        view, render = self.view, self.render
        if view.status != ACTIVE:
            return view.row_.reason
        if view.step == Step.RENDER and render is not None:
            failed = ", but the provider could not be asked about it" if self.looks_failed else ""
            return RENDERING.get(render.state, "rendering") + (", overdue" if render.overdue else "") + failed
        if view.row_.reason:
            return f"waits: {one_line(view.row_.reason).rstrip('.')}"
        return step_words(view.step)

    @property
    def again(self) -> str:
        """When what it waits for is tried or looked at again, where that says something."""
        view, render = self.view, self.render
        if view.status != ACTIVE or not (view.row_.reason or self.looks_failed):
            return ""
        return (
            when(render.due_at, "next look") if render is not None and self.looks_failed else when(view.row_.due_at)
        )

    @property
    def looks_failed(self) -> bool:
        """Whether its render could not be looked at the last time."""
        return self.view.step == Step.RENDER and self.render is not None and self.render.failures > 0

    @property
    def percent(self) -> float | None:
        """How far its render is, when the provider says so."""
        rendering = self.view.status == ACTIVE and self.view.step == Step.RENDER
        return self.render.progress if rendering and self.render is not None else None


class Reader:
    """Looks at jobs. Fits where a store is asked for jobs by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection = connect(path)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def jobs(self, **which: Any) -> list[JobRow]:
        """Jobs, newest first. Takes `prefix`, `run_id`, `statuses`, `limit`."""
        return jobs.find_jobs(self._connection, **which)

    def active(self) -> list[str]:
        """The ids of all jobs that are not at an end, oldest first."""
        return [head.id for head in questions.heads(self._connection, (ACTIVE,), None)]

    def heads(self, ids: Sequence[str]) -> list[JobHead]:
        """How these jobs stand, without what they carry."""
        return questions.some_heads(self._connection, ids)

    def look(self, ids: Sequence[str]) -> list[Seen]:
        """These jobs as they stand."""
        return [self._seen(row) for row in questions.some(self._connection, ids)]

    def _seen(self, row: JobRow) -> Seen:
        return Seen(view_of(row), renders.get(self._connection, row.render_id) if row.render_id else None)

    def somebody_works(self) -> bool:
        """Whether a process that drives jobs of this store is alive; True when it cannot be told."""
        return bool(living(self.path))


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """A reader, closed afterwards. Raises `StoreInvalid`."""
    reader = Reader(path)
    try:
        yield reader
    finally:
        reader.close()
