"""Writes a video that is within limits: by one pass over it, or by several until its bytes fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from reelwork_hooks import Asset, ReelworkError
from reelwork_plugins.finishing.one_pass import BT709, UNSAID, OnePass, Progress, opened, then, upright_alone
from reelwork_plugins.finishing.pixels import Size
from reelwork_plugins.finishing.rewrap import rewrap
from reelwork_plugins.finishing.size_search import SizeSearch, Try
from reelwork_plugins.finishing.sound import Copied, Encoded, Sound
from reelwork_plugins.finishing.video_facts import VideoFacts
from reelwork_plugins.finishing.video_limits import CODECS, Limits, sides

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.filter.context import FilterContext
    from av.filter.graph import Graph

_LINES = (2160, 1440, 1080, 720, 540, 480, 360, 240, 144)
"""The shorter sides to which a video is made smaller for its bytes."""
_HIGH = 720
"""Pixels of the shorter side from which players take a video that does not say for BT.709."""
_COPYING = 5.0
"""The per cent of the work that copying a picture takes, beside encoding it."""
_NTSC = Fraction(1000, 1001)
"""The part of a whole frame rate that people write as 23.976, 29.97 or 59.94."""

Tell = Callable[[float, str], None]
"""Reports the per cent done, and what is being done."""


class NotTranscoded(ReelworkError):
    """The video could not be brought within the limits."""

    money = "The video is kept as downloaded; nothing was posted."


@dataclass(frozen=True)
class Qualities:
    """The rate factors between which a video is encoded, and how small its picture may become."""

    best: float
    worst: float
    least_short_side: int


class Transcoding:
    """One video on its way into its limits."""

    def __init__(self, video: Asset, facts: VideoFacts, limits: Limits, qualities: Qualities, tell: Tell) -> None:
        self._video, self._facts, self._limits, self._qualities = video, facts, limits, qualities
        self._tell = tell
        self._sound = limits.sound_rate(facts)

    def write(self, part: Path) -> None:
        """Write the video within its limits into a file. Raises `NotTranscoded`."""
        room = self._limits.room
        if self._must_encode() or not self._rewrapped(part, room):
            self._write_encoded(part, room)
        self._tell(100.0, "transcoded")

    def _write_encoded(self, part: Path, room: int | None) -> None:
        if room is None:
            self._encode(part, Try(self._scales()[0], self._qualities.best), _COPYING, 100.0)
        else:
            self._search(part, room)

    def _must_encode(self) -> bool:
        problems = self._limits.picture_problems(self._facts, self._video.bytes)
        # An MP4 file has no place for every codec of other files.
        foreign = not self._facts.mp4 and self._facts.codec not in CODECS
        return self._limits.quality is not None or foreign or any(problems)

    def _scales(self) -> list[Fraction]:
        return sides(self._facts, self._limits.long_side, self._qualities.least_short_side, _LINES)

    def _search(self, part: Path, room: int) -> None:
        """Encode until the bytes fit. The best file so far is at `part`."""
        beside = min(self._sound_bytes(), room // 2)
        given, best, worst = self._video.bytes - beside, self._qualities.best, self._qualities.worst
        search = SizeSearch(room - beside, self._scales(), best, worst, given)
        done = _COPYING
        while (tried := search.next()) is not None:
            step = (100.0 - done) / 2
            with _scratch(part.parent) as made:
                self._encode(made, tried, done, done + step)
                if search.add(tried, made.stat().st_size - beside):
                    made.replace(part)
            done += step
        if search.found is None:
            raise self._too_large(min(made.bytes for made in search.made) + beside, room)

    def _sound_bytes(self) -> int:
        sound = self._facts.sound
        rate = 0 if sound is None else self._sound or sound.bit_rate
        return int(rate * self._facts.seconds / 8)

    def _rewrapped(self, part: Path, room: int | None) -> bool:
        """Write a new file around the picture. Return whether it fits."""
        with opened(self._video, part, self._failed) as (source, target):
            rewrap(source, target, self._sounds, self._facts.seconds, self._progress(0.0, _COPYING, "copying"))
        return room is None or part.stat().st_size <= room

    def _encode(self, part: Path, tried: Try, start: float, end: float) -> None:
        codec = self._codec()
        fps = None if self._limits.fps is None else _rate(self._limits.fps)
        text = f"encoding to {codec}: {self._lines(tried.scale)} lines at quality {tried.quality:g}"
        progress = self._progress(start, end, text)
        with opened(self._video, part, self._failed) as (source, target):
            made = OnePass(
                source,
                target,
                tried.quality,
                filters=lambda graph, at, whole: _smaller(graph, at, whole, tried.scale, fps),
                sounds=self._sounds,
                codec=codec,
                fps=fps,
                unsaid=self._colours(tried.scale),
            )
            made.run(self._facts.seconds, progress)

    def _colours(self, scale: Fraction) -> int:
        """Return the colours of a picture that does not say which it has."""
        # A player takes the colours of a large picture for BT.709 and those of a small one for BT.601. What became
        # small must say which it has.
        return BT709 if self._lines(Fraction(1)) >= _HIGH > self._lines(scale) else UNSAID

    def _lines(self, scale: Fraction) -> int:
        return round(min(self._facts.size.width, self._facts.size.height) * scale)

    def _codec(self) -> str:
        codec = self._limits.codec_for(self._facts)
        if codec is None:
            taken = " or ".join(self._limits.codecs)
            raise NotTranscoded(
                f"transcode: {self._video.path} is {self._facts.codec}, and the destination takes {taken}. Only "
                f"{' and '.join(CODECS)} can be made",
                hint=f"Let the destination's `codecs` have {CODECS[0]}, or leave the destination out.",
            )
        return codec

    def _progress(self, start: float, end: float, text: str) -> Progress:
        return lambda percent: self._tell(start + (end - start) * percent / 100, text)

    def _sounds(self, target: OutputContainer, source: InputContainer) -> dict[int, Sound]:
        # Only the first sound is played by everything.
        stream = next(iter(source.streams.audio), None)
        if stream is None:
            return {}
        return {
            stream.index: Copied(target, stream) if self._sound is None else Encoded(target, stream, self._sound)
        }

    def _failed(self, why: str) -> NotTranscoded:
        return _failed(self._video, why)

    def _too_large(self, least: int, room: int) -> NotTranscoded:
        size, worst, lines = self._facts.size, self._qualities.worst, self._lines(self._scales()[-1])
        return NotTranscoded(
            f"transcode: {self._video.path} cannot be made small enough. {room:,} bytes are free below the limit "
            f"of {self._limits.most_bytes:,}; its {self._facts.seconds:.1f} s of {size.width}x{size.height} have "
            f"{least:,} at quality {worst:g} and {lines} lines, the least allowed",
            hint="Make a shorter video, allow a higher `worst_quality` or a smaller `least_short_side`, or leave "
            "the destination out. Then run `reelwork resume`.",
        )


def _smaller(
    graph: Graph, at: FilterContext, whole: Size, scale: Fraction, fps: Fraction | None
) -> tuple[FilterContext, Size]:
    """Add the filters to a frame rate and to a part of the sides."""
    if fps is not None:
        at = then(graph, at, "fps", f"{fps}")
    if scale == 1:
        return upright_alone(graph, at, whole)
    size = Size(_floor(whole.width * scale), _floor(whole.height * scale))
    at = then(graph, at, "scale", f"{size}:flags=lanczos")
    return then(graph, at, "setsar", "1"), size


def _rate(fps: float) -> Fraction:
    """Return the frame rate that is meant."""
    broadcast = round(fps / _NTSC) * _NTSC
    return broadcast if abs(broadcast - fps) < 0.005 else Fraction(fps).limit_denominator(1000)


def _floor(number: Fraction) -> int:
    # Rounded up, a side could be longer than it may be.
    return max(int(number) - int(number) % 2, 2)


@contextmanager
def reading(video: Asset) -> Iterator[None]:
    """Raise what goes wrong while a video is read as `NotTranscoded`."""
    from av.error import FFmpegError

    try:
        yield
    except (OSError, ValueError, FFmpegError) as error:
        raise _failed(video, str(error)) from error


def _failed(video: Asset, why: str) -> NotTranscoded:
    return NotTranscoded(
        f"transcode: {video.path} could not be transcoded: {why}",
        hint="Play the file to see whether it is whole; `reelwork resume` tries again.",
    )


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    # A name by which it is removed if this process is killed.
    path = folder / f".{uuid4().hex}.part"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
