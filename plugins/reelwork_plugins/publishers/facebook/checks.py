"""What Facebook would refuse, found before a video is paid for, and before anything is sent; and its schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reelwork_hooks import (
    Brief,
    Context,
    InvalidInput,
    OutOfFunds,
    Post,
    Problem,
    Rejected,
    StoredAccount,
)
from reelwork_plugins.publishers.facebook.shape import SHORTEST, no_reel
from reelwork_plugins.publishers.facebook.sign_in import base_url
from reelwork_plugins.publishers.facebook.videos import CODES
from reelwork_plugins.publishers.meta.graph import NOTHING_POSTED, Graph

# https://developers.facebook.com/docs/video-api/guides/reels-publishing
SOONEST, LATEST = 600.0, 30 * 86_400.0
"""Seconds ahead for which Facebook keeps a post."""
# The clocks may differ, and the request takes its time.
MARGIN = 60.0


async def account_problems(account: StoredAccount, context: Context) -> list[Problem]:
    """Ask whose token it is. Raises `Unavailable`."""
    values = account.read()
    graph = Graph(context, "facebook", base_url(values), account.name, CODES)
    try:
        read = await graph.read("me", "the page", fields="id,name")
    except (InvalidInput, OutOfFunds, Rejected) as error:
        return [Problem(message=error.message, hint=error.hint)]
    if read.text_at("id") != values["id"]:
        hint = f"Sign in again: reelwork accounts add facebook --name {account.name} --replace"
        return [Problem(message="facebook: the token is not this page's", hint=hint)]
    return []


def kind_of(post: Post, wanted: str) -> str:
    """Return the kind of post that a video becomes. Raises `Rejected`."""
    problems = no_reel(post.clip.video)
    if wanted == "reel" and problems:
        raise Rejected(
            f"facebook: the video does not fit a reel: {problems[0]}.",
            money=NOTHING_POSTED,
            hint='Set kind = "auto" or "video" under [plugin.facebook], or make another video.',
        )
    return "video" if problems or wanted == "video" else "reel"


def check_post(post: Post, now: datetime) -> None:
    """Raise `Rejected` for a post that Facebook would not take."""
    problem, hint = "", ""
    if not post.clip.video.media_type.startswith("video/"):
        problem = f"{post.clip.video.media_type} is not a video"
    elif post.privacy != "public":
        problem = f"a post of a page is public, and this one is {post.privacy}"
    elif _seconds(post, now) > LATEST:
        problem, hint = "Facebook schedules at most 30 days ahead", "Set an earlier publish_at."
    if problem:
        raise Rejected(f"facebook: {problem}.", money=NOTHING_POSTED, hint=hint)


def brief_problems(brief: Brief, destination: str, kind: str, now: datetime) -> Iterator[Problem]:
    """Tell what Facebook would refuse of a brief."""
    copy = brief.destinations.get(destination)
    privacy = (copy.privacy if copy else None) or brief.privacy
    # Refused rather than posted in public: whoever writes private means it.
    if privacy != "public":
        yield Problem(
            message=f"{destination}: a post of a page is public; this one should be {privacy}.",
            field="privacy",
            hint=f'Write privacy = "public" under [destination.{destination}].',
        )
    if kind == "reel" and brief.duration < SHORTEST:
        told = f"{destination}: {brief.duration:g} s is too short; a reel has at least {SHORTEST:g} s."
        yield Problem(message=told, field="duration", hint=f"Set duration = {SHORTEST:g}, or more.")
    # Only a destination's own time goes to Facebook: for the brief's, Reelwork waits.
    at = copy.publish_at if copy else None
    if at is not None and (at - now).total_seconds() > LATEST:
        told = f"{destination}: Facebook schedules at most 30 days ahead; this post is for {at:%Y-%m-%d}."
        yield Problem(message=told, field="publish_at", hint="Set an earlier publish_at, or run it later.")


def not_shown_yet(post: Post, now: datetime) -> float:
    """Return the seconds until a post is due for which Facebook keeps no schedule; 0 for any other."""
    ahead = _seconds(post, now)
    return ahead if 0 < ahead < SOONEST + MARGIN else 0.0


def schedule(post: Post, kind: str, now: datetime) -> dict[str, str]:
    """Return the fields that say when a post is shown."""
    if post.publish_at is None or _seconds(post, now) <= 0:
        return {"video_state": "PUBLISHED"} if kind == "reel" else {"published": "true"}
    at = {"scheduled_publish_time": str(round(post.publish_at.timestamp()))}
    return {"video_state": "SCHEDULED", **at} if kind == "reel" else {"published": "false", **at}


def _seconds(post: Post, now: datetime) -> float:
    return (post.publish_at - now).total_seconds() if post.publish_at is not None else 0.0
