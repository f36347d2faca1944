"""The state of a run for its display: the jobs, the status of each, and the money spent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, islice
from threading import RLock

from reelwork.cli.views.trouble import WAITING, next_act, when
from reelwork.engine.events import Happening, RenderSeen
from reelwork.ids import short_id
from reelwork.store.records import ACTIVE, DONE, JobHead, JobRow
from reelwork.studio.job_names import head_of, heads_of
from reelwork.studio.job_view import JobView, view_of
from reelwork.studio.wording import label, label_of, render_words, step_words
from reelwork_hooks.models import Job


@dataclass(slots=True)
class Line:
    """One job as the person sees it."""

    label: str
    status: str
    doing: str
    percent: float | None = None
    moved: bool = False
    """True if anything was heard of it in this run."""
    until: float | None = None
    """The time of the next try, in seconds since the epoch."""
    act: str = ""
    """The event at that time."""

    def told(self) -> str:
        """Return the current activity. The time comes first: on a narrow terminal the reason is cut."""
        return "; ".join(part for part in (when(self.until, self.act), self.doing) if part)


# Names are in the jobs' data. Reading those of a hundred thousand would hold up the first request.
NAMED = 1000
"""Above this number of jobs, a job's name is read only when something happens to it."""


@dataclass
class Board:
    """Every job of a run. Called from several threads."""

    # The live display is drawn in a thread of its own, hence the lock.

    lines: dict[str, Line] = field(default_factory=dict)
    before: int = 0
    """Jobs that were done when the run began."""
    spent: Decimal = Decimal(0)
    """US dollars of renders asked for in this run, as far as known."""
    price_unknown: bool = False
    started: float = field(default_factory=time.monotonic)
    lock: RLock = field(default_factory=RLock)
    _counts: Counter[str] = field(default_factory=Counter)
    _running: dict[str, None] = field(default_factory=dict)
    """Active jobs of which something was heard in this run, in that order: a line must not jump."""
    _waiting: dict[str, None] = field(default_factory=dict)
    """Those of them that wait for a limit, or to be tried again."""

    def begin(self, rows: Sequence[JobRow]) -> None:
        """Take the jobs that will be watched."""
        with self.lock:
            if len(rows) <= NAMED:
                for row in rows:
                    self._add(head_of(row), name_of(view_of(row), len(rows) > 1))
            else:
                for head in heads_of(rows):
                    self._add(head, short_id(head.id))
            self.before = self._counts[DONE]

    def _add(self, head: JobHead, label: str) -> None:
        self.lines[head.id] = Line(label, head.status, step_words(head.step, head.status))
        self._counts[head.status] += 1

    def happened(self, happening: Happening) -> None:
        """Take an event of a job."""
        with self.lock:
            job, data = happening.job, happening.data
            line = self.lines.get(job.id)
            if line is None:
                return
            if len(self.lines) > NAMED:
                platform = data.platform.name if data.platform else None
                line.label = label(job.id, row=data.row, platform=platform, take=data.take, takes=data.takes)
            self._move(job.id, line, None)
            self._turn(job.id, line, job.status)
            line.doing = step_words(job.step, line.status)
            line.until, line.act = None, ""
            if happening.name in WAITING:
                line.doing = f"waits: {happening.details.get('reason', '')}"
                line.until, line.act = happening.until, next_act(in_doubt=happening.in_doubt)
                self._wait(job.id)
            if happening.name in ("submitted", "found") and data.render is not None:
                self._spend(data.render.cost)

    def seen(self, render: RenderSeen) -> None:
        """Take a poll of a render."""
        with self.lock:
            line = self.lines.get(render.job_id)
            if line is not None:
                self._move(render.job_id, line, render.progress)
                line.doing = render_words(render.state, overdue=render.overdue, problem=render.problem)
                line.until, line.act = (render.until, "next poll") if render.problem else (None, "")

    def progress(self, job: Job, percent: float, text: str) -> None:
        """Take the progress of a plugin or a download."""
        with self.lock:
            line = self.lines.get(job.id)
            if line is not None:
                self._move(job.id, line, percent)
                line.doing, line.until = text or line.doing, None

    def counts(self) -> dict[str, int]:
        """Return the number of jobs of each status."""
        with self.lock:
            return {status: number for status, number in self._counts.items() if number}

    def open(self) -> int:
        """Return the number of jobs that have not ended."""
        with self.lock:
            return self._counts[ACTIVE]

    def active(self, most: int) -> list[Line]:
        """Return so many jobs that are not at an end: those under way, then those that wait, then the rest."""
        with self.lock:
            moved = [self.lines[id_] for id_ in islice(chain(self._running, self._waiting), most)]
            # Usually enough, so that a redraw does not go through a hundred thousand lines.
            if len(moved) == min(most, self._counts[ACTIVE]):
                return moved
            rest = (line for line in self.lines.values() if line.status == ACTIVE and not line.moved)
            return moved + list(islice(rest, most - len(moved)))

    def ended(self) -> int:
        """Return the number of jobs that have ended, for now."""
        with self.lock:
            return len(self.lines) - self._counts[ACTIVE]

    def per_minute(self) -> float | None:
        """Return the number of jobs that ended in a minute; None while that says little."""
        # Two jobs and a second at least: before that, the rate would jump with each redraw.
        minutes = (time.monotonic() - self.started) / 60
        ended = self.ended() - self.before
        return ended / minutes if ended >= 2 and minutes > 0.02 else None

    def _move(self, job_id: str, line: Line, percent: float | None) -> None:
        line.moved, line.percent = True, percent
        if line.status == ACTIVE:
            self._run(job_id)

    def _turn(self, job_id: str, line: Line, status: str) -> None:
        self._counts[line.status] -= 1
        self._counts[status] += 1
        line.status = status
        if status == ACTIVE:
            self._run(job_id)
        else:
            self._running.pop(job_id, None)
            self._waiting.pop(job_id, None)

    def _run(self, job_id: str) -> None:
        self._waiting.pop(job_id, None)
        self._running.setdefault(job_id)

    def _wait(self, job_id: str) -> None:
        if self._running.pop(job_id, self) is not self:
            # Apart from the running ones: hundreds of jobs that wait for a limit would hide what goes on.
            self._waiting.setdefault(job_id)

    def _spend(self, cost: Decimal | None) -> None:
        if cost is None:
            self.price_unknown = True
        else:
            self.spent += cost


def name_of(view: JobView, several: bool) -> str:
    """Return a job's name among the others. The only one of a run is `video`, unless it has a row or platform."""
    return label_of(view) if several or view.row or view.platform else "video"
