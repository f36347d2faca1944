"""`transcode`: brings the video within the limits that a destination has for its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from reelwork_hooks import Asset, Clip, Config, Job, Phase, Plugin, Role, Target, hookimpl
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.one_pass import recipe
from reelwork_plugins.finishing.transcoding import Qualities, Transcoding, reading
from reelwork_plugins.finishing.video_facts import facts_of
from reelwork_plugins.finishing.video_limits import CODECS, Limits

# A file of this name is used again. So a change of the code that gives another video needs another number.
_RECIPE = "2"
"""Part of the file's name."""
_BEST = 18
"""The rate factor that looks like the original."""


class TranscodeConfig(Config):
    """Settings of `transcode`."""

    most_bytes: Annotated[int, Field(ge=1000)] | None = None
    """The largest file, for every destination. Of this and a destination's own limit the smaller counts."""
    codec: Literal["h264", "hevc"] | None = None
    """The codec of every video, unless a destination takes only others. By default a video keeps its own where it
    may."""
    quality: Annotated[int, Field(ge=0, le=51)] | None = None
    """Encode every video at this rate factor. Lower is better and larger. By default only what does not fit is
    encoded, at 18, which looks like the original."""
    worst_quality: Annotated[int, Field(ge=0, le=51)] = 32
    """The highest rate factor that is used to make a file smaller."""
    least_short_side: Annotated[int, Field(ge=64, le=4320)] = 360
    """Pixels of the shorter side below which a video is not made smaller for its bytes."""
    long_side: Annotated[int, Field(ge=64, le=8192)] | None = None
    """The most pixels of the longer side. A smaller video is not enlarged."""
    fps: Annotated[float, Field(ge=1, le=120)] | None = None
    """Frames per second. Frames are repeated or left out; the video keeps its speed."""
    sound_kbps: Annotated[int, Field(ge=24, le=512)] | None = None
    """The most kilobits per second of the sound. By default it is copied, or made smaller with the video."""


class Transcode(Plugin):
    """Brings a video within the limits that its destination has for a file: its codec and its bytes.

    A video that is within them already stays as it is, byte for byte.
    """

    Config = TranscodeConfig
    phase = Phase.EDIT
    fits = ("most_bytes", "codecs")
    writes_codecs = CODECS
    may_change = ("size", "fps")
    config: TranscodeConfig

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        """Return the clip with a video within the limits. Calling it again gives the same file.

        Raises `NotTranscoded` when the video cannot be decoded or encoded, or does not fit in any quality that the
        settings allow.
        """
        video, limits = clip.video, _limits(self.config, job.target)
        with reading(video):
            facts = facts_of(video.path)
        why = [*limits.picture_problems(facts, video.bytes), *limits.file_problems(facts)]
        if not why and limits.quality is None:
            self.context.log.info("%s is within its limits: it stays as it is", video.path)
            return None

        def tell(percent: float, text: str) -> None:
            self.context.progress(job, percent, text)

        def write(part: Path) -> None:
            Transcoding(video, facts, limits, self._qualities(), tell).write(part)

        path = made_once(self.context.work_dir, _name(video, limits, self.config), ".mp4", write)
        made = Asset.from_file(path, Role.VIDEO)
        if not why and made.bytes >= video.bytes:
            self.context.log.info("%s is smaller than at quality %g: it stays as it is", video.path, limits.quality)
            return None
        self.context.log.info(
            "%s was made anew, with %d bytes: %s", video.path, made.bytes, "; ".join(why) or "for its quality"
        )
        return clip.with_video(made)

    def _qualities(self) -> Qualities:
        config = self.config
        best = _BEST if config.quality is None else config.quality
        return Qualities(best, max(config.worst_quality, best), config.least_short_side)


def _limits(config: TranscodeConfig, target: Target) -> Limits:
    """Return the limits of a destination and the settings together."""
    taken = target.codecs
    own = (config.codec,) if config.codec is not None and (not taken or config.codec in taken) else taken
    most = min(filter(None, (config.most_bytes, target.most_bytes)), default=None)
    sound = None if config.sound_kbps is None else config.sound_kbps * 1000
    return Limits(own, most, config.long_side, config.fps, config.quality, sound)


def _name(video: Asset, limits: Limits, config: TranscodeConfig) -> str:
    return recipe(_RECIPE, video.sha256, limits.codecs, limits.most_bytes, config.model_dump_json())
