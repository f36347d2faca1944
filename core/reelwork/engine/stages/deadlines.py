"""The times at which reviews and appeals are reminded of and end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reelwork.clock import doubt_of
from reelwork.engine import timing
from reelwork.engine.stages.tools import StageTools
from reelwork.planning.job_state import JobData, PostState, ReviewState
from reelwork.planning.refusals import Refusal, refusal_named


def in_review(posts: Mapping[str, PostState]) -> dict[str, ReviewState]:
    """Return the reviews that wait for a person, by destination."""
    return {name: post.review for name, post in posts.items() if post.waits_for_review and post.review is not None}


def appealed_posts(data: JobData) -> dict[str, Refusal]:
    """Return the refusals of posts against which an appeal waits for a person, by destination."""
    held = {name: post.refused for name, post in data.posts.items() if post.is_appealed}
    found = {name: refusal_named(data.refusals, refused) for name, refused in held.items()}
    return {name: one for name, one in found.items() if one is not None and one.is_appealed}


def first_deadline(data: JobData) -> float | None:
    """Return when a review or an appeal of a post is next to be reminded of or ended; None if none waits."""
    return min(_deadlines(data), default=None)


def _deadlines(data: JobData) -> Iterator[float]:
    for review in in_review(data.posts).values():
        yield review.remind_at or review.expires_at
    for refusal in appealed_posts(data).values():
        assert refusal.appeal is not None
        yield refusal.appeal.remind_at or refusal.appeal.expires_at


def believed(tools: StageTools) -> float:
    """Return the time by which a review may end; long ago while a clock that was set forward is doubted."""
    # Ended by a clock that is set right a minute later, it would have ended for good.
    return 0.0 if doubt_of(tools.clock) > 0 else tools.clock()


def woken_at(tools: StageTools, first: float | None) -> float | None:
    """Return when a deadline is next looked at; None if there is none."""
    doubt, now = doubt_of(tools.clock), tools.clock()
    # A server may vouch for the clock at any time.
    return first if first is None or not doubt else max(first, now + min(doubt, timing.DOUBT_AGAIN))
