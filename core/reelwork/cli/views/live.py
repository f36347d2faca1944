"""The live display: a line for each job that is under way, and a bar for all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import IO, Self, cast

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from reelwork.cli.terminal.shown_stream import Drawing
from reelwork.cli.views.board import Board, Line
from reelwork.cli.views.events import held_words, told_of
from reelwork.cli.views.statuses import TROUBLES
from reelwork.cli.views.text import count, squeezed
from reelwork.cli.views.trouble import Waits
from reelwork.engine.events import Happening, RenderSeen
from reelwork.money import dollars
from reelwork.store.records import JobRow
from reelwork.text import cleaned, one_line
from reelwork_hooks.models import Job

# The display must stay lower than the terminal: lines that have scrolled away cannot be redrawn.
MOST_LINES = 10
BAR = 20
"""Columns of a bar; half of it on a narrow terminal."""
NARROW = 80
TROUBLE = (*TROUBLES, *(f"post-{status}" for status in TROUBLES))


class LiveDisplay:
    """A display that redraws itself in place and leaves only notes behind."""

    def __init__(self) -> None:
        self._board = Board()
        self._waits = Waits()
        # `Drawing`: the masked stream would write out the moves of the cursor as text.
        self._console = Console(file=cast("IO[str]", Drawing()), highlight=False)
        self._live: Live | None = None
        self._spinner = Spinner("dots")
        self._stopping = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, rows: Sequence[JobRow]) -> None:
        """Start drawing."""
        self._board.begin(rows)
        if self._board.before and self._board.before == len(rows):
            # Said, since a batch that is run again would else end without a word.
            self.note(f"nothing to do: {count(len(rows), 'job')} done before")
            return
        # Transient: at the end only notes and the summary stay on the screen.
        self._live = Live(self, console=self._console, refresh_per_second=8, transient=True)
        self._live.start()

    def happened(self, happening: Happening) -> None:
        """Redraw; leave a line behind where something went wrong."""
        self._board.happened(happening)
        self._waits.happened(happening)
        self._remind()
        line = self._board.lines.get(happening.job.id)
        if happening.name in TROUBLE and line is not None:
            self.note(f"{line.label}: {one_line(told_of(happening))}")

    def seen(self, render: RenderSeen) -> None:
        """Redraw."""
        self._board.seen(render)
        self._waits.seen(render)
        self._remind()

    def held_elsewhere(self, holders: Mapping[str, int]) -> None:
        """Show who works on jobs that this process waits for."""
        self.note(held_words(holders))

    def _remind(self) -> None:
        reminder = self._waits.reminder()
        if reminder:
            self.note(reminder)

    def progress(self, job: Job, percent: float, text: str) -> None:
        """Redraw."""
        self._board.progress(job, percent, text)

    def note(self, text: str) -> None:
        """Print a line that stays, above what is drawn."""
        # As `Text`, so that brackets in a prompt or an error are not taken for rich's markup.
        self._console.print(Text(cleaned(text)))

    def close(self) -> None:
        """Stop drawing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        active, open_ = self._board.active(MOST_LINES), self._board.open()
        narrow = options.max_width < NARROW
        if active:
            yield self._jobs(active, options.max_width)
        if open_ > MOST_LINES:
            yield Text(f"  … and {open_ - MOST_LINES} more", style="dim")
        yield self._overall(narrow)

    def _jobs(self, lines: Sequence[Line], width: int) -> Table:
        narrow, bars = width < NARROW, any(line.percent is not None for line in lines)
        label = label_width([line.label for line in lines], width)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=1)
        table.add_column(width=label, no_wrap=True)
        if bars:
            table.add_column(width=BAR // 2 if narrow else BAR)
            table.add_column(width=4, justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for line in lines:
            percent = Text("" if line.percent is None else f"{line.percent:.0f}%")
            table.add_row(
                # Only where something was heard in this run: a spinner beside a job that nobody drives would say
                # otherwise.
                self._spinner if line.moved else Text(" "),
                Text(squeezed(cleaned(line.label), label)),
                *((_bar(line.percent, narrow), percent) if bars else ()),
                Text(one_line(line.told()), style="dim"),
            )
        return table

    def _overall(self, narrow: bool) -> Table:
        board = self._board
        table = Table.grid(padding=(0, 1))
        table.add_column(width=BAR // 2 if narrow else BAR)
        table.add_column(no_wrap=True, overflow="ellipsis")
        ended, total = board.ended(), len(board.lines)
        bar = ProgressBar(total=max(total, 1), completed=ended, width=BAR // 2 if narrow else BAR)
        table.add_row(bar, Text(overall_words(board), style="bold"))
        return table


def label_width(labels: Sequence[str], width: int) -> int:
    """Return the columns for names: as many as they take, up to two fifths of the terminal."""
    return min(max(cell_len(label) for label in labels), max(12, width * 2 // 5))


def _bar(percent: float | None, narrow: bool) -> RenderableType:
    width = BAR // 2 if narrow else BAR
    return Text("") if percent is None else ProgressBar(total=100, completed=percent, width=width)


def overall_words(board: Board) -> str:
    """Return counts, rate, money and time in one line."""
    counts = board.counts()
    parts = [f"{counts.get('done', 0)}/{len(board.lines)} done"]
    parts += [f"{counts[status]} {status}" for status in TROUBLES if counts.get(status)]
    rate = board.per_minute()
    if rate is not None:
        parts.append(f"{rate:.0f}/min" if rate >= 10 else f"{rate:.1f}/min")
    parts.append(dollars(board.spent) + (" and unknown prices" if board.price_unknown else ""))
    minutes, seconds = divmod(int(time.monotonic() - board.started), 60)
    parts.append(f"{minutes}:{seconds:02}")
    return " · ".join(parts)
