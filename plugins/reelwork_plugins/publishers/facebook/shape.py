"""The kind of post that a video can be: a reel, or a plain video."""

from __future__ import annotations

from collections.abc import Iterator

from reelwork_hooks import Asset

# https://developers.facebook.com/docs/video-api/guides/reels-publishing
SHORTEST, LONGEST = 3.0, 90.0
"""Seconds of a reel."""
LEAST_WIDTH, LEAST_HEIGHT = 540, 960
SLOWEST, FASTEST = 23.9, 60.1
"""Frames a second, with room for those of television."""
RATIO, NEAR_ENOUGH = 9 / 16, 0.02
_MOMENT = 0.1
"""Seconds more than were asked for that a file may have."""


def no_reel(video: Asset) -> tuple[str, ...]:
    """Return the reasons why a video is no reel. A fact that is not known is none."""
    return tuple(_reasons(video))


def _reasons(video: Asset) -> Iterator[str]:
    if video.duration is not None and not SHORTEST <= video.duration <= LONGEST + _MOMENT:
        yield f"it has {video.duration:g} s; a reel has {SHORTEST:g} to {LONGEST:g} s"
    if video.width and video.height:
        if abs(video.width / video.height / RATIO - 1) > NEAR_ENOUGH:
            yield f"it is {video.width}x{video.height}; a reel is 9:16"
        elif video.width < LEAST_WIDTH or video.height < LEAST_HEIGHT:
            yield f"it is {video.width}x{video.height}; a reel is at least {LEAST_WIDTH}x{LEAST_HEIGHT}"
    if video.fps is not None and not SLOWEST <= video.fps <= FASTEST:
        yield f"it has {video.fps:g} frames a second; a reel has 24 to 60"
