"""Jobs as they stand while other processes work on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reelwork.cli.views.trouble import when
from reelwork.store.reader import SyncReader
from reelwork.store.records import ACTIVE, RenderRow
from reelwork.store.statuses import Step
from reelwork.studio.job_view import JobView, views_of
from reelwork.studio.wording import render_words, step_words
from reelwork.text import one_line


@dataclass(frozen=True)
class Seen:
    """A job as it stood when it was read."""

    view: JobView
    render: RenderRow | None

    @property
    def doing(self) -> str:
        """The job's current activity, in plain words."""
        view, render = self.view, self.render
        if view.status != ACTIVE:
            return view.reason
        if view.step == Step.RENDER and render is not None:
            failed = ", but the provider could not be asked about it" if self.looks_failed else ""
            return render_words(render.state, overdue=render.overdue) + failed
        if view.reason:
            return f"waits: {one_line(view.reason).rstrip('.')}"
        return step_words(view.step)

    @property
    def again(self) -> str:
        """The time of the next try or poll; empty if that says nothing."""
        view, render = self.view, self.render
        if view.status != ACTIVE or not (view.reason or self.looks_failed):
            return ""
        return when(render.due_at, "next poll") if render is not None and self.looks_failed else when(view.due_at)

    @property
    def looks_failed(self) -> bool:
        """True if the last poll of its render failed."""
        return self.view.step == Step.RENDER and self.render is not None and self.render.failures > 0

    @property
    def percent(self) -> float | None:
        """The progress of its render, if the provider reports it."""
        rendering = self.view.status == ACTIVE and self.view.step == Step.RENDER
        return self.render.progress if rendering and self.render is not None else None


def look(store: SyncReader, ids: Sequence[str]) -> list[Seen]:
    """Return these jobs as they stand, with the render that each waits for."""
    # Two queries for all of them. One for each job would take as long as the pause between two readings.
    rows = store.some(ids)
    renders = store.renders([row.render_id for row in rows if row.render_id])
    views = views_of(store, rows, [row.id for row in rows])
    return [Seen(view, renders.get(row.render_id or "")) for view, row in zip(views, rows, strict=True)]
