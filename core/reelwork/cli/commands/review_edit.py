"""`reelwork review edit` and `redo`."""

from __future__ import annotations

from typing import Any

import click

from reelwork.cli.commands.review_decide import answer_of, carry_out, deciding
from reelwork.cli.shared import common_options, shared


@click.command("edit")
@deciding
@click.option("--title", metavar="TEXT", help="Another title.")
@click.option("--caption", metavar="TEXT", help="Another caption.")
@click.option("--hashtag", "hashtags", metavar="TAG", multiple=True, help="Other hashtags; repeat for more.")
@click.option("--no-hashtags", is_flag=True, help="No hashtags.")
@click.option("--alt-text", metavar="TEXT", help="Another description for people who cannot see it.")
@click.option("--privacy", type=click.Choice(["public", "unlisted", "private"]), help="Who may see it.")
@click.option("--option", "options", metavar="KEY=VALUE", multiple=True, help="An option of the network.")
@click.option("--approve", is_flag=True, help="Approve the posts as they are then.")
@common_options(log=True, plugins=True)
def edit_review(name: str, *, approve: bool, **options: Any) -> None:
    """Change the words of a job's posts. They are checked before anything is recorded.

    An earlier approval is void. Moderation sees the changed words, even with --approve.
    """
    changes = _changes(options)
    if not changes:
        raise click.UsageError("Say what to change, such as --caption TEXT.")
    if shared().server:
        from reelwork.cli.reviews_afar import decide_afar
        from reelwork.studio.post_edits import WORDS

        words = {key: changes.pop(key) for key in WORDS if key in changes}
        decide_afar("edit", name, options, {**words, "options": changes, "approve": approve})
        return
    answer, wait = answer_of(**options)
    carry_out(lambda studio: studio.edit_posts(name, answer, changes, approve=approve, wait=wait), wait=wait)


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """Take what is to be changed out of the options."""
    from reelwork.cli.options import key_and_value

    own = [key_and_value(pair, "--option", nested=True) for pair in options.pop("options")]
    tags, none = options.pop("hashtags"), options.pop("no_hashtags")
    if tags and none:
        raise click.UsageError("Give --hashtag or --no-hashtags.")
    words = {key: options.pop(key) for key in ("title", "caption", "alt_text", "privacy")}
    changes = {key: value for key, value in words.items() if value is not None}
    if tags or none:
        changes["hashtags"] = [tag.lstrip("#") for tag in tags]
    return {**dict(own), **changes}


@click.command("redo")
@click.argument("name", metavar="ID")
@click.option("--version", "version", metavar="VERSION", default="", help="The version that you saw.")
@click.option("--by", metavar="NAME", help="Who decides; by default the user of this machine.")
@click.option("--no-wait", is_flag=True, help="Only record it; a server, or `reelwork resume`, acts on it.")
@click.option("--yes", "-y", is_flag=True, help="Pay for the new render without being asked.")
@common_options(log=True, plugins=True)
def redo_review(name: str, version: str, by: str | None, no_wait: bool, yes: bool) -> None:
    """Make the video of a job in review again: a new render, which may be paid for. Its posts are reviewed again.

    Refused once a post of the job is there, or may be.
    """
    if shared().server:
        from reelwork.cli.reviews_afar import decide_afar

        decide_afar("redo", name, {"version": version, "by": by, "no_wait": no_wait}, yes=yes)
        return
    from reelwork.cli.confirm import check_agreed_to_retry
    from reelwork.studio.studio import Studio

    answer, wait = answer_of(destinations=(), version=version, by=by, no_wait=no_wait)
    with Studio(store=shared().store) as studio:
        retry = studio.new_render(name, answer)
    check_agreed_to_retry(retry, yes=yes)
    # With what was shown: a job that somebody else has moved on since is not paid for.
    carry_out(lambda studio: studio.redo_posts(name, answer, shown=retry.shown, wait=wait), wait=wait)
