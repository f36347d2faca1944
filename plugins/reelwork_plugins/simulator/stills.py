"""Pictures from a clip: its thumbnail and its spritesheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
from PIL import Image

_COLUMNS, _ROWS, _TILE = 4, 3, 240


def write_thumbnail(video: Path, path: Path) -> None:
    """Write a clip's first frame as WebP."""
    next(_frames(video)).save(path, "WEBP", quality=80)


def write_spritesheet(video: Path, path: Path) -> None:
    """Write twelve frames, evenly spread over a clip, as one JPEG."""
    frames = list(_frames(video, _TILE))
    width, height = frames[0].size
    sheet = Image.new("RGB", (_COLUMNS * width, _ROWS * height))
    for place in range(_COLUMNS * _ROWS):
        frame = frames[place * len(frames) // (_COLUMNS * _ROWS)]
        sheet.paste(frame, (place % _COLUMNS * width, place // _COLUMNS * height))
    sheet.save(path, "JPEG", quality=80)


def _frames(video: Path, width: int | None = None) -> Iterator[Image.Image]:
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            height = round(frame.height * width / frame.width) if width else None
            size = (width or frame.width, height or frame.height)
            yield frame.to_image(width=size[0], height=size[1])  # type: ignore[no-untyped-call]
