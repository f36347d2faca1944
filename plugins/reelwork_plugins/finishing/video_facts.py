"""The facts of a video file by which a network takes it or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwork_plugins.finishing.pixels import Size, pixel_aspect

if TYPE_CHECKING:
    from av.container import InputContainer

_UNSAID = 128_000
"""Bits a second of a sound whose file does not say."""


@dataclass(frozen=True)
class SoundFacts:
    """The first sound of a file."""

    codec: str
    bit_rate: int
    """Bits a second."""
    channels: int


@dataclass(frozen=True)
class VideoFacts:
    """A file's container, its picture and its sound."""

    mp4: bool
    """True for MP4 and its relatives, such as MOV."""
    index_first: bool
    """True when a player can begin before it has the whole file. Known of MP4 alone."""
    codec: str
    pixels: str
    """As FFmpeg calls them, such as `yuv420p`."""
    size: Size
    fps: float
    """0 when the file does not say."""
    seconds: float
    """0 when the file does not say."""
    sound: SoundFacts | None


def facts_of(path: Path) -> VideoFacts:
    """Return the facts of a video. Raises FFmpeg's errors, `OSError` and `ValueError`."""
    import av

    with av.open(str(path)) as source:
        if not source.streams.video:
            raise ValueError("it holds no video stream")
        stream = source.streams.video[0]
        context = stream.codec_context
        mp4 = "mp4" in source.format.name.split(",")
        return VideoFacts(
            mp4=mp4,
            index_first=not mp4 or _index_first(path),
            codec=context.name,
            pixels=context.pix_fmt or "",
            size=Size(max(round(context.width * pixel_aspect(stream)), 1), context.height),
            fps=float(stream.average_rate or 0),
            seconds=(source.duration or 0) / av.time_base,
            sound=_sound(source),
        )


def _sound(source: InputContainer) -> SoundFacts | None:
    if not source.streams.audio:
        return None
    stream = source.streams.audio[0]
    return SoundFacts(stream.codec_context.name, stream.bit_rate or _UNSAID, stream.codec_context.channels)


def _index_first(path: Path) -> bool:
    """Return whether an MP4's box `moov` is before its `mdat` (ISO/IEC 14496-12)."""
    at, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(16)
            kind, length = head[4:8], int.from_bytes(head[:4], "big")
            if kind in (b"moov", b"mdat") or len(head) < 16:
                return kind == b"moov"
            # 1 is followed by a length of 64 bits. 0 means up to the end of the file.
            length = int.from_bytes(head[8:16], "big") if length == 1 else length
            if length < 8:
                return False
            at += length
    return False
