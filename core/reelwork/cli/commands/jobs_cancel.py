"""`reelwork jobs cancel`."""

from __future__ import annotations

import json

import click

from reelwork.cli.completions import complete_jobs_and_runs
from reelwork.cli.shared import common_options, shared


@click.command("cancel")
@click.argument("names", nargs=-1, required=True, metavar="ID...", shell_complete=complete_jobs_and_runs)
@common_options(log=True, plugins=True)
def cancel_jobs(names: tuple[str, ...]) -> None:
    """End jobs for good, and ask the provider to stop their renders where it can.

    ID is a job's or a run's id. What was sent stays sent: its money stays counted until it is known not to be
    charged. Nothing that was published is taken back.
    """
    if shared().server:
        from reelwork.cli.afar import cancel_afar

        cancel_afar(names)
        return
    from reelwork.cli.logs import show_log
    from reelwork.cli.vantage import vantage
    from reelwork.cli.views.summary import result_as_json, summary
    from reelwork.cli.views.text import tell
    from reelwork.studio.studio import Studio

    said = shared()
    show_log(verbose=said.verbose)
    with Studio(store=said.store) as studio:
        result, at = studio.cancel_sync(*names), vantage(studio.store)
    if said.json:
        click.echo(json.dumps(result_as_json(result, 0, at), indent=2, ensure_ascii=False))
    else:
        tell(summary(result, at=at))
