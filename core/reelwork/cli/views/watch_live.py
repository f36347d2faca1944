"""The live picture of `reelwork jobs watch`, redrawn in place."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import IO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reelwork.cli.terminal.shown_stream import Drawing
from reelwork.cli.views.live import label_width
from reelwork.cli.views.live_jobs import Seen
from reelwork.cli.views.statuses import COLOURS
from reelwork.cli.views.text import squeezed
from reelwork.plural import age
from reelwork.store.statuses import Status
from reelwork.studio.wording import label_of
from reelwork.text import cleaned, one_line

MOST_LINES = 15
NARROW = 80


class LivePicture:
    """A line for each job that is under way, and how many there are of each status."""

    def __init__(self) -> None:
        self._console = Console(file=cast("IO[str]", Drawing()), highlight=False)
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._started = False

    def show(self, seen: Sequence[Seen], counts: Mapping[str, int]) -> None:
        """Redraw."""
        # With nothing under way, there is nothing to redraw, and the answer comes at once.
        if not self._started and counts.get(Status.ACTIVE):
            self._live.start()
            self._started = True
        if self._started:
            self._live.update(self._drawn(seen, counts))

    def note(self, text: str) -> None:
        """Print a line that stays, above what is drawn."""
        self._console.print(Text(cleaned(text)))

    def close(self) -> None:
        """Stop drawing."""
        if self._started:
            self._live.stop()
            self._started = False

    def _drawn(self, seen: Sequence[Seen], counts: Mapping[str, int]) -> Group:
        active = [one for one in seen if one.view.status == Status.ACTIVE]
        narrow = self._console.width < NARROW
        bar = 10 if narrow else 20
        shown = active[:MOST_LINES]
        label = label_width([label_of(one.view) for one in shown] or [""], self._console.width)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=label, no_wrap=True)
        table.add_column(width=bar)
        table.add_column(width=4, justify="right", no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for one in shown:
            percent = one.percent
            table.add_row(
                Text(squeezed(label_of(one.view), label)),
                Text("") if percent is None else ProgressBar(total=100, completed=percent, width=bar),
                Text("" if percent is None else f"{percent:.0f}%"),
                Text(age(time.time() - one.view.created_at.timestamp()), style="dim"),
                Text("; ".join(part for part in (one.again, one_line(one.doing)) if part), style="dim"),
            )
        left = counts.get(Status.ACTIVE, 0) - MOST_LINES
        more = [Text(f"  … and {left} more", style="dim")] if left > 0 else []
        return Group(table, *more, _counted(counts))


def _counted(counts: Mapping[str, int]) -> Text:
    parts = [Text(f"{counts[status]} {status}", style=COLOURS.get(status, "")) for status in sorted(counts)]
    return Text(" · ").join([Text(f"watching {sum(counts.values())}", style="bold"), *parts])
