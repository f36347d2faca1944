"""`reelwork review`: the group. Its commands have files of their own."""

from __future__ import annotations

import click

from reelwork.cli.lazy import LazyGroup

COMMANDS = {
    "list": (
        "reelwork.cli.commands.review_list:list_reviews",
        "List the posts and appeals that wait.",
    ),
    "show": ("reelwork.cli.commands.review_list:show_review", "Show what an approval of a job's posts is for."),
    "approve": ("reelwork.cli.commands.review_decide:approve_review", "Approve posts of a job, and post them."),
    "reject": ("reelwork.cli.commands.review_decide:reject_review", "Reject posts of a job: they are never made."),
    "appeal": (
        "reelwork.cli.commands.review_appeal:appeal_review",
        "Appeal against a refusal by moderation, so that a person decides.",
    ),
    "edit": ("reelwork.cli.commands.review_edit:edit_review", "Change the words of a job's posts."),
    "link": ("reelwork.cli.commands.review_link:link_review", "Make a link for one person to answer a review."),
    "links": ("reelwork.cli.commands.review_link:list_links", "List the links that were made."),
    "unlink": ("reelwork.cli.commands.review_link:unlink_review", "Revoke a link."),
    "redo": ("reelwork.cli.commands.review_edit:redo_review", "Make the video of a job again: a new render."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def review() -> None:
    """Review posts before they are made, where a workflow asks for it with [review], and decide about appeals.

    An approval is for exactly what was shown: words, files and account. What is changed afterwards is shown again.
    """
