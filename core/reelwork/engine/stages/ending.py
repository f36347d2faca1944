"""Ends a job by what became of its posts."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from reelwork.engine.stages.deadlines import first_deadline, woken_at
from reelwork.engine.stages.follow import gone, gone_from
from reelwork.engine.stages.step import Next, Working, go, hold, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.planning.job_state import DOUBTS, PostState
from reelwork.store.holds import HoldReason, common
from reelwork.store.records import DONE, FAILED, REJECTED
from reelwork.store.statuses import Step


def ended(tools: StageTools, work: Working) -> Next:
    """Return the end of a job none of whose posts can go on now."""
    posts = work.data.posts
    if (held := held_as(posts)) is not None:
        following = hold(Step.PUBLISH_AGAIN, work.data, held.why, held.reason)
        return replace(following, until=woken_at(tools, first_deadline(work.data)))
    for status, state in ((FAILED, "failed"), (REJECTED, "rejected")):
        reasons = [_said_of(name, post.reason) for name, post in posts.items() if post.state == state]
        if status == FAILED:
            has = work.pipeline.dispatcher.has
            lost = {name: post for name, post in posts.items() if gone(post)}
            reasons += [gone_from(name, post, follows=has(name, "follow_post")) for name, post in lost.items()]
        if reasons:
            return stop(status, Step.PUBLISH_AGAIN, work.data, _sentence(posts, reasons))
    # What a person should know of posts that are there, such as that the network shows no label.
    notes = "; ".join(_said_of(name, post.reason) for name, post in posts.items() if post.reason)
    reason = f"{notes}." if notes else ""
    done = replace(go(Step.PUBLISH, work.data), status=DONE, step=Step.DONE, reason=reason)
    return done.telling("done")


class Held(NamedTuple):
    """Why a job is held some of whose posts are."""

    reason: str
    why: HoldReason


def held_as(posts: Mapping[str, PostState]) -> Held | None:
    """Return why a job with these posts is held; None if none of them is."""
    reasons = [_said_of(name, post.reason) for name, post in posts.items() if post.state == "held"]
    return Held(_sentence(posts, reasons), _held_for(posts.values())) if reasons else None


def _sentence(posts: Mapping[str, PostState], reasons: Collection[str]) -> str:
    published = [name for name, post in posts.items() if post.state == "published" and not gone(post)]
    done = f" Published to {', '.join(published)}." if published else _nothing(posts.values(), reasons)
    told = "; ".join(reasons)
    # Beside posts that are there, it is said of this one alone.
    return f"{_ALONE.sub(' there', told) if published else told}.{done}"


_ALONE = re.compile(r"(?<=; nothing was posted)(?=[;.]|$)")


def _nothing(posts: Collection[PostState], reasons: Collection[str]) -> str:
    """Return the sentence that nothing was posted, where that is known and was not said yet."""
    in_doubt = any(post.state == "held" and (post.hold or HoldReason.IN_DOUBT) in DOUBTS for post in posts)
    said = any("nothing was posted" in reason.lower() for reason in reasons)
    return "" if in_doubt or said or any(map(gone, posts)) else " Nothing was posted there."


def _held_for(posts: Collection[PostState]) -> HoldReason:
    """Return why a job is held whose destinations came to this. One that failed is tried again on resume."""
    held = [post.hold or HoldReason.IN_DOUBT for post in posts if post.state == "held"]
    why = common(held)
    others_go_on = any(post.state == "failed" or post.refused_there for post in posts)
    return HoldReason.SEVERAL if others_go_on and not why.resumes else why


def _said_of(destination: str, reason: str) -> str:
    """Return the reason with its destination, once: many plugins begin with their own name."""
    return f"{destination}: {reason.removeprefix(f'{destination}: ').rstrip('.')}"
