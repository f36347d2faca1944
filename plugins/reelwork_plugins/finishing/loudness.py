"""`loudness`: brings the sound to the level that networks play."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from pydantic import Field

from reelwork_hooks import Asset, Clip, Config, Job, Phase, Plugin, ReelworkError, Role, hookimpl
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.levels import Change, Level, measured, write_sound
from reelwork_plugins.finishing.one_pass import Failed, Progress, opened, recipe

if TYPE_CHECKING:
    from av.container import OutputContainer

# A file of this name is used again. So a change of the code that gives another sound needs another number.
_RECIPE = "1"
"""Part of the file's name."""
_NEAR = 0.2
"""LU and dB by which a sound may miss its target; nobody hears them."""
# A limiter takes loudness away, and an encoder adds peaks. How much is known only by listening to the result.
_ROUNDS = 6
"""Times the sound is written, each with what the last one missed."""
_WEBM = {"vp8", "vp9", "av1"}


class LoudnessConfig(Config):
    """Settings of `loudness`."""

    target: Annotated[float, Field(ge=-40, le=-5)] = -14.0
    """The loudness of the whole clip in LUFS, by EBU R 128."""
    peak: Annotated[float, Field(ge=-9, le=0)] = -1.0
    """The highest true peak in dBTP. A limiter holds down higher peaks."""
    most_gain: Annotated[float, Field(ge=0, le=60)] = 30.0
    """The most gain in dB. A sound that is nearly silent is mostly noise."""


class NotLevelled(ReelworkError):
    """The sound could not be changed."""

    money = "The video is kept as downloaded; nothing was posted."


class Loudness(Plugin):
    """Changes the sound to a target loudness and true peak. The picture is copied, not encoded again.

    A clip without sound, a silent clip and a clip at its target are not changed.
    """

    Config = LoudnessConfig
    phase = Phase.EDIT
    may_change = ()
    config: LoudnessConfig

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        """Return the clip with its sound at the target. Calling it again gives the same file.

        Raises `NotLevelled` when the sound cannot be decoded or encoded.
        """
        kind = _kind(clip.video)
        if kind is None:
            return None

        def progress(percent: float) -> None:
            self.context.progress(job, percent, f"changing the sound to {self.config.target:g} LUFS")

        video, folder = clip.video, self.context.work_dir
        with _scratch(folder) as notes, _reading(video):
            level = measured(video.path, notes, lambda percent: progress(percent / 4))
        if level.silent or self._fits(level):
            return None

        def write(part: Path) -> None:
            with _scratch(folder) as sound:
                self._level(video, level, kind, sound, progress)
                _put_together(video, sound, part, kind.container)
            progress(100.0)

        name = recipe(_RECIPE, video.sha256, self.config.model_dump_json())
        path = made_once(folder, name, f".{kind.container}", write)
        return clip.with_video(Asset.from_file(path, Role.VIDEO))

    def _fits(self, level: Level) -> bool:
        return abs(level.lufs - self._target(level)) <= _NEAR and level.peak <= self.config.peak

    def _target(self, level: Level) -> float:
        return min(self.config.target, level.lufs + self.config.most_gain)

    def _level(self, video: Asset, before: Level, kind: _Kind, sound: Path, progress: Progress) -> None:
        """Write the sound until it is measured at its target."""
        target, peak = self._target(before), self.config.peak
        gain, limit = target - before.lufs, peak
        after = Level(before.lufs + gain, before.peak + gain)
        done = 25.0
        for _ in range(_ROUNDS):
            change = Change(gain, limit if before.peak + gain > limit else None)
            step = (100.0 - done) / 4

            def tell(percent: float, done: float = done, step: float = step) -> None:
                progress(done + step * percent / 100)

            with _scratch(sound.parent) as notes, _reading(video):
                write_sound(video.path, sound, kind.codec, change, tell)
                after = measured(sound, notes, lambda _: None)
            done += step
            if abs(after.lufs - target) <= _NEAR / 2 and after.peak <= peak:
                break
            gain += target - after.lufs
            limit -= max(after.peak - peak, 0.0)
        if abs(after.lufs - target) > _NEAR or after.peak > peak + _NEAR:
            self.context.log.warning(
                "%s has %.1f LUFS and %.1f dBTP; %g and %g could not be reached",
                *(video.path, after.lufs, after.peak, target, peak),
            )


@dataclass(frozen=True)
class _Kind:
    """The container of a video that is written, and the codec of its sound."""

    container: str
    codec: str


def _kind(video: Asset) -> _Kind | None:
    """Return the kind of file that the picture can be copied to; None for a video without sound."""
    import av

    with _reading(video), av.open(str(video.path)) as source:
        if not source.streams.audio or not source.streams.video:
            return None
        web = "webm" in source.format.name and source.streams.video[0].codec_context.name in _WEBM
        return _Kind("webm", "libopus") if web else _Kind("mp4", "aac")


def _put_together(video: Asset, sound: Path, part: Path, container: str) -> None:
    """Write a file with the video's picture, as it is, and this sound."""
    import av

    failed = _failing(video)
    with opened(video, part, failed, container) as (source, target), av.open(str(sound)) as levelled:
        # Only the first sound is played by everything. What else a file has stays as it is.
        kept = (source.streams.video[0], *source.streams.audio[1:])
        streams = {stream.index: target.add_stream_from_template(stream) for stream in kept}
        first = target.add_stream_from_template(levelled.streams.audio[0])
        others = levelled.demux(levelled.streams.audio[0])
        waiting = next(others, None)
        for packet in source.demux(*kept):
            # In the order of their times: a muxer keeps in memory what comes too early.
            while waiting is not None and _time(waiting) <= _time(packet):
                _mux(target, waiting, first)
                waiting = next(others, None)
            _mux(target, packet, streams[packet.stream.index])
        while waiting is not None:
            _mux(target, waiting, first)
            waiting = next(others, None)


def _time(packet: Any) -> float:
    return float(packet.dts * packet.time_base) if packet.dts is not None else float("inf")


def _mux(target: OutputContainer, packet: Any, stream: Any) -> None:
    if packet.dts is not None:
        packet.stream = stream
        target.mux(packet)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    # A name by which it is removed if this process is killed.
    path = folder / f".{uuid4().hex}.part"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _reading(video: Asset) -> Iterator[None]:
    from av.error import FFmpegError

    try:
        yield
    except (OSError, ValueError, FFmpegError) as error:
        raise _failing(video)(str(error)) from error


def _failing(video: Asset) -> Failed:
    def failed(why: str) -> NotLevelled:
        return NotLevelled(
            f"loudness: the sound of {video.path} could not be changed: {why}",
            hint="Play the file to see whether it is whole; `reelwork resume` tries again.",
        )

    return failed
