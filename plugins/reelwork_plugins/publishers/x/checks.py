"""What X would refuse, found before a video is paid for, and before anything is sent.

https://docs.x.com/x-api/media/quickstart/best-practices
"""

from __future__ import annotations

from collections.abc import Iterator

from reelwork_hooks import Asset, Brief, Post, Problem, Rejected, Target
from reelwork_plugins.publishers.x.config import NOTHING_POSTED
from reelwork_plugins.publishers.x.media import TYPES

VIDEO = Target(longest=1200, most_bytes=8 << 30, codecs=("h264",))
PREMIUM_VIDEO = Target(longest=7500, most_bytes=17_179_869_184, codecs=("h264",))
NARROWEST, WIDEST = 1 / 3, 3.0
"""Width by height."""
FASTEST = 60.1
"""Frames a second, with room for those of television."""


def check_post(post: Post) -> None:
    """Raise `Rejected` for a post that X would not take."""
    problem = next(_problems(post.clip.video), "")
    if post.privacy != "public":
        problem = f"a post is public, and this one is {post.privacy}"
    if problem:
        raise Rejected(f"x: {problem}.", money=NOTHING_POSTED)


def _problems(video: Asset) -> Iterator[str]:
    if video.media_type not in TYPES:
        yield f"X takes no {video.media_type}"
    if video.width and video.height and not NARROWEST <= video.width / video.height <= WIDEST:
        yield f"the video is {video.width}x{video.height}; X takes shapes from 1:3 to 3:1"
    if video.fps is not None and video.fps > FASTEST:
        yield f"the video has {video.fps:g} frames a second; X takes 60"


def brief_problems(brief: Brief, destination: str) -> Iterator[Problem]:
    """Tell what X would refuse of a brief."""
    copy = brief.destinations.get(destination)
    privacy = (copy.privacy if copy else None) or brief.privacy
    # Refused rather than posted in public: whoever writes private means it.
    if privacy != "public":
        yield Problem(
            message=f"{destination}: a post at X is public; this one should be {privacy}.",
            field="privacy",
            hint=f'Write privacy = "public" under [destination.{destination}].',
        )
