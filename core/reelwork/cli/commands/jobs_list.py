"""`reelwork jobs list`. Imports no models, so that it answers at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.job_pages import PAGE, Page
from reelwork.cli.option_types import KeyValue, Since
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import store_if_there
from reelwork.store.statuses import Status

if TYPE_CHECKING:
    from reelwork.store.reader import SyncReader
    from reelwork.studio.next_words import Vantage


@click.command("list")
@click.option(
    "--status", type=click.Choice([status.value for status in Status]), help="Only jobs with this status."
)
@click.option("--run", metavar="RUN", help="Only jobs of one run.")
@click.option("--brand", metavar="BRAND", help="Only jobs of one brand.")
@click.option("--since", type=Since(), metavar="WHEN", help="Only jobs added since then: 12h, 7d or 2026-11-01.")
@click.option(
    "--search", metavar="TEXT", default="", help="Only jobs with this text in prompt, copy, row or reason."
)
@click.option(
    "--metadata", type=KeyValue(), metavar="KEY=VALUE", multiple=True, help="Only jobs with this metadata."
)
@click.option("--cursor", metavar="ID", help="Continue after this job, the last one of the previous page.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="How many jobs to list.")
@common_options()
def list_jobs(
    status: str | None,
    run: str | None,
    brand: str | None,
    since: float | None,
    search: str,
    metadata: tuple[tuple[str, str], ...],
    cursor: str | None,
    limit: int,
) -> None:
    """List jobs, newest first.

    COST is what was charged, or what is reserved until that is known. It is empty if nothing was ever sent.
    """
    from reelwork.cli.vantage import vantage, vantage_afar
    from reelwork.studio.next_words import HERE

    if shared().server:
        from reelwork.cli.afar import list_afar

        asked: dict[str, Any] = {"status": status, "run": run, "brand": brand, "since": since}
        asked |= {"search": search or None, "metadata": metadata}
        _show_list(list_afar(asked, cursor, limit), vantage_afar(), picked=any(asked.values()))
        return
    with store_if_there() as store:
        pages: Iterator[Page] = iter(())
        if store is not None:
            before = _listed_last(store, cursor) if cursor else None
            which = {"statuses": (status,) if status else (), "run_id": run, "brand": brand, "since": since}
            pages = _pages(store, {**which, "search": search, "metadata": metadata}, before, limit)
        picked = bool(status or run or brand or since or search or metadata or cursor)
        _show_list(pages, vantage(store) if store else HERE, picked=picked)


def _show_list(pages: Iterator[Page], at: Vantage, *, picked: bool) -> None:
    """Print the list page by page."""
    from reelwork.cli.views.job_table import lines_of
    from reelwork.cli.views.text import tell

    if shared().json:
        _print_json(pages, at)
        return
    last = None
    for number, page in enumerate(pages):
        for line in lines_of(page.views, head=number == 0):
            click.echo(line)
        last = page
    if last is None:
        tell("There are no such jobs." if picked else 'No jobs yet. Make one: reelwork run "PROMPT"')
    elif last.more:
        tell(f"… and more: the same with --cursor {last.views[-1].short}", err=True)


def _listed_last(store: SyncReader, cursor: str) -> str:
    from reelwork.studio.job_names import find_job

    return find_job(store, cursor).id


def _pages(store: SyncReader, which: Mapping[str, Any], before: str | None, limit: int) -> Iterator[Page]:
    """Yield the list page by page."""
    # So that a long list takes no more memory than a short one.
    from reelwork.studio.job_view import views_of

    while limit > 0:
        size = min(limit, PAGE)
        # One more than is shown tells whether there are more, without counting them all.
        rows = store.jobs(**which, before=before, limit=size + 1)
        shown = rows[:size]
        if not shown:
            return
        yield Page(list(views_of(store, shown, [row.id for row in shown])), len(rows) > size)
        if len(rows) <= size:
            return
        before, limit = shown[-1].id, limit - size


def _print_json(pages: Iterator[Page], at: Vantage) -> None:
    """Print one array, page by page."""
    # Written by hand: `json.dumps` of the whole list would hold all of it in memory.
    from reelwork.studio.next_words import job_as_json

    separator = "["
    for page in pages:
        for view in page.views:
            text = json.dumps(job_as_json(view, at), indent=2, ensure_ascii=False).replace("\n", "\n  ")
            click.echo(f"{separator}\n  {text}", nl=False)
            separator = ","
    click.echo("[]" if separator == "[" else "\n]")
