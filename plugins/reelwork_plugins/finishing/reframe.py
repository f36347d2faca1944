"""`reframe`: brings the video into the shape that a destination takes."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from reelwork_hooks import Asset, Clip, Config, Job, Phase, Plugin, Problem, ReelworkError, Role, hookimpl
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.keyframes import (
    Course,
    Keyframe,
    KeyframesInvalid,
    check,
    course_of,
    parsed,
    placed,
)
from reelwork_plugins.finishing.moving import Moving
from reelwork_plugins.finishing.one_pass import OnePass, Progress, even, opened, recipe, then
from reelwork_plugins.finishing.pixels import Size
from reelwork_plugins.finishing.timeline import timeline_of

if TYPE_CHECKING:
    from av.filter.context import FilterContext
    from av.filter.graph import Graph

# A file of this name is used again. So a change of the code that gives another video needs another number.
_RECIPE = "3"
"""Part of the file's name."""
# A blur of the whole picture costs as much as the encoding; of a small one, enlarged, it is the same to the eye.
_SMALL = 16
"""The part of the background's sides in which it is blurred."""
_SIGMA = 4
"""Pixels of the small background."""
_MOMENT = 0.1
"""Seconds by which the last keyframe may be after the end: few videos have exactly the length asked for."""
_MIDDLE = 0.5
_NO_WINDOW = "`pad` shows the whole picture, so there is no window that keyframes could move"


class ReframeConfig(Config):
    """Settings of `reframe`."""

    mode: Literal["crop", "pad"] = "crop"
    """`crop` cuts a window out of the picture. `pad` shows all of it, smaller, before a blurred background."""
    focus_x: Annotated[float, Field(ge=0, le=1)] = _MIDDLE
    """Where the window is, from 0 (the left edge) to 1 (the right edge)."""
    focus_y: Annotated[float, Field(ge=0, le=1)] = _MIDDLE
    """The same from 0 (the top) to 1 (the bottom)."""
    keyframes: tuple[Keyframe, ...] = ()
    """Times, and where the window of `crop` is then: `[{ at = 0, focus_x = 0.2 }, { at = 2.5, focus_x = 0.8 }]`. It
    moves from each to the next, and rests before the first and after the last. A brief's `vars.keyframes`
    come first."""
    ease: Literal["linear", "smooth"] = "linear"
    """The speed between keyframes: `linear` is even, `smooth` starts and stops slowly."""
    short_side: Annotated[int, Field(ge=64, le=4320)] | None = None
    """Pixels of the shorter side. By default no pixel is enlarged by `crop`, and `pad` keeps the video's."""
    quality: Annotated[int, Field(ge=0, le=40)] = 18
    """The encoder's rate factor: lower is better and larger; 18 looks like the original."""

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if not self.keyframes:
            return self
        if self.mode != "crop":
            raise ValueError(f'keyframes: {_NO_WINDOW}: leave them out, or set mode = "crop"')
        check(self.keyframes)
        for name in ("focus_x", "focus_y"):
            # By its value: settings that were stored with a run have all keys.
            if getattr(self, name) != _MIDDLE and getattr(self.keyframes[0], name) is not None:
                raise ValueError(f"{name} is set, and keyframes set it too: leave out one of them")
        return self

    def course(self, keyframes: tuple[Keyframe, ...]) -> Course | None:
        """Return where the window goes; None where it stays."""
        if not keyframes:
            return None
        return course_of(keyframes, self.focus_x, self.focus_y, smooth=self.ease == "smooth")


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
    def check_brief(self, job: Job) -> list[Problem]:
        """Return a problem when no window can follow the keyframes, or one is after the end of the video."""
        try:
            course, seconds = self._course(job), job.spec.duration
        except KeyframesInvalid as error:
            return [Problem(message=str(error), hint="Correct the keyframes.")]
        if course is None or course.ends <= seconds or not _shapes(job):
            return []
        return [
            Problem(
                message=f"keyframes: the last one is at {course.ends:g} s; the video has {seconds:g} s",
                hint="Leave it out, give it an earlier time, or ask for a longer video.",
            )
        ]

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        """Return the clip with its video in the target's shape. Calling it again gives the same file.

        Raises `NotReframed` when the video cannot be decoded or encoded.
        """
        ratio = job.target.aspect_ratio
        if ratio is None or "aspect_ratio" not in job.target.unmet(clip.video):
            return None
        course = self._moved(clip, job)

        def progress(percent: float) -> None:
            self.context.progress(job, percent, f"reframing to {ratio}")

        def write(part: Path) -> None:
            _write(clip.video, part, Fraction(ratio.replace(":", "/")), self.config, progress, course)

        path = made_once(self.context.work_dir, self._name(clip.video, ratio, course), ".mp4", write)
        return clip.with_video(Asset.from_file(path, Role.VIDEO))

    def _name(self, video: Asset, ratio: str, course: Course | None) -> str:
        # By the course, not by what it was written as: a brief's keyframes are none of the settings.
        settings = self.config.model_dump_json(exclude={"keyframes", "ease"})
        return recipe(_RECIPE, video.sha256, ratio, settings, *([] if course is None else [course]))

    def _course(self, job: Job) -> Course | None:
        """Return where the window goes, in the times of the render. Raises `KeyframesInvalid`."""
        text = str(job.brief.vars.get("keyframes", ""))
        if not text.strip():
            return self.config.course(self.config.keyframes)
        try:
            if self.config.mode != "crop":
                raise KeyframesInvalid(f"{_NO_WINDOW}: leave them out")
            return self.config.course(parsed(text))
        except KeyframesInvalid as error:
            raise KeyframesInvalid(f"vars.keyframes: {error}") from error

    def _moved(self, clip: Clip, job: Job) -> Course | None:
        """Return where the window goes, in the times of the clip. Raises `NotReframed`."""
        try:
            course = self._course(job)
        except KeyframesInvalid as error:
            raise NotReframed(f"reframe: {error}", hint="Correct them, and run the row again.") from error
        if course is None:
            return None
        course = course.later(timeline_of(clip).render_starts)
        if clip.video.duration and course.ends > clip.video.duration + _MOMENT:
            self.context.log.warning(
                "%s has %.1f s: the window does not reach its last keyframe, at %g s",
                *(clip.video.path, clip.video.duration, course.ends),
            )
        return course


def _shapes(job: Job) -> bool:
    """Return whether a destination of a job takes another shape than that of the render."""
    made = job.spec
    left = (
        target.beyond(aspect_ratio=made.aspect_ratio, duration=made.duration) for target in job.takes_at.values()
    )
    return any(target.aspect_ratio for target in left)


def _write(
    video: Asset,
    part: Path,
    ratio: Fraction,
    config: ReframeConfig,
    progress: Progress,
    course: Course | None = None,
) -> None:
    def filters(graph: Graph, at: FilterContext, whole: Size) -> tuple[FilterContext, Size]:
        if course is not None:
            return at, _shown(_window(whole, ratio), ratio, config)
        return (_cropped if config.mode == "crop" else _padded)(graph, at, whole, ratio, config)

    stage = None if course is None else partial(Moving, course, lambda whole: _window(whole, ratio))
    with opened(video, part, lambda why: _failed(video, why)) as (source, target):
        OnePass(source, target, config.quality, filters=filters, stage=stage).run(video.duration or 0.0, progress)


def _failed(video: Asset, why: str) -> NotReframed:
    return NotReframed(
        f"reframe: {video.path} could not be reframed: {why}",
        hint="Play the file to see whether it is whole; `reelwork resume` tries again.",
    )


def _cropped(
    graph: Graph, at: FilterContext, whole: Size, ratio: Fraction, config: ReframeConfig
) -> tuple[FilterContext, Size]:
    """Cut the largest window of the shape out of the picture."""
    window = _window(whole, ratio)
    x = placed(whole.width - window.width, config.focus_x)
    y = placed(whole.height - window.height, config.focus_y)
    at = then(graph, at, "crop", f"{window}:{x}:{y}")
    size = _shown(window, ratio, config)
    return (at if size == window else then(graph, at, "scale", f"{size}:flags=lanczos")), size


def _window(whole: Size, ratio: Fraction) -> Size:
    """Return the largest size of a shape within a picture."""
    width = min(_floor(whole.width), even(whole.height * ratio))
    return Size(width, min(_floor(whole.height), even(whole.width / ratio)))


def _shown(window: Size, ratio: Fraction, config: ReframeConfig) -> Size:
    """Return the size in which a window is shown."""
    return window if config.short_side is None else _sized(config.short_side, ratio)


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
        "overlay", f"{placed(size.width - inner.width, 0.5)}:{placed(size.height - inner.height, 0.5)}"
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
