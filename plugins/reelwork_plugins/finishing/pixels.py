"""The size of a picture, and the shape of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.video.stream import VideoStream

MOST_STRETCHED = 8
"""The width of a pixel by its height, or the other way round, up to which a file is believed."""


@dataclass(frozen=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}:{self.height}"


def pixel_aspect(stream: VideoStream) -> Fraction:
    """Return the width of a pixel by its height; 1 where the file does not say, or nothing that can be shown."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    # A file may state any number. Stretched by thousands, a picture would take all memory.
    return aspect if 1 / MOST_STRETCHED <= aspect <= MOST_STRETCHED else Fraction(1)
