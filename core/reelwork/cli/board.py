"""What is known of a run while it goes on: which jobs there are, where each stands, and what was spent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from threading import RLock

from reelwork.cli.views import JobView, view_of
from reelwork.cli.words import RENDERING, step_words
from reelwork.engine import Happening, RenderSeen
from reelwork.store.rows import ACTIVE, DONE, JobRow
from reelwork_hooks.models import Job


@dataclass
class Line:
    """One job as the person sees it."""

    label: str
    status: str
    doing: str
    percent: float | None = None
    moved: bool = False
    """Whether anything was heard of it in this run."""


@dataclass
class Board:
    """Every job of a run. Told from several threads."""

    lines: dict[str, Line] = field(default_factory=dict)
    before: int = 0
    """Jobs that were done when the run began."""
    spent: Decimal = Decimal(0)
    """US dollars of renders asked for in this run, as far as known."""
    price_unknown: bool = False
    started: float = field(default_factory=time.monotonic)
    lock: RLock = field(default_factory=RLock)

    def begin(self, rows: Sequence[JobRow]) -> None:
        """The jobs that will be watched."""
        with self.lock:
            views = [view_of(row) for row in rows]
            several = len(views) > 1
            self.lines = {view.id: Line(name_of(view, several), view.status, _doing(view)) for view in views}
            self.before = sum(view.status == DONE for view in views)

    def happened(self, happening: Happening) -> None:
        """A job moved on."""
        with self.lock:
            line = self.lines.get(happening.job.id)
            if line is None:
                return
            line.moved, line.percent = True, None
            line.status = happening.job.status
            line.doing = step_words(happening.job.step, line.status)
            if happening.name in ("waiting", "retry"):
                line.doing = f"waiting: {happening.details.get('reason', '')}"
            if happening.name in ("submitted", "found") and happening.data.render is not None:
                self._spend(happening.data.render.cost)

    def seen(self, render: RenderSeen) -> None:
        """A render was looked at."""
        with self.lock:
            line = self.lines.get(render.job_id)
            if line is not None:
                line.moved, line.percent = True, render.progress
                line.doing = RENDERING.get(render.state, "rendering") + (", overdue" if render.overdue else "")

    def progress(self, job: Job, percent: float, text: str) -> None:
        """A plugin or a download says how far it is."""
        with self.lock:
            line = self.lines.get(job.id)
            if line is not None:
                line.moved, line.percent = True, percent
                line.doing = text or line.doing

    def counts(self) -> dict[str, int]:
        """Jobs of each status."""
        with self.lock:
            found: dict[str, int] = {}
            for line in self.lines.values():
                found[line.status] = found.get(line.status, 0) + 1
            return found

    def active(self) -> list[Line]:
        """Jobs that are not at an end, those that have begun first."""
        with self.lock:
            open_ = [line for line in self.lines.values() if line.status == ACTIVE]
            return [line for line in open_ if line.moved] + [line for line in open_ if not line.moved]

    def ended(self) -> int:
        """How many jobs are at an end, for now."""
        with self.lock:
            return sum(line.status != ACTIVE for line in self.lines.values())

    def per_minute(self) -> float | None:
        """Jobs that came to an end in a minute; None before that says anything."""
        minutes = (time.monotonic() - self.started) / 60
        ended = self.ended() - self.before
        return ended / minutes if ended >= 2 and minutes > 0.02 else None

    def _spend(self, cost: Decimal | None) -> None:
        if cost is None:
            self.price_unknown = True
        else:
            self.spent += cost


def name_of(view: JobView, several: bool) -> str:
    """What a job is called among the others; the only one of a run needs no name."""
    return view.label if several or view.row or view.platform else "video"


def _doing(view: JobView) -> str:
    return step_words(view.step, view.status)
