"""`reelwork jobs list`. Imports no models, so that it answers at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.option_types import KeyValue, Since
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import store_if_there
from reelwork.store.statuses import Status

if TYPE_CHECKING:
    from reelwork.cli.views.job_view import JobView
    from reelwork.store.records import Sendings
    from reelwork.store.sqlite.store import SqliteStore

LESS_IMPORTANT = ("COST", "AGE", "STEP")
PAGE = 500
"""Jobs that are read at once."""
LEAST_PROMPT = 16
"""Columns of a terminal."""


@click.command("list")
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only these.")
@click.option("--run", metavar="RUN", help="Only those of one run.")
@click.option("--since", type=Since(), metavar="WHEN", help="Only those added since: 12h, 7d or 2026-11-01.")
@click.option("--search", metavar="TEXT", default="", help="Only those with this in prompt, copy, row or reason.")
@click.option(
    "--metadata", type=KeyValue(), metavar="KEY=VALUE", multiple=True, help="Only those with this metadata."
)
@click.option("--cursor", metavar="ID", help="Go on after this job: the last one that was listed.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="The newest so many.")
@common_options()
def list_jobs(
    status: str | None,
    run: str | None,
    since: float | None,
    search: str,
    metadata: tuple[tuple[str, str], ...],
    cursor: str | None,
    limit: int,
) -> None:
    """List jobs, newest first.

    COST is what was charged, or is reserved until that is known. It is empty where nothing was ever sent.
    """
    from reelwork.cli.views.text import tell

    with store_if_there() as store:
        pages: Iterator[Page] = iter(())
        if store is not None:
            before = _listed_last(store, cursor) if cursor else None
            which = {"statuses": (status,) if status else (), "run_id": run, "since": since, "search": search}
            pages = _pages(store, {**which, "metadata": metadata}, before, limit)
        if shared().json:
            _print_json(pages)
            return
        last = None
        for number, page in enumerate(pages):
            _print_list(page.views, page.sent, head=number == 0)
            last = page
    if last is None:
        picked = status or run or since or search or metadata or cursor
        tell("There are no such jobs." if picked else 'No jobs yet. Make one: reelwork run "PROMPT"')
    elif last.more:
        tell(f"… and more: the same with --cursor {last.views[-1].short}", err=True)


def _listed_last(store: SqliteStore, cursor: str) -> str:
    from reelwork.studio.find_jobs import find_job

    return find_job(store, cursor).id


@dataclass(frozen=True)
class Page:
    """Some jobs of a list, and whether there are more."""

    views: list[JobView]
    sent: Mapping[str, Sendings]
    more: bool


def _pages(store: SqliteStore, which: Mapping[str, Any], before: str | None, limit: int) -> Iterator[Page]:
    """Read the list page by page, so that a long one takes no more memory than a short one."""
    from reelwork.cli.views.job_view import view_of

    while limit > 0:
        size = min(limit, PAGE)
        rows = store.jobs(**which, before=before, limit=size + 1)
        shown = rows[:size]
        if not shown:
            return
        views = [view_of(row) for row in shown]
        yield Page(views, store.sendings([row.id for row in shown]), len(rows) > size)
        if len(rows) <= size:
            return
        before, limit = shown[-1].id, limit - size


def _print_json(pages: Iterator[Page]) -> None:
    """Print one array, page by page."""
    from reelwork.cli.views.job_view import money_as_json

    separator = "["
    for page in pages:
        for view in page.views:
            job = {**view.as_json(), **money_as_json(page.sent.get(view.id))}
            text = json.dumps(job, indent=2, ensure_ascii=False).replace("\n", "\n  ")
            click.echo(f"{separator}\n  {text}", nl=False)
            separator = ","
    click.echo("[]" if separator == "[" else "\n]")


def _print_list(views: list[JobView], sent: Mapping[str, Sendings], *, head: bool) -> None:
    from reelwork.cli.views.job_view import money_words
    from reelwork.cli.views.statuses import status_word
    from reelwork.cli.views.text import age, columns, line_width, squeezed

    now = time.time()
    rows = [["JOB", "STATUS", "STEP", "FOR", "AGE", "COST", "PROMPT"]]
    for view in views:
        named = squeezed(view.label, line_width() * 2 // 5) if view.label != view.short else ""
        ago = age(now - view.row_.created_at)
        rows.append(
            [view.short, view.status, view.step_words, named, ago, money_words(sent.get(view.id)), view.prompt]
        )
    rows = _fitting(rows, line_width())
    lines = columns(rows, flexible=-1, width=line_width())
    for row, line in list(zip(rows, lines, strict=True))[0 if head else 1 :]:
        # Coloured after the columns are laid out: colours would count as characters.
        click.echo(line.replace(row[1], status_word(row[1]), 1) if row[1] in set(Status) else line)


def _fitting(rows: list[list[str]], width: int) -> list[list[str]]:
    """Without columns that say nothing, and without the less important ones where there is little room."""
    from reelwork.cli.views.text import cell_width

    heads = rows[0]
    widths = {head: max(cell_width(row[index]) for row in rows) + 2 for index, head in enumerate(heads)}
    kept = [head for index, head in enumerate(heads) if any(row[index] for row in rows[1:])]
    for head in LESS_IMPORTANT:
        if head in kept and sum(widths[name] for name in kept[:-1]) + LEAST_PROMPT > width:
            kept.remove(head)
    return [[row[heads.index(head)] for head in kept] for row in rows]
