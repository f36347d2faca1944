"""`reelwork jobs show`. Imports no models, so that it answers at once."""

from __future__ import annotations

import json

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import NO_JOBS, store_if_there
from reelwork.cli.vantage import vantage


@click.command("show")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@common_options()
def show_job(name: str) -> None:
    """Show everything about one job: what was asked, sent, made, posted and paid, and what to do next.

    ID is a job's id, or its beginning or end.
    """
    from reelwork.cli.views.job_page import story
    from reelwork.cli.views.text import tell
    from reelwork.studio.job_json import story_as_json
    from reelwork.studio.job_names import find_job

    if shared().server:
        from reelwork.cli.afar import show_afar

        show_afar(name)
        return
    with store_if_there() as store:
        row = find_job(store or NO_JOBS, name)
        assert store is not None
        if shared().json:
            click.echo(json.dumps(story_as_json(store, row, vantage(store)), indent=2, ensure_ascii=False))
        else:
            tell("\n".join(story(store, row, vantage(store))))
