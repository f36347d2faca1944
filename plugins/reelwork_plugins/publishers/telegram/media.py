"""What Telegram is told of a video beside its bytes: whether it can be streamed, and a small picture."""

from __future__ import annotations

import io
from pathlib import Path

WIDEST, MOST_BYTES = 320, 200_000
"""Pixels of the longer side of a thumbnail, and its bytes: https://core.telegram.org/bots/api#sendvideo."""
_QUALITIES = (85, 70, 50, 30)
_MOST_BOXES = 64


def streams(path: Path) -> bool:
    """Return whether a player can begin before it has all of an MP4: its index stands before its pictures."""
    try:
        with path.open("rb") as file:
            for _ in range(_MOST_BOXES):
                head = file.read(16)
                size, kind = int.from_bytes(head[:4], "big"), head[4:8]
                if kind in (b"moov", b"mdat") or len(head) < 16:
                    return kind == b"moov"
                # ISO/IEC 14496-12, 4.2: 1 stands for a size of eight bytes, 0 for the rest of the file.
                size = int.from_bytes(head[8:], "big") if size == 1 else size
                if size < 8:
                    return False
                file.seek(size - 16, io.SEEK_CUR)
    except OSError:
        # Whoever sends it will say so.
        pass
    return False


def thumbnail(path: Path) -> bytes | None:
    """Return a picture as Telegram takes it for a thumbnail; None when it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
    except Exception:
        # Of a damaged picture Pillow raises whatever it comes upon. The video is posted without it.
        return None
    small.thumbnail((WIDEST, WIDEST))
    for quality in _QUALITIES:
        written = io.BytesIO()
        small.save(written, "JPEG", quality=quality)
        if written.tell() < MOST_BYTES:
            return written.getvalue()
    return None
