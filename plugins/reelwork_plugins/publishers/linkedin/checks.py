"""What LinkedIn would refuse, found before a video is paid for, and before anything is sent.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/videos-api
"""

from __future__ import annotations

from collections.abc import Iterator

from reelwork_hooks import Asset, Brief, Post, Problem, Rejected, Target
from reelwork_plugins.publishers.linkedin.config import NOTHING_POSTED, LinkedinOptions

VIDEO = Target(longest=1800, most_bytes=500_000_000)
SHORTEST, LEAST_BYTES = 3.0, 75_000
NARROWEST, WIDEST = 1 / 2.4, 2.4
"""Width by height."""
_MOMENT = 0.1
"""Seconds by which a file may be shorter than what was asked for."""


def check_post(post: Post, *, page: bool) -> None:
    """Raise `Rejected` for a post that LinkedIn would not take. `page`: it is one of a page."""
    options = LinkedinOptions.model_validate(dict(post.options))
    problem, hint = "", ""
    if post.disclosure.label == "refuse" and post.ai_generated:
        problem, hint = (
            "the network has no AI label",
            'Set label = "caption", or take linkedin out of the workflow.',
        )
    elif post.privacy != "public":
        problem = f"a post is public, and this one is {post.privacy}"
    elif page and options.audience != "everyone":
        problem, hint = "a page has no connections", f'Remove audience = "{options.audience}".'
    if problem:
        raise Rejected(f"linkedin: {problem}.", money=NOTHING_POSTED, hint=hint)


def check_video(video: Asset) -> None:
    """Raise `Rejected` for a video that LinkedIn would not take."""
    if problem := next(_problems(video), ""):
        raise Rejected(f"linkedin: {problem}.", money=NOTHING_POSTED)


def _problems(video: Asset) -> Iterator[str]:
    if video.media_type != "video/mp4":
        yield f"LinkedIn takes no {video.media_type}, only video/mp4"
    # A video that is not made yet has none.
    if 0 < video.bytes < LEAST_BYTES:
        yield f"the video has {video.bytes} bytes; LinkedIn takes {LEAST_BYTES:,} or more"
    if video.duration is not None and video.duration < SHORTEST - _MOMENT:
        yield f"the video is {video.duration:g} s long; LinkedIn takes {SHORTEST:g} s or more"
    if video.width and video.height and not NARROWEST <= video.width / video.height <= WIDEST:
        yield f"the video is {video.width}x{video.height}; LinkedIn takes shapes from 1:2.4 to 2.4:1"


def brief_problems(brief: Brief, destination: str) -> Iterator[Problem]:
    """Tell what LinkedIn would refuse of a brief."""
    copy = brief.destinations.get(destination)
    privacy = (copy.privacy if copy else None) or brief.privacy
    # Refused rather than posted in public: whoever writes private means it.
    if privacy != "public":
        yield Problem(
            message=f"{destination}: a post at LinkedIn is public; this one should be {privacy}.",
            field="privacy",
            hint=f'Write privacy = "public" under [destination.{destination}].',
        )
    if brief.duration < SHORTEST:
        told = f"{destination}: {brief.duration:g} s is too short; LinkedIn takes {SHORTEST:g} s or more."
        yield Problem(message=told, field="duration", hint=f"Set duration = {SHORTEST:g}, or more.")
