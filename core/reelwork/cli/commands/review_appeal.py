"""`reelwork review appeal`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared


@click.command("appeal")
@click.argument("name", metavar="ID", shell_complete=complete_jobs)
@click.option("--because", metavar="TEXT", required=True, help="Why it may pass, for whoever decides.")
@click.option("--destination", metavar="NAME", help="The post you mean, if several were refused.")
@click.option("--by", metavar="NAME", help="Who appeals; by default the user of this machine.")
@common_options()
def appeal_review(name: str, because: str, destination: str | None, by: str | None) -> None:
    """Appeal against what moderation refused of a job. It waits in `review list` until a person decides.

    `review approve` overrules exactly that verdict for exactly that content: the job goes on where it was refused,
    and nothing is paid twice. After `review reject` the refusal is final.
    """
    from reelwork.cli.vantage import vantage_afar
    from reelwork.cli.views.reviews import told_of_appeal
    from reelwork.cli.views.text import tell
    from reelwork.studio.next_words import HERE

    if shared().server:
        from reelwork.cli.reviews_afar import appeal_afar

        made = appeal_afar(name, because, destination, by)
    else:
        made = _appeal(name, because, destination, by)
    if shared().json:
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))
    else:
        tell("\n".join(told_of_appeal(made, vantage_afar() if shared().server else HERE)))


def _appeal(name: str, because: str, destination: str | None, by: str | None) -> Mapping[str, Any]:
    from reelwork.cli.commands.review_decide import user
    from reelwork.settings.paths import store_path
    from reelwork.store.open import open_store
    from reelwork.studio.appeals import appeal_as_json, file_appeal, new_appeal
    from reelwork.studio.job_names import find_job
    from reelwork.studio.sync import run_to_end

    with closing(open_store(store_path(shared().store))) as store:
        store.check_in_use()
        row = find_job(store, name)
        made = new_appeal(store, row, by or user(), because, time.time(), destination)
        run_to_end(file_appeal(store, row, made))
        return appeal_as_json(row, made)
