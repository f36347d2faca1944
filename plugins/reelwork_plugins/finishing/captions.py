"""`captions`: what is said, as a file beside the video or burnt into it."""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from reelwork_hooks import Asset, Clip, Config, Context, Job, Phase, Plugin, Problem, ReelworkError, Role, hookimpl
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.caption_card import Look, NotDrawable, fitted, overlay
from reelwork_plugins.finishing.cues import CaptionsInvalid, Cue, as_subrip, as_webvtt, decoded, parsed
from reelwork_plugins.finishing.one_pass import OnePass, Progress, opened, recipe, upright_alone
from reelwork_plugins.finishing.overlays import Overlay, laid_over
from reelwork_plugins.finishing.pixels import Size
from reelwork_plugins.finishing.timeline import timeline_of

# A file of this name is used again. So a change of the code that gives another file needs another number.
_RECIPE = "2"
"""Part of the file's name."""
_TYPES = {"vtt": "text/vtt", "srt": "application/x-subrip"}
_ENDINGS = (".srt", ".vtt")
# The time of a frame is a fraction; a cue that begins with it must not miss it by the last bit.
_A_BIT = 1e-6


class CaptionsConfig(Config):
    """Settings of `captions`."""

    mode: Literal["sidecar", "burn"] = "sidecar"
    """`sidecar` adds a file that viewers can switch on. `burn` draws the words into the video."""
    file: Path | None = None
    """An SRT or WebVTT file, relative to the workflow's folder. A brief's `vars.captions` comes first."""
    text: str = ""
    """The captions themselves, one in a line, such as `0 - 2.5 Good morning`. A brief's `vars.captions_text` comes
    first."""
    required: bool = True
    """Refuse a brief that has no captions. With `false` its video gets none."""
    encoding: str = "utf-8"
    """The encoding of files without a byte order mark, such as `windows-1252`."""
    language: Annotated[str, Field(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*$")] | None = None
    """The language of a sidecar, such as `en` or `pt-BR`. It becomes part of the file's name."""
    format: Literal["vtt", "srt"] = "vtt"
    """The format of a sidecar."""
    font: Path | None = None
    """A TTF, OTF or TTC file for `burn`, relative to the workflow's folder. By default DejaVu Sans, which has
    Latin, Greek, Cyrillic, Hebrew, Arabic and Armenian."""
    size: Annotated[float, Field(ge=0.02, le=0.2)] = 0.06
    """The size of the letters, as a fraction of the video's shorter side. Long captions shrink to two thirds of
    it."""
    lines: Annotated[int, Field(ge=1, le=6)] = 3
    """The most lines shown at a time."""
    position: Literal["bottom", "top"] = "bottom"
    """The edge of the video at which they stand."""
    margin: Annotated[float, Field(ge=0, le=0.4)] | None = None
    """The distance to that edge, as a fraction of the video's height. By default 0.07, and 0.18 in an upright
    video, where networks show names and texts."""
    style: Literal["outline", "box"] = "outline"
    """White letters with a black outline, or on a dark box."""
    quality: Annotated[int, Field(ge=0, le=40)] = 18
    """The encoder's rate factor for `burn`. Lower is better and larger. 18 looks like the original."""

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
        except LookupError as error:
            raise ValueError("no such encoding: give one such as utf-8, windows-1252 or iso-8859-7") from error
        return codecs.lookup(encoding).name


class NotCaptioned(ReelworkError):
    """The captions could not be added."""

    money = "The video is kept as downloaded; nothing was posted."


class _Unusable(Exception):
    """Captions that cannot be used, with what to do about it."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint or "Correct the captions."


class Captions(Plugin):
    """Adds captions to the video, as a file beside it or burnt into the picture.

    They come from an SRT or WebVTT file, or from lines with times. Burnt-in captions stay within safe margins, and
    are readable on light and dark pictures. A letter that the font lacks is refused, never drawn as a box.
    """

    Config = CaptionsConfig
    phase = Phase.EDIT
    may_change = ()
    config: CaptionsConfig

    def __init__(self, config: CaptionsConfig, context: Context) -> None:
        super().__init__(config, context)
        if config.mode == "sidecar":
            self.caption_types = (_TYPES[config.format],)  # type: ignore[misc]

    @hookimpl
    def check_brief(self, job: Job) -> list[Problem]:
        """Return a problem when the captions cannot be read, or cannot be drawn on the video as it will be."""
        try:
            where, cues = self._cues(job)
            look = self._look() if self.config.mode == "burn" else None
            with _told_of(where):
                _check_times(cues, job.spec.duration)
                if look is not None:
                    _check_drawable(cues, Size(job.spec.width, job.spec.height), look)
        except _Unusable as error:
            return [Problem(message=str(error), hint=error.hint)]
        return []

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        """Return the clip with its captions. Calling it again gives the same file.

        Raises `NotCaptioned` when the captions or the video cannot be read.
        """
        try:
            where, cues = self._cues(job)
            if not cues:
                return None
            cues = _later(cues, timeline_of(clip).render_starts)
            if self.config.mode == "sidecar":
                return self._beside(clip, cues)
            look = self._look()
            with _told_of(where):
                return self._burnt(clip, cues, look, job)
        except _Unusable as error:
            raise NotCaptioned(f"captions: {error}", hint=f"{error.hint} Then run `reelwork resume`.") from error

    def _beside(self, clip: Clip, cues: Sequence[Cue]) -> Clip:
        text = (as_webvtt if self.config.format == "vtt" else as_subrip)(cues)
        language = f".{self.config.language}" if self.config.language else ""
        ending = f"{language}.{self.config.format}"

        def write(part: Path) -> None:
            part.write_bytes(text.encode())

        path = made_once(self.context.work_dir, recipe(_RECIPE, text), ending, write)
        return clip.adding(Asset.from_file(path, Role.CAPTIONS, media_type=_TYPES[self.config.format]))

    def _burnt(self, clip: Clip, cues: Sequence[Cue], look: Look, job: Job) -> Clip:
        video = clip.video

        def progress(percent: float) -> None:
            self.context.progress(job, percent, "burning in the captions")

        def write(part: Path) -> None:
            _write(video, part, cues, look, self.config.quality, progress)

        own = Asset.from_file(look.font, Role.SIDECAR).sha256 if look.font else ""
        settings = self.config.model_dump_json(exclude={"file", "text", "encoding", "language", "format", "font"})
        name = recipe(_RECIPE, video.sha256, own, settings, *((cue.start, cue.end, cue.text) for cue in cues))
        path = made_once(self.context.work_dir, name, ".mp4", write)
        return clip.with_video(Asset.from_file(path, Role.VIDEO))

    def _look(self) -> Look:
        at = self.config
        font = self._place(at.font) if at.font else None
        if font and not font.is_file():
            raise _Unusable(f"the font {font} cannot be used: there is no such file", "Correct `font`.")
        return Look(font, at.size, at.lines, at.position, at.margin, at.style)

    def _place(self, path: Path) -> Path:
        return (self.context.base_dir / path.expanduser()).resolve()

    def _cues(self, job: Job) -> tuple[str, tuple[Cue, ...]]:
        """Return where the captions of a job come from, and them; none where it needs none. Raises `_Unusable`."""
        where, text = self._text(job)
        if not where:
            return "", ()
        try:
            return where, parsed(text)
        except CaptionsInvalid as error:
            raise _Unusable(f"{where}: {error}") from error

    def _text(self, job: Job) -> tuple[str, str]:
        """Return where the captions of a job come from, and their text. Raises `_Unusable`."""
        given = job.brief.vars
        if name := str(given.get("captions", "")):
            return name, self._read(self._named(name), name)
        if text := str(given.get("captions_text", "")):
            return "vars.captions_text", text
        if self.config.file is not None:
            return str(self.config.file), self._read(self._place(self.config.file), str(self.config.file))
        if self.config.text:
            return "the setting text", self.config.text
        if self.config.required:
            raise _Unusable(
                "this brief has no captions",
                "Give `text` or `file` in [plugin.captions]; or vars.captions_text or vars.captions in the brief. "
                "With required = false its video gets none.",
            )
        return "", ""

    def _named(self, name: str) -> Path:
        """Return the file that a brief names."""
        # Who may start a workflow from afar must not have any file of this machine posted as captions.
        path, home = self._place(Path(name)), self.context.base_dir.resolve()
        if not path.is_relative_to(home) or path.suffix.lower() not in _ENDINGS:
            raise _Unusable(
                f"{name} cannot be used: a brief may only name .srt and .vtt files in its folder",
                f"Put the file below {home}.",
            )
        return path

    def _read(self, path: Path, name: str) -> str:
        try:
            return decoded(path.read_bytes(), self.config.encoding)
        except CaptionsInvalid as error:
            raise _Unusable(f"{name}: {error}") from error
        except FileNotFoundError as error:
            raise _Unusable(f"{name} cannot be read: there is no {path}", "Correct the path.") from error
        except OSError as error:
            raise _Unusable(f"{name} cannot be read: {error.strerror or error}") from error


def _later(cues: Sequence[Cue], seconds: float) -> tuple[Cue, ...]:
    """Return captions of a render that begins so many seconds after its video."""
    return tuple(replace(cue, start=cue.start + seconds, end=cue.end + seconds) for cue in cues)


@contextmanager
def _told_of(where: str) -> Iterator[None]:
    try:
        yield
    except _Unusable as error:
        raise _Unusable(f"{where}: {error}", error.hint) from error


def _check_times(cues: Sequence[Cue], seconds: float) -> None:
    late = next((cue for cue in cues if cue.start >= seconds), None)
    if late is not None:
        raise _Unusable(f"line {late.line}: begins at {late.start:g} s; the video has {seconds:g} s")


def _together(cues: Sequence[Cue], look: Look) -> tuple[list[float], list[tuple[Cue, ...]]]:
    """Return the times at which other captions are shown, and those that are shown from each of them on.

    Raises `_Unusable` where more are shown at a time than there are lines.
    """
    # The first is before all captions: nothing is shown then.
    times = [-1.0, *sorted({time for cue in cues for time in (cue.start, cue.end)})]
    shown: list[tuple[Cue, ...]] = []
    waiting = list(reversed(cues))
    active: list[Cue] = []
    for time in times:
        active = [cue for cue in active if cue.end > time]
        while waiting and waiting[-1].start <= time:
            active.append(waiting.pop())
            # Seen here, since thousands at once would be thousands of lists of thousands.
            if len(active) > look.lines:
                why = f"more captions are shown at once than there are lines ({look.lines})"
                raise _Unusable(f"line {active[-1].line}: {why}", "Correct their times, or set `lines`.")
        shown.append(tuple(active))
    return times, shown


def _check_drawable(cues: Sequence[Cue], size: Size, look: Look) -> None:
    for shown in filter(None, _together(cues, look)[1]):
        try:
            fitted(_words(shown), size, look, balanced=False)
        except NotDrawable as error:
            raise _not_drawable(shown, error) from error


def _not_drawable(shown: Sequence[Cue], error: NotDrawable) -> _Unusable:
    lines = " and ".join(f"line {cue.line}" for cue in shown)
    return _Unusable(f"{lines}: {error}", "Correct the captions or the settings in [plugin.captions].")


def _words(shown: Sequence[Cue]) -> str:
    return "\n".join(cue.text for cue in shown)


class _Shown:
    """The captions as pictures: one at a time is in memory."""

    def __init__(self, cues: Sequence[Cue], look: Look) -> None:
        self._times, self._shown = _together(cues, look)
        self._look = look
        self._last: tuple[tuple[Cue, ...], Overlay | None] = ((), None)

    def at(self, seconds: float, size: Size) -> Overlay | None:
        """Return the picture of what is shown at a time. Raises `_Unusable`."""
        shown = self._shown[max(bisect_right(self._times, seconds + _A_BIT) - 1, 0)]
        if shown != self._last[0]:
            try:
                self._last = (shown, overlay(_words(shown), size, self._look) if shown else None)
            except NotDrawable as error:
                raise _not_drawable(shown, error) from error
        return self._last[1]


def _write(video: Asset, part: Path, cues: Sequence[Cue], look: Look, quality: int, progress: Progress) -> None:
    def failed(why: str) -> NotCaptioned:
        return NotCaptioned(
            f"captions: the captions could not be drawn on {video.path}: {why}",
            hint="Play the file to see whether it is whole; `reelwork resume` tries again.",
        )

    with opened(video, part, failed) as (source, target):
        one_pass = OnePass(source, target, quality, filters=upright_alone, stage=laid_over(_Shown(cues, look).at))
        one_pass.run(video.duration or 0.0, progress)
