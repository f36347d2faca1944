"""`reelwork jobs retry`."""

from __future__ import annotations

import click

from reelwork.cli.completions import complete_jobs_and_runs
from reelwork.cli.options import showing_options
from reelwork.cli.shared import common_options, shared
from reelwork.cli.stores import NO_JOBS, store_if_there


@click.command("retry")
@click.argument("names", nargs=-1, required=True, metavar="ID...", shell_complete=complete_jobs_and_runs)
@click.option("--yes", "-y", is_flag=True, help="Pay again without being asked.")
@showing_options
@common_options(log=True, plugins=True)
def retry_jobs(names: tuple[str, ...], yes: bool, show: bool, no_sheet: bool) -> None:
    """Retry jobs that failed, are held or were rejected, even where that means paying for a new render.

    ID is a job's or a run's id. What is known to have happened is never done again.
    """
    from reelwork.cli.confirm import check_agreed_to_retry
    from reelwork.cli.run_studio import drive
    from reelwork.studio.job_names import find_named
    from reelwork.studio.retry import retry_of

    if shared().server:
        from reelwork.cli.afar import retry_afar

        retry_afar(names, yes=yes)
    with store_if_there() as store:
        rows = [row for name in names for row in find_named(store or NO_JOBS, name)]
    retry = retry_of(rows)
    # After the store is closed: a person may think for hours, and must hold up nobody.
    check_agreed_to_retry(retry, yes=yes)
    # With what was shown: a job that another process has moved on since is not paid for.
    drive(lambda studio, _: studio.retry(*names, shown=retry.shown), show=show, no_sheet=no_sheet)
