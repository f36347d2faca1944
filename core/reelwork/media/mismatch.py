"""Compares a film with the request. One that differs was paid for, too: it is held for a person."""

from __future__ import annotations

from collections.abc import Iterator

from reelwork_hooks.models import Asset, Spec

# Models round the sides to multiples of 8, 16, 32 or 64.
SIDE_SHARE = 0.15
"""The difference a side of the frame may have, as a share of it."""
# Models make whole groups of pictures.
LENGTH_SHARE, LENGTH_SECONDS = 0.3, 1.0
"""The difference the length may have, as a share of it or in seconds: the larger of the two."""


def differences(video: Asset, spec: Spec) -> str:
    """Describe how a video differs from the request, with both values; empty if it does not."""
    return "; ".join(_differences(video, spec))


def _differences(video: Asset, spec: Spec) -> Iterator[str]:
    if video.duration is not None and abs(video.duration - spec.duration) > max(
        LENGTH_SHARE * spec.duration, LENGTH_SECONDS
    ):
        yield f"it is {video.duration:.1f} s long, and {spec.duration:g} s were asked for"
    sides = ((video.width, spec.width), (video.height, spec.height))
    if any(is_ is not None and abs(is_ - asked) > SIDE_SHARE * asked for is_, asked in sides):
        yield f"its frame is {video.width}x{video.height}, and {spec.size} was asked for"
