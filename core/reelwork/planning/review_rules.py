"""The rules of `[review]`: which posts a person must approve, why, and what exactly an approval is for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from decimal import Decimal

from reelwork.ids import fingerprint
from reelwork.money import dollars
from reelwork.planning.post_copy import COPY
from reelwork.settings.workflow import ReviewTable
from reelwork_hooks.models import Asset, Post


def reasons(
    table: ReviewTable, destination: str, cost: Decimal | None, *, first_post: bool, score: float | None = None
) -> Iterator[str]:
    """Yield the rules by which a post must be approved, each in words.

    `cost` is what its job costs at most, in US dollars; None when that is not known. `score` is the highest that
    moderation gave the job.
    """
    if table.always:
        yield "every post is reviewed"
    if destination in table.destinations:
        yield f"posts to {destination} are reviewed"
    if table.price_above is not None:
        above = f"above {dollars(table.price_above)} it is reviewed"
        if cost is None:
            # Silence of a price list must not let through what its price would hold.
            yield f"what it costs is not known, and {above}"
        elif cost > table.price_above:
            yield f"it costs {dollars(cost)}, and {above}"
    if table.first_post and first_post:
        yield "it is the first post to this account"
    if table.score_above is not None and score is not None and score > table.score_above:
        yield f"moderation gave it a score of {score:.2f}, and above {table.score_above:.2f} it is reviewed"


FIRST_POST = "the first post to an account is reviewed"


def planned_reason(table: ReviewTable, destination: str, cost: Decimal | None) -> str:
    """Return why a planned post will wait for a review; empty if it will not, as far as that is known."""
    later = (
        *((FIRST_POST,) if table.first_post else ()),
        *((f"if moderation's score is above {table.score_above:.2f}",) if table.score_above is not None else ()),
    )
    return next(iter((*reasons(table, destination, cost, first_post=False), *later)), "")


def surely(table: ReviewTable, destination: str) -> bool:
    """Return whether every post to a destination waits for a review, whatever it costs."""
    return table.always or destination in table.destinations


def seen_of(post: Post, account: str) -> str:
    """Return the hash of all that a person approves of a post: its words, options, files and account.

    The time at which it is to be shown is none of it: to move a post voids no approval.
    """
    words = post.model_dump(mode="json", include={*COPY, "options"} - {"publish_at"})
    files = [[asset.role, asset.sha256] for asset in files_of(post)]
    return fingerprint([account, words, files])


def files_of(post: Post) -> tuple[Asset, ...]:
    """Return the files of a post."""
    return (post.clip.video, *((post.thumbnail,) if post.thumbnail else ()), *post.captions)


def changed_file(post: Post) -> str:
    """Return which file of a post is not the one that was made; empty if all are. Blocks."""
    return changed_among(files_of(post))


def changed_among(files: Iterable[Asset]) -> str:
    """Return which of some files is not the one that was made; empty if all are. Blocks."""
    for asset in files:
        try:
            with asset.path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"{asset.path} cannot be read: {error.strerror}"
        if found != asset.sha256:
            return f"{asset.path} is not the file that was made: it was changed since"
    return ""
