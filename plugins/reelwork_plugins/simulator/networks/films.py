"""A look at a video, as networks take one before they show it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Film:
    """The facts of a video that are seen without watching it."""

    width: int
    height: int
    frame_rate: float
    seconds: float


def look_at(path: Path) -> Film:
    """Return what a video is. Raises `ValueError` for a file that is none."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ValueError("there is no picture in it")
            stream = container.streams.video[0]
            seconds = (container.duration or 0) / av.time_base
            rate = float(stream.average_rate or 0)
            return Film(stream.codec_context.width, stream.codec_context.height, rate, seconds)
    except (FFmpegError, OSError) as error:
        raise ValueError(f"it cannot be read as a video: {error}") from error
