"""`reelwork run` and `reelwork plan`."""

from __future__ import annotations

from typing import Any, Literal

import click

from reelwork.cli.app import EXIT_CODES
from reelwork.cli.options import Request, making_options, request_from, showing_options
from reelwork.cli.shared import common_options, shared
from reelwork.cli.views.trace import trace_option, traced

WHAT = """WHAT is a prompt, a workflow (FILE.toml) or a batch file with one prompt per row (FILE.csv, .tsv, .jsonl,
    .json, .xlsx or .txt); - reads a prompt from standard input. Leave it out if --workflow has a
    [brief]. Options override the workflow's [brief]; a batch row's columns override both."""


@click.command(
    epilog=EXIT_CODES,
    help=f"""Make and publish videos, and wait for them.

    {WHAT}

    You are asked before money is spent or anything is posted where everyone can see it. Where nobody can be
    asked, add --yes, or let the workflow agree: a [budget] ceiling for the money, [posts] unasked = true for the
    posts. A batch that was run before continues with what is missing. Rows that look like rows made before are
    asked about; --copies answers.""",
)
@making_options
@click.option("--yes", "-y", is_flag=True, help="Spend and post without being asked.")
@click.option("--dry-run", is_flag=True, help="Only show what would be sent, published and spent.")
@click.option("--again", is_flag=True, help="Make the whole batch again, the rows that are done too.")
@click.option(
    "--copies",
    type=click.Choice(["make", "keep"]),
    help="Make rows that look like rows made before, or keep what was made.",
)
@trace_option
@showing_options
@common_options(log=True, plugins=True)
def run(
    *,
    yes: bool,
    dry_run: bool,
    again: bool,
    copies: Literal["make", "keep"] | None,
    show: bool,
    no_sheet: bool,
    **options: Any,
) -> None:
    """Make and publish videos."""
    request = request_from(**options)
    if shared().server:
        from reelwork.cli.afar import run_afar

        run_afar(request, yes=yes, dry_run=dry_run, again=again, copies=copies)
    if dry_run:
        _rehearse(request, again=again)
        return
    _run(request, yes=yes, again=again, copies=copies, show=show, no_sheet=no_sheet)


@click.command(
    epilog=EXIT_CODES,
    help=f"""Show what `run` would send, publish and cost. Nothing is sent or recorded.

    {WHAT} Rows of a batch that an earlier run has made or begun are shown, but not counted.

    Moderation and prompt plugins run as in a real run, except those that cost money. No secrets are needed.""",
)
@making_options
@trace_option
@common_options(plugins=True)
def plan(**options: Any) -> None:
    """Show what `run` would do."""
    _rehearse(request_from(**options))


def _run(
    request: Request,
    *,
    yes: bool,
    again: bool,
    copies: Literal["make", "keep"] | None,
    show: bool,
    no_sheet: bool,
) -> None:
    # Imported here, so that `--help` and a mistyped option need none of it.
    from reelwork.cli.confirm import asker_of_copies, confirmer
    from reelwork.cli.run_studio import drive

    drive(
        lambda studio, asking: studio.run(
            request.what,
            confirm=confirmer(yes=yes, asking=asking),
            again=again,
            copies=copies or asker_of_copies(yes=yes, asking=asking),
            **request.brief,
        ),
        workflow=request.workflow,
        out=request.out,
        settings=request.settings,
        show=show,
        no_sheet=no_sheet,
    )


def _rehearse(request: Request, *, again: bool = False) -> None:
    from reelwork.cli.logs import show_log
    from reelwork.cli.views.dry_run import Shown
    from reelwork.studio.studio import Studio

    said = shared()
    show_log(verbose=said.verbose)
    studio = Studio(
        request.workflow, store=said.store, out=request.out, settings=request.settings, on_trace=traced()
    )
    with studio, Shown(as_json=said.json) as shown:
        rehearsal = studio.rehearse_sync(request.what, again=again, keep=shown.keep, **request.brief)
        shown.show(rehearsal)
    click.get_current_context().exit(rehearsal.exit_code)
