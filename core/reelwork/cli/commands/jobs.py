"""`reelwork jobs`. Listing and showing import no models, so that they answer at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.completions import complete_jobs, complete_jobs_and_runs
from reelwork.cli.lazy import LazyGroup
from reelwork.cli.option_types import KeyValue, Since
from reelwork.cli.options import showing_options
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import NO_JOBS, store_if_there

if TYPE_CHECKING:
    from reelwork.cli.views.job_view import JobView
    from reelwork.store.records import Sendings
    from reelwork.store.sqlite.store import SqliteStore

STATUSES = ("active", "done", "failed", "held", "rejected", "cancelled")
"""Those of `Status`, without importing it: help should appear at once."""
LESS_IMPORTANT = ("COST", "AGE", "STEP")
PAGE = 500
"""Jobs that are read at once."""
LEAST_PROMPT = 16
"""Columns of a terminal."""
COMMANDS = {
    "list": ("reelwork.cli.commands.jobs:list_jobs", "List jobs, newest first."),
    "show": ("reelwork.cli.commands.jobs:show_job", "Show everything about one job."),
    "open": ("reelwork.cli.commands.jobs_open:open_job", "Open a job's video, or its post."),
    "history": ("reelwork.cli.commands.jobs_history:job_history", "Show all that happened to a job, in its order."),
    "watch": ("reelwork.cli.commands.jobs_watch:watch_jobs", "Watch jobs that other processes work on."),
    "resolve": ("reelwork.cli.commands.jobs_resolve:resolve_job", "Decide about a job that is held."),
    "cancel": ("reelwork.cli.commands.jobs_cancel:cancel_jobs", "End jobs for good."),
    "retry": ("reelwork.cli.commands.jobs:retry_jobs", "Go on with jobs, also where that means paying again."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def jobs() -> None:
    """Look at jobs, watch them, decide about them."""


@click.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
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
    from reelwork.cli.views.text import age, columns, line_width, squeezed, status_word

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
        click.echo(line.replace(row[1], status_word(row[1]), 1) if row[1] in STATUSES else line)


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


@click.command("show")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@common_options()
def show_job(name: str) -> None:
    """Show everything about one job: what was asked, sent, made, posted and paid, and what to do next.

    ID is a job's id, its beginning or its end.
    """
    from reelwork.cli.views.job_page import story, story_as_json
    from reelwork.cli.views.text import tell
    from reelwork.studio.find_jobs import find_job

    with store_if_there() as store:
        row = find_job(store or NO_JOBS, name)
        assert store is not None
        if shared().json:
            click.echo(json.dumps(story_as_json(store, row), indent=2, ensure_ascii=False))
        else:
            tell("\n".join(story(store, row)))


@click.command("retry")
@click.argument("names", nargs=-1, required=True, metavar="ID...", shell_complete=complete_jobs_and_runs)
@click.option("--yes", "-y", is_flag=True, help="Pay again without being asked.")
@showing_options
@common_options(log=True)
def retry_jobs(names: tuple[str, ...], yes: bool, show: bool, no_sheet: bool) -> None:
    """Go on with jobs that failed, are held or were rejected, also where that means paying for a new render.

    ID is a job's or a run's id. What is known to have happened is never done again.
    """
    from reelwork.cli.commands.jobs_retry import check_retry
    from reelwork.cli.confirm import agreed_to_retry
    from reelwork.cli.run_studio import drive
    from reelwork.cli.views.job_view import view_of
    from reelwork.store.records import GIVEN_UP, PAID_AGAIN
    from reelwork.studio.find_jobs import find_named

    with store_if_there() as store:
        rows = [row for name in names for row in find_named(store or NO_JOBS, name)]
    check_retry(rows)
    stopped = [view_of(row) for row in rows if row.status in ("failed", "held", "rejected")]
    agreed_to_retry([view.cost for view in stopped if view.step in (PAID_AGAIN, *GIVEN_UP)], yes=yes)
    shown = {row.id: row.fence for row in rows if row.status != "active"}
    drive(lambda studio, _: studio.retry(*names, shown=shown), show=show, no_sheet=no_sheet)
