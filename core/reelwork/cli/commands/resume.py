"""`reelwork resume`."""

from __future__ import annotations

import click

from reelwork.cli.app import EXIT_CODES
from reelwork.cli.completions import complete_jobs_and_runs
from reelwork.cli.options import showing_options
from reelwork.cli.shared import common_options, shared


@click.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_jobs_and_runs)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Resume with this setting changed, such as budget.per_run=20.",
)
@showing_options
@common_options(log=True, plugins=True)
def resume(names: tuple[str, ...], assignments: tuple[str, ...], show: bool, no_sheet: bool) -> None:
    """Resume jobs that stopped: all of them, or those NAMEd by a job's or a run's id.

    Nothing is paid for or posted twice. A job whose render failed at the provider is not resumed, since that
    would mean paying again: use `reelwork jobs retry`.
    """
    if shared().server:
        from reelwork.cli.afar import resume_afar

        resume_afar(names, assignments)
    from reelwork.cli.run_studio import drive
    from reelwork.settings.layers import from_assignments

    settings = from_assignments(assignments)
    drive(lambda studio, _: studio.resume(*names, settings=settings), show=show, no_sheet=no_sheet)
