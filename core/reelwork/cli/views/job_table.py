"""Jobs in columns, each defined by an entry of `COLUMNS`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from rich.cells import cell_len

from reelwork.cli.views.statuses import status_word
from reelwork.cli.views.text import columns, line_width, squeezed
from reelwork.money import dollars
from reelwork.plural import age
from reelwork.store.statuses import Status
from reelwork.studio.job_view import JobView, Money
from reelwork.studio.wording import label_of, step_words


def _named(view: JobView) -> str:
    name = label_of(view)
    return "" if name == view.short else squeezed(name, line_width() * 2 // 5)


def _step(view: JobView) -> str:
    step = step_words(view.step, view.status)
    # While a post is followed, the job goes on although another one waits for a person.
    waiting = ", ".join(view.held_posts) if view.status == Status.ACTIVE else ""
    return f"{step} ({waiting} held)" if waiting else step


def _cost(view: JobView) -> str:
    money = view.money or Money.of(None)
    if not money.sent:
        return ""
    charged = dollars(money.charged) if money.charged else ""
    reserved = f"{dollars(money.reserved)} reserved" if money.reserved else ""
    unknown = "unknown" if money.unpriced else ""
    return " + ".join(part for part in (charged, reserved, unknown) if part) or dollars(Decimal(0))


COLUMNS: dict[str, Callable[[JobView], str]] = {
    "JOB": lambda view: view.short,
    "STATUS": lambda view: view.status,
    "STEP": lambda view: _step(view),
    "BRAND": lambda view: view.brand,
    "FOR": _named,
    "AGE": lambda view: age(time.time() - view.created_at.timestamp()),
    "COST": _cost,
    "PROMPT": lambda view: view.prompt,
}
"""The last one gets the room that is left. One that is empty for all jobs is left out."""
LESS_IMPORTANT = ("COST", "AGE", "STEP", "BRAND")
"""Left out in this order where there is little room."""
LEAST_PROMPT = 16
"""Columns of a terminal."""


def lines_of(views: Sequence[JobView], *, head: bool) -> Iterator[str]:
    """Yield a line for each job, after the names of the columns where `head` says so."""
    table = _fitting([list(COLUMNS), *([tell(view) for tell in COLUMNS.values()] for view in views)], line_width())
    lines = zip(table, columns(table, flexible=-1, width=line_width()), strict=True)
    for number, (cells, line) in enumerate(lines):
        if head or number:
            # Coloured after the columns are laid out, since colour codes would count as characters.
            status = next((cell for cell in cells if cell in STATUSES), "")
            yield line.replace(status, status_word(status), 1) if status else line


STATUSES = frozenset(status.value for status in Status)


def _fitting(table: list[list[str]], width: int) -> list[list[str]]:
    """Return the table without columns that say nothing, and without the less important where room is short."""
    heads = table[0]
    widths = {head: max(cell_len(row[at]) for row in table) + 2 for at, head in enumerate(heads)}
    kept = [head for at, head in enumerate(heads) if any(row[at] for row in table[1:])]
    for head in LESS_IMPORTANT:
        if head in kept and sum(widths[name] for name in kept[:-1]) + LEAST_PROMPT > width:
            kept.remove(head)
    return [[row[heads.index(head)] for head in kept] for row in table]
