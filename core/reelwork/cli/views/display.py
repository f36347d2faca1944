"""Displays of a run: live on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from reelwork.cli.views.board import Board
from reelwork.cli.views.events import held_words, told_of
from reelwork.cli.views.statuses import TROUBLES
from reelwork.cli.views.text import count, is_terminal, tell
from reelwork.cli.views.trouble import Waits
from reelwork.engine.events import Happening, RenderSeen
from reelwork.store.records import DONE, JobRow
from reelwork.text import one_line
from reelwork_hooks.models import Job

# A log of a large batch with every step of every job would hide what went wrong.
MANY = 20
"""The number of jobs from which plain lines report only how each ended."""

ENDINGS = (DONE, *TROUBLES)


class Display(Protocol):
    """Something that shows a run. It is a `Watcher` of the engine."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def begin(self, rows: Sequence[JobRow]) -> None:
        """Take the jobs that are going to be driven."""

    def happened(self, happening: Happening) -> None:
        """Take a line that was added to a job's story."""

    def seen(self, render: RenderSeen) -> None:
        """Take a poll of a render."""

    def progress(self, job: Job, percent: float, text: str) -> None:
        """Take the progress of a plugin or a download."""

    def note(self, text: str) -> None:
        """Show a line that is not about one job."""

    def held_elsewhere(self, holders: Mapping[str, int]) -> None:
        """Jobs that other processes, by their names, work on: this one waits for them."""

    def close(self) -> None:
        """Give the terminal back."""


def choose_display(*, json: bool, log_only: bool = False) -> Display:
    """Return a live display on a terminal, plain lines elsewhere, or only the log if that is wanted."""
    if log_only:
        return LogDisplay()
    if not json and is_terminal(err=True):
        # rich takes a while to import, and a pipe or a log needs none of it.
        from reelwork.cli.views.live import LiveDisplay

        return LiveDisplay()
    return PlainDisplay()


class PlainDisplay:
    """Prints a line for each event that matters."""

    def __init__(self) -> None:
        self._board = Board()
        self._waits = Waits()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def begin(self, rows: Sequence[JobRow]) -> None:
        """Say how many jobs there are."""
        self._board.begin(rows)
        before = self._board.before
        if before and before == len(rows):
            self.note(f"nothing to do: {count(before, 'job')} done before")
        elif len(rows) > 1:
            self.note(count(len(rows), "job") + (f", {before} of them done before" if before else ""))

    def happened(self, happening: Happening) -> None:
        """Print an event that matters."""
        self._board.happened(happening)
        told = self._waits.happened(happening) or told_of(happening)
        self._remind()
        many = len(self._board.lines) > MANY
        if many and happening.name not in ENDINGS:
            return
        line = self._board.lines.get(happening.job.id)
        if told and line is not None:
            place = f"[{self._board.ended()}/{len(self._board.lines)}] " if many else ""
            self.note(f"{place}{line.label}: {one_line(told)}")

    def seen(self, render: RenderSeen) -> None:
        """Print that a render has become overdue."""
        line = self._board.lines.get(render.job_id)
        told = line is not None and "overdue" in line.doing
        self._board.seen(render)
        if line is not None and render.overdue and not told:
            self.note(f"{line.label}: the render is overdue; it is still polled")
        waits = self._waits.seen(render)
        if line is not None and waits and len(self._board.lines) <= MANY:
            self.note(f"{line.label}: {waits}")
        self._remind()

    def held_elsewhere(self, holders: Mapping[str, int]) -> None:
        """Say who works on jobs that this process waits for."""
        self.note(held_words(holders))

    def _remind(self) -> None:
        reminder = self._waits.reminder()
        if reminder:
            self.note(reminder)

    def progress(self, job: Job, percent: float, text: str) -> None:
        """Print nothing: lines cannot be replaced."""

    def note(self, text: str) -> None:
        """Print a line."""
        tell(text, err=True)

    def close(self) -> None:
        """Nothing to give back."""


class LogDisplay(PlainDisplay):
    """Leaves standard error to the log, which has every event."""

    def happened(self, happening: Happening) -> None:
        """Told by the log."""

    def seen(self, render: RenderSeen) -> None:
        """Told by the log."""

    def note(self, text: str) -> None:
        """Log a line."""
        logging.getLogger("reelwork.cli").info("%s", text)
