"""`reelwork resume`."""

from __future__ import annotations

import click

from reelwork.cli.app import EXIT_CODES
from reelwork.cli.common import common_options


@click.command(epilog=EXIT_CODES)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@common_options()
def resume(names: tuple[str, ...]) -> None:
    """Go on with jobs that stopped: all of them, or those NAMEd by a job's or a run's id.

    Nothing is paid for or posted twice. A job whose render failed at the provider is left alone, since going on
    would mean paying again: `reelwork jobs retry` does that.
    """
    from reelwork.cli.drive import drive

    drive(lambda studio, _: studio.resume(*names))
