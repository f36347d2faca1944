"""`reelwork review list` and `show`. They only read."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import NO_JOBS, of_brand, store_if_there


@click.command("list")
@click.option("--brand", metavar="BRAND", help="Only those of one brand.")
@common_options()
def list_reviews(brand: str | None) -> None:
    """List the jobs whose posts or appeals wait for a person, the first that ends first."""
    from reelwork.cli.views.reviews import listing

    now = time.time()
    found = _reviews(brand, now)
    if shared().json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in listing(found, now) if found else ["Nothing waits for a review."]:
        click.echo(line)


def _reviews(brand: str | None, now: float) -> list[Any]:
    if shared().server:
        from reelwork.cli.reviews_afar import reviews_afar

        return reviews_afar(brand)
    from reelwork.studio.review_view import review_as_json, waiting_reviews

    with store_if_there() as store:
        found = () if store is None else waiting_reviews(of_brand(store, brand), now)
        return [review_as_json(one) for one in found]


@click.command("show")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@common_options()
def show_review(name: str) -> None:
    """Show a job's posts as an approval covers them: words, account, files, and the reason for the review.

    Of an appeal it shows the verdict of moderation and what was judged. The version changes with any of it. An
    approval that names a version is refused for another one. Exit code 3 says that something waits.
    """
    from reelwork.cli.vantage import vantage_afar
    from reelwork.cli.views.reviews import page
    from reelwork.cli.views.text import tell
    from reelwork.studio.next_words import HERE

    now = time.time()
    found = _review(name, now)
    if shared().json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        tell("\n".join(page(found, now, vantage_afar() if shared().server else HERE)))
    click.get_current_context().exit(3 if found["expires_at"] else 0)


def _review(name: str, now: float) -> Any:
    if shared().server:
        from reelwork.cli.reviews_afar import review_afar

        return review_afar(name)
    from reelwork.studio.job_names import find_job
    from reelwork.studio.review_view import post_review_of, review_as_json

    with store_if_there() as store:
        found = post_review_of(find_job(store or NO_JOBS, name), now)
        assert store is not None
        return review_as_json(found, store.sendings([found.row.id]).get(found.row.id))
