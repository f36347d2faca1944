"""`watermark`: a picture, such as a logo, in a corner of the whole video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from reelwork_hooks import (
    Asset,
    Clip,
    Config,
    Job,
    Phase,
    Platform,
    Plugin,
    Problem,
    ReelworkError,
    Role,
    hookimpl,
)
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.one_pass import OnePass, Progress, opened, recipe, upright_alone
from reelwork_plugins.finishing.overlays import Overlay, laid_over
from reelwork_plugins.finishing.pixels import Size

if TYPE_CHECKING:
    from PIL.Image import Image

# A file of this name is used again. So a change of the code that gives another video needs another number.
_RECIPE = "2"
"""Part of the file's name."""
_MOST_PIXELS = 40_000_000
"""Of the picture: more than any video has, and less than fills a memory."""
_HINT = "Give a PNG, WebP or JPEG file as `picture` in [plugin.watermark]."


class WatermarkConfig(Config):
    """Settings of `watermark`."""

    picture: Path
    """The picture, relative to the workflow's folder: PNG, WebP and others. Its transparent parts stay
    transparent."""
    corner: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "bottom-right"
    """The corner of the video."""
    width: Annotated[float, Field(ge=0.01, le=1)] = 0.15
    """Its width, as a fraction of the video's width."""
    margin: Annotated[float, Field(ge=0, le=0.4)] = 0.03
    """The distance to both edges, as a fraction of the video's width."""
    opacity: Annotated[float, Field(gt=0, le=1)] = 0.8
    """1 shows the picture as it is. Less lets the video show through."""
    # TikTok forbids it, and takes such videos down.
    without: tuple[str, ...] = ("tiktok",)
    """Platforms whose videos get no watermark. TikTok's rules forbid brand marks over a video."""
    quality: Annotated[int, Field(ge=0, le=40)] = 18
    """The encoder's rate factor. Lower is better and larger. 18 looks like the original."""


class NotMarked(ReelworkError):
    """The picture could not be laid over the video."""

    money = "The video is kept as downloaded; nothing was posted."


class _Unusable(Exception):
    """The picture cannot be used."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the picture {path} cannot be used: {why}")


class Watermark(Plugin):
    """Puts a picture, such as a logo, over a corner of the whole video. The sound is copied.

    Its size and margin are fractions of the video's width, so it looks the same in all resolutions.
    """

    Config = WatermarkConfig
    phase = Phase.EDIT
    may_change = ()
    config: WatermarkConfig

    @hookimpl
    def check_brief(self, job: Job) -> list[Problem]:
        """Return a problem when the picture cannot be read."""
        if not self.marks_video(job.platform):
            return []
        try:
            self._picture()
        except _Unusable as error:
            return [Problem(message=str(error), hint=_HINT)]
        return []

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        """Return the clip with the picture over its video. Calling it again gives the same file.

        Raises `NotMarked` when the picture or the video cannot be read.
        """
        if not self.marks_video(job.platform):
            return None
        video = clip.video
        try:
            picture = self._picture()
        except _Unusable as error:
            raise NotMarked(f"watermark: {error}", hint=f"{_HINT} Then run `reelwork resume`.") from error

        def progress(percent: float) -> None:
            self.context.progress(job, percent, "adding the watermark")

        def write(part: Path) -> None:
            _write(video, part, picture, self.config, progress)

        # The picture by its pixels, not by its name: another one may be put there.
        facts = (video.sha256, Asset.from_file(self._path, Role.SIDECAR).sha256, self.config.model_dump_json())
        path = made_once(self.context.work_dir, recipe(_RECIPE, *facts), ".mp4", write)
        return clip.with_video(Asset.from_file(path, Role.VIDEO))

    def marks_video(self, platform: Platform | None) -> bool:
        """Return whether the videos of a platform get the picture."""
        return platform is None or platform.name not in self.config.without

    @property
    def _path(self) -> Path:
        return (self.context.base_dir / self.config.picture.expanduser()).resolve()

    def _picture(self) -> Image:
        """Return the picture, upright. Raises `_Unusable`."""
        from PIL import Image, ImageOps

        try:
            with Image.open(self._path) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    raise _Unusable(self._path, f"it has more than {_MOST_PIXELS // 1_000_000} megapixels")
                return ImageOps.exif_transpose(picture).convert("RGBA")
        except FileNotFoundError as error:
            raise _Unusable(self._path, "there is no such file") from error
        # Pillow raises SyntaxError and others for files that only begin like a picture.
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise _Unusable(self._path, "it cannot be read as a picture") from error


def _write(video: Asset, part: Path, picture: Image, config: WatermarkConfig, progress: Progress) -> None:
    laid: list[Overlay] = []

    def over(_: float, size: Size) -> Overlay:
        if not laid:
            laid.append(_placed(picture, size, config))
        return laid[0]

    def failed(why: str) -> NotMarked:
        return NotMarked(
            f"watermark: the picture could not be put over {video.path}: {why}",
            hint="Play the file to see whether it is whole; `reelwork resume` tries again.",
        )

    with opened(video, part, failed) as (source, target):
        one_pass = OnePass(source, target, config.quality, filters=upright_alone, stage=laid_over(over))
        one_pass.run(video.duration or 0.0, progress)


def _placed(picture: Image, size: Size, config: WatermarkConfig) -> Overlay:
    """Return the picture in its size, at its corner, with its opacity."""
    from PIL import Image

    margin = round(size.width * config.margin)
    # A tall picture on a wide video must not leave it.
    room_x, room_y = max(size.width - 2 * margin, 2), max(size.height - 2 * margin, 2)
    width = min(size.width * config.width, room_x, room_y * picture.width / picture.height)
    shape = (max(round(width), 1), max(round(width * picture.height / picture.width), 1))
    # Premultiplied while it is scaled, or the colour of its see-through parts would shine at its edges.
    small = picture.convert("RGBa").resize(shape, Image.Resampling.LANCZOS).convert("RGBA")
    small.putalpha(small.getchannel("A").point([round(value * config.opacity) for value in range(256)]))
    left, top = "left" in config.corner, "top" in config.corner
    x = margin if left else size.width - margin - shape[0]
    y = margin if top else size.height - margin - shape[1]
    return Overlay(small, max(x - x % 2, 0), max(y - y % 2, 0))
