"""A video that is made of several, with its sound: measured first, then written frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwork_plugins.finishing import joined, soundtrack
from reelwork_plugins.finishing.joined import Look, Part
from reelwork_plugins.finishing.one_pass import Progress
from reelwork_plugins.finishing.soundtrack import Music, Track

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

_COPIED = {"h264", "hevc", "av1"}
"""Codecs of pictures that an MP4 file takes, and players with it."""


@dataclass(frozen=True)
class Whole:
    """Everything about a video that is to be made, apart from its pictures and sounds."""

    look: Look
    parts: tuple[Part, ...]
    track: Track

    def seconds(self, frame: int) -> float:
        """Return the time at which a frame is shown."""
        return float(frame / self.look.rate)


def measured(paths: Sequence[Path], own: Path, fade: float, music: Music | None) -> Whole:
    """Return the whole that these videos make, which gets the size, rates and colours of `own`.

    `fade` is the length of a cross-fade in seconds; 0 without one. Raises FFmpeg's errors, `OSError` and
    `ValueError`.
    """
    look = joined.look_of(own)
    parts = joined.parts_of(paths, look.rate, fade)
    return Whole(look, parts, Track(parts, music, soundtrack.rate_of(own), look.rate))


def write(whole: Whole, source: InputContainer, target: OutputContainer, quality: int, progress: Progress) -> None:
    """Write the whole into a file. `source` is the video that is its only part, if it has one part.

    Raises FFmpeg's errors, `OSError` and `ValueError`.
    """
    if whole.track.music is not None and _can_be_copied(whole, source.streams.video[0]):
        _copy(whole, source, target, progress)
        return
    picture = joined.add_encoder(target, whole.look, quality)
    voice = _Voice(target, whole.track) if whole.track.heard else None
    for number, frame in enumerate(joined.pictures(whole.parts, whole.look), 1):
        target.mux(picture.encode(frame))
        # Sound and picture in turn: a muxer keeps in memory what comes too early.
        if voice is not None:
            voice.write(whole.seconds(number))
        progress(100.0 * number / whole.parts[-1].ends)
    target.mux(picture.encode(None))
    if voice is not None:
        voice.end()


def _can_be_copied(whole: Whole, stream: VideoStream) -> bool:
    # Sounds are written from the first picture on. A picture that begins later than its file would lose them.
    return len(whole.parts) == 1 and not whole.parts[0].extent.start and stream.codec_context.name in _COPIED


def _copy(whole: Whole, source: InputContainer, target: OutputContainer, progress: Progress) -> None:
    """Write the picture as it is, and the sound."""
    stream = source.streams.video[0]
    copied = target.add_stream_from_template(stream)
    voice = _Voice(target, whole.track)
    for packet in source.demux(stream):
        if packet.dts is None:
            continue
        shown = float(packet.dts * (packet.time_base or 0))
        packet.stream = copied
        target.mux(packet)
        voice.write(shown)
        progress(min(max(100.0 * shown / whole.seconds(whole.parts[-1].ends), 0.0), 100.0))
    voice.end()


class _Voice:
    """The sound of a file that is written."""

    def __init__(self, target: OutputContainer, track: Track) -> None:
        self._target = target
        self._stream: AudioStream = soundtrack.add_encoder(target, track)
        self._sounds = soundtrack.mixed(track)
        self._written = 0.0

    def write(self, until: float) -> None:
        """Write the sound up to a time in seconds."""
        while self._written < until and (sound := next(self._sounds, None)) is not None:
            self._target.mux(self._stream.encode(sound))
            self._written = (sound.time or 0.0) + sound.samples / sound.sample_rate

    def end(self) -> None:
        """Write what is left."""
        self.write(float("inf"))
        self._target.mux(self._stream.encode(None))
