"""`reframe`: brings the video into the shape that a destination takes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from reelwork_hooks import Asset, Clip, Config, Job, Phase, Plugin, ReelworkError, Role, hookimpl
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.one_pass import OnePass, Progress, even, opened, recipe, then
from reelwork_plugins.finishing.pixels import Size

if TYPE_CHECKING:
    from av.filter.context import FilterContext
    from av.filter.graph import Graph

# A file of this name is used again. So a change of the code that gives another video needs another number.
_RECIPE = "2"
"""Part of the file's name."""
# A blur of the whole picture costs as much as the encoding; of a small one, enlarged, it is the same to the eye.
_SMALL = 16
"""The part of the background's sides in which it is blurred."""
_SIGMA = 4
"""Pixels of the small background."""


class ReframeConfig(Config):
    """Settings of `reframe`."""

    mode: Literal["crop", "pad"] = "crop"
    """`crop` cuts a window out of the picture. `pad` shows all of it, smaller, before a blurred background."""
    focus_x: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Where the window is, from 0 (the left edge) to 1 (the right edge)."""
    focus_y: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The same from 0 (the top) to 1 (the bottom)."""
    short_side: Annotated[int, Field(ge=64, le=4320)] | None = None
    """Pixels of the shorter side. By default no pixel is enlarged by `crop`, and `pad` keeps the video's."""
    quality: Annotated[int, Field(ge=0, le=40)] = 18
    """The encoder's rate factor: lower is better and larger; 18 looks like the original."""


class NotReframed(ReelworkError):
    """The video could not be reframed."""

    money = "The video is kept as downloaded; nothing was posted."


class Reframe(Plugin):
    """Brings the video into the shape of `job.target`: by a window that is cut out, or before a blurred background.

    A video that has the shape already, or is asked for none, stays as it is. The sound is copied.
    """

    Config = ReframeConfig
    phase = Phase.EDIT
    may_change = ("size",)
    fits = ("aspect_ratio",)
    config: ReframeConfig

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        """Return the clip with its video in the target's shape. Calling it again gives the same file.

        Raises `NotReframed` when the video cannot be decoded or encoded.
        """
        ratio = job.target.aspect_ratio
        if ratio is None or "aspect_ratio" not in job.target.unmet(clip.video):
            return None

        def progress(percent: float) -> None:
            self.context.progress(job, percent, f"reframing to {ratio}")

        def write(part: Path) -> None:
            _write(clip.video, part, Fraction(ratio.replace(":", "/")), self.config, progress)

        path = made_once(self.context.work_dir, self._name(clip.video, ratio), ".mp4", write)
        return clip.with_video(Asset.from_file(path, Role.VIDEO))

    def _name(self, video: Asset, ratio: str) -> str:
        return recipe(_RECIPE, video.sha256, ratio, self.config.model_dump_json())


def _write(video: Asset, part: Path, ratio: Fraction, config: ReframeConfig, progress: Progress) -> None:
    def filters(graph: Graph, at: FilterContext, whole: Size) -> tuple[FilterContext, Size]:
        return (_cropped if config.mode == "crop" else _padded)(graph, at, whole, ratio, config)

    with opened(video, part, lambda why: _failed(video, why)) as (source, target):
        OnePass(source, target, config.quality, filters=filters).run(video.duration or 0.0, progress)


def _failed(video: Asset, why: str) -> NotReframed:
    return NotReframed(
        f"reframe: {video.path} could not be reframed: {why}",
        hint="Play the file to see whether it is whole; `reelwork resume` tries again.",
    )


def _cropped(
    graph: Graph, at: FilterContext, whole: Size, ratio: Fraction, config: ReframeConfig
) -> tuple[FilterContext, Size]:
    """Cut the largest window of the shape out of the picture."""
    width = min(_floor(whole.width), even(whole.height * ratio))
    height = min(_floor(whole.height), even(whole.width / ratio))
    x, y = _placed(whole.width - width, config.focus_x), _placed(whole.height - height, config.focus_y)
    at = then(graph, at, "crop", f"{width}:{height}:{x}:{y}")
    if config.short_side is None:
        return at, Size(width, height)
    size = _sized(config.short_side, ratio)
    return then(graph, at, "scale", f"{size}:flags=lanczos"), size


def _padded(
    graph: Graph, at: FilterContext, whole: Size, ratio: Fraction, config: ReframeConfig
) -> tuple[FilterContext, Size]:
    """Show the whole picture before an enlarged, blurred one."""
    size = _sized(config.short_side or min(whole.width, whole.height), ratio)
    split = then(graph, at, "split", "2")
    small = Size(max(even(Fraction(size.width, _SMALL)), 2), max(even(Fraction(size.height, _SMALL)), 2))
    back = graph.add("scale", f"{small}:force_original_aspect_ratio=increase")
    split.link_to(back, 0, 0)
    for name, arguments in (("crop", f"{small}"), ("gblur", f"{_SIGMA}"), ("scale", f"{size}:flags=bicubic")):
        back = then(graph, back, name, arguments)
    back = then(graph, back, "setsar", "1")
    part = min(Fraction(size.width, whole.width), Fraction(size.height, whole.height))
    inner = Size(min(even(whole.width * part), size.width), min(even(whole.height * part), size.height))
    front = graph.add("scale", f"{inner}:flags=lanczos")
    split.link_to(front, 1, 0)
    front = then(graph, front, "setsar", "1")
    over = graph.add(
        "overlay", f"{_placed(size.width - inner.width, 0.5)}:{_placed(size.height - inner.height, 0.5)}"
    )
    back.link_to(over, 0, 0)
    front.link_to(over, 0, 1)
    return over, size


def _sized(short: int, ratio: Fraction) -> Size:
    """Return the size with this shorter side."""
    one = Fraction(1)
    return Size(even(short * max(ratio, one)), even(short / min(ratio, one)))


def _floor(number: int) -> int:
    return number - number % 2


def _placed(room: int, focus: float) -> int:
    return _floor(round(room * focus))
