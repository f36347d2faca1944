"""The files that are joined to a video: whether they can be used, and how long they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

Fact = TypeVar("Fact")
_PICTURES = ("image2", "_pipe")
"""Ends of the names of FFmpeg's formats that are still pictures."""
_HDR = {16, 18}
"""FFmpeg's numbers for the brightness curves of HDR video: PQ and HLG."""


class Unusable(Exception):
    """A file or a setting that cannot be used, with what to do about it."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


@dataclass(frozen=True)
class Piece:
    """A video file that is joined to others."""

    role: str
    """`intro`, `before`, `clip`, `after` or `outro`."""
    path: Path
    seconds: float


@dataclass(frozen=True)
class Extent:
    """The part of a file that is shown: its frames at a rate, and the time in the file at which it begins."""

    frames: int
    start: Fraction
    sound: bool


@contextmanager
def reading(path: Path) -> Iterator[InputContainer]:
    """Open a file of this machine. Raises FFmpeg's errors and `OSError`."""
    import av

    # A playlist that passes for a video must not reach into the network.
    with av.open(str(path), options={"protocol_whitelist": "file"}) as source:
        yield source


def picture_of(source: InputContainer) -> VideoStream | None:
    """Return the first stream of moving pictures, which the cover of a song is not."""
    from av.stream import Disposition

    if source.format.name.endswith(_PICTURES):
        return None
    moving = (one for one in source.streams.video if not one.disposition & Disposition.attached_pic)
    return next(moving, None)


def seconds_of(path: Path) -> float:
    """Return the length of a video file. Raises `Unusable`."""
    return _read(path, _video_seconds)


def check_music(path: Path) -> None:
    """Check that a file has sound. Raises `Unusable`."""
    _read(path, _heard)


def _read(path: Path, of: Callable[[InputContainer], Fact]) -> Fact:
    from av.error import FFmpegError

    try:
        state = path.stat()
        fact: Fact = _remembered(path, state.st_size, state.st_mtime_ns, of)
        return fact
    except FileNotFoundError as error:
        raise Unusable("there is no such file") from error
    # A decoder's own errors are neither of the first two.
    except (OSError, ValueError, FFmpegError) as error:
        raise Unusable("it cannot be read") from error


# A batch asks about the same intro for each of its rows.
@lru_cache(maxsize=256)
def _remembered(path: Path, _size: int, _changed: int, of: Callable[[InputContainer], Fact]) -> Fact:
    with reading(path) as source:
        return of(source)


def _video_seconds(source: InputContainer) -> float:
    stream = picture_of(source)
    if stream is None:
        raise Unusable("it is not a video")
    if stream.codec_context.color_trc in _HDR:
        raise Unusable("it is HDR video. Save it as SDR: beside the clip its colours would be wrong")
    if next(source.decode(stream), None) is None:
        raise Unusable("no frame of it can be decoded")
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if source.duration:
        # In FFmpeg's AV_TIME_BASE, microseconds.
        return source.duration / 1_000_000
    source.seek(0)
    start, end = _span(source, stream)
    return float(end - start)


def _heard(source: InputContainer) -> None:
    if not source.streams.audio:
        raise Unusable("it has no sound")
    if next(source.decode(source.streams.audio[0]), None) is None:
        raise Unusable("its sound cannot be decoded")


def extent(path: Path, rate: Fraction) -> Extent:
    """Return how much of a video is shown, from its packets alone. Raises FFmpeg's errors and `ValueError`."""
    with reading(path) as source:
        stream = picture_of(source)
        if stream is None:
            raise ValueError(f"{path.name} holds no video")
        start, end = _span(source, stream)
        return Extent(max(round((end - start) * rate), 1), start, bool(source.streams.audio))


def _span(source: InputContainer, stream: VideoStream) -> tuple[Fraction, Fraction]:
    """Return the times in seconds at which the first picture is shown, and the last one no longer."""
    base, usual = stream.time_base or Fraction(0), 1 / (stream.average_rate or Fraction(30))
    first: Fraction | None = None
    end = Fraction(0)
    for packet in source.demux(stream):
        if packet.pts is None or packet.is_discard:
            continue
        at = packet.pts * base
        first = at if first is None else min(first, at)
        end = max(end, at + ((packet.duration or 0) * base or usual))
    return first or Fraction(0), end
