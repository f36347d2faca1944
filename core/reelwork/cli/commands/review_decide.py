"""`reelwork review approve` and `reject`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from reelwork.cli.completions import complete_jobs
from reelwork.cli.shared import common_options, shared

SERVED = "The server acts on it."

if TYPE_CHECKING:
    from reelwork.studio.results import RunResult
    from reelwork.studio.studio import Studio


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
    """Approve the posts of a job as `review show` shows them now, and post them. An appeal is approved likewise.

    Refused once the review is over, and for a file that was changed since.
    """
    if shared().server:
        from reelwork.cli.reviews_afar import decide_afar

        decide_afar("approve", name, options)
        return
    answer, wait = answer_of(**options)
    carry_out(lambda studio: studio.approve_posts(name, answer, wait=wait), wait=wait)


@click.command("reject")
@deciding
@click.option("--reason", metavar="TEXT", default="", help="Why, for the job's story.")
@common_options(log=True, plugins=True)
def reject_review(name: str, reason: str, **options: Any) -> None:
    """Reject posts of a job: they are never made. Also takes back an approval, as long as nothing was sent.

    The video stays. `reelwork jobs retry` asks for a review once more. The rejection of an appeal is final.
    """
    if shared().server:
        from reelwork.cli.reviews_afar import decide_afar

        decide_afar("reject", name, options, {"reason": reason})
        return
    answer, wait = answer_of(**options)
    carry_out(lambda studio: studio.reject_posts(name, answer, reason, wait=wait), wait=wait)


def carry_out(work: Callable[[Studio], Coroutine[Any, Any, RunResult]], *, wait: bool) -> None:
    """Write an answer down, and drive its job on; without `wait`, only write it down."""
    import json

    from reelwork.cli.run_studio import drive
    from reelwork.cli.vantage import vantage
    from reelwork.cli.views.summary import result_as_json
    from reelwork.ids import short_id
    from reelwork.studio.studio import Studio
    from reelwork.studio.sync import run_to_end

    if wait:
        drive(lambda studio, _: work(studio), no_sheet=True)
    with Studio(store=shared().store) as studio:
        result, at = run_to_end(work(studio)), vantage(studio.store)
    if shared().json:
        click.echo(json.dumps(result_as_json(result, 0, at), indent=2, ensure_ascii=False))
    else:
        job = short_id(result.jobs[0].id)
        click.echo(f"Recorded for {job}. {f'To act on it: reelwork resume {job}' if not at.driven else SERVED}")


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
