"""The size of a video's picture for a height and a shape."""

from __future__ import annotations

from reelwork_hooks.models import AspectRatio, Resolution

# As in the tutorial's guide to aspect ratios.
WIDE_SIDES: dict[AspectRatio, tuple[int, int]] = {
    "16:9": (1920, 1080),
    "9:16": (1080, 1920),
    "1:1": (1080, 1080),
    "21:9": (2560, 1080),
}
"""Pixels at 1080p."""
SHORT_SIDES: dict[Resolution, int] = {"2k": 1440, "4k": 2160, "8k": 4320}
"""Pixels of the heights that have a name."""
HEIGHTS: tuple[Resolution, ...] = ("480p", "720p", "1080p")


def frame_size(resolution: Resolution, ratio: AspectRatio) -> tuple[int, int]:
    """Return width and height in pixels.

    >>> frame_size("720p", "21:9")
    (1706, 720)
    """
    short = SHORT_SIDES.get(resolution) or int(resolution.removesuffix("p"))
    if ratio in WIDE_SIDES:
        width, height = WIDE_SIDES[ratio]
        return _even(width * short / 1080), _even(height * short / 1080)
    across, up = map(int, ratio.split(":"))
    smaller = min(across, up)
    return _even(short * across / smaller), _even(short * up / smaller)


def _even(number: float) -> int:
    # H.264 in its usual form (4:2:0) stores one color for two by two pixels, so both sides are even.
    return round(number / 2) * 2
