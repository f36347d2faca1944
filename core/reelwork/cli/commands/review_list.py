"""`reelwork review list` and `show`. They only read."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import NO_JOBS, store_if_there

if TYPE_CHECKING:
    from reelwork.studio.post_review import PostReview


@click.command("list")
@common_options()
def list_reviews() -> None:
    """List the jobs whose posts wait for a review, the first that ends first."""
    from reelwork.studio.post_review import review_as_json, waiting_reviews

    now = time.time()
    with store_if_there() as store:
        found = [] if store is None else waiting_reviews(store, now)
    if shared().json:
        click.echo(json.dumps([review_as_json(one) for one in found], indent=2, ensure_ascii=False))
    elif found:
        _print_list(found, now)
    else:
        click.echo("No post waits for a review.")


def _print_list(found: list[PostReview], now: float) -> None:
    from reelwork.cli.views.reviews import ends_in_words
    from reelwork.cli.views.text import columns, line_width
    from reelwork.ids import short_id
    from reelwork.studio.job_view import view_of

    rows = [["JOB", "POSTS TO", "ENDS", "PROMPT"]]
    for one in found:
        where = ", ".join(post.destination for post in one.waiting)
        rows.append([short_id(one.row.id), where, ends_in_words(one.expires_at, now), view_of(one.row).prompt])
    for line in columns(rows, flexible=-1, width=line_width()):
        click.echo(line)


@click.command("show")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@common_options()
def show_review(name: str) -> None:
    """Show a job's posts as an approval covers them: words, account, files, and the reason for the review.

    The version changes with any of them. An approval that names a version is refused for another one. Exit code 3
    says that a post waits.
    """
    from reelwork.cli.views.reviews import page
    from reelwork.cli.views.text import tell
    from reelwork.studio.job_names import find_job
    from reelwork.studio.post_review import post_review_of, review_as_json

    now = time.time()
    with store_if_there() as store:
        found = post_review_of(find_job(store or NO_JOBS, name), now)
        assert store is not None
        money = store.sendings([found.row.id]).get(found.row.id)
    if shared().json:
        click.echo(json.dumps(review_as_json(found, money), indent=2, ensure_ascii=False))
    else:
        tell("\n".join(page(found, money, now)))
    click.get_current_context().exit(3 if found.waiting else 0)
