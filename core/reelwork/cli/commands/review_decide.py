"""`reelwork review approve` and `reject`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options


def deciding(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and the options of a decision to a command."""
    function = click.option(
        "--no-wait", is_flag=True, help="Only record it; a server, or `reelwork resume`, acts on it."
    )(function)
    by = "Who decides, for the job's story; by default the user of this machine."
    function = click.option("--by", metavar="NAME", help=by)(function)
    seen = "The version that you saw: refused if the job has another one by now."
    function = click.option("--version", "version", metavar="VERSION", default="", help=seen)(function)
    only = "Only this post. Repeatable; without it, all that wait."
    function = click.option("--destination", "destinations", metavar="NAME", multiple=True, help=only)(function)
    return click.argument("name", metavar="ID", shell_complete=complete_jobs)(function)


@click.command("approve")
@deciding
@common_options(log=True, plugins=True)
def approve_review(name: str, **options: Any) -> None:
    """Approve the posts of a job as `review show` shows them now, and post them.

    Refused once the review is over, and for a file that was changed since.
    """
    from reelwork.cli.run_studio import drive

    answer, wait = answer_of(**options)
    drive(lambda studio, _: studio.approve_posts(name, answer, wait=wait), no_sheet=True)


@click.command("reject")
@deciding
@click.option("--reason", metavar="TEXT", default="", help="Why, for the job's story.")
@common_options(log=True, plugins=True)
def reject_review(name: str, reason: str, **options: Any) -> None:
    """Reject posts of a job: they are never made. Also takes back an approval, as long as nothing was sent.

    The video stays. `reelwork jobs retry` asks for a review once more.
    """
    from reelwork.cli.run_studio import drive

    answer, wait = answer_of(**options)
    drive(lambda studio, _: studio.reject_posts(name, answer, reason, wait=wait), no_sheet=True)


def answer_of(*, destinations: tuple[str, ...], version: str, by: str | None, no_wait: bool) -> tuple[Any, bool]:
    """Return what a person says, and whether the command waits for what follows."""
    from reelwork.studio.post_review import Answer

    return Answer(by or user(), destinations, version), not no_wait


def user() -> str:
    """Return the name of the user of this machine."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the user often has no name.
        return "somebody"
