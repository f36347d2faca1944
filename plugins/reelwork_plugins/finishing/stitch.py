"""`stitch`: joins the video with others, such as an intro and an outro, and puts music under them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from reelwork_hooks import Asset, Clip, Config, Job, Phase, Plugin, Problem, ReelworkError, Role, hookimpl
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.one_pass import Failed, opened, recipe
from reelwork_plugins.finishing.pieces import Piece, Unusable, check_music, seconds_of
from reelwork_plugins.finishing.soundtrack import Music
from reelwork_plugins.finishing.timeline import MEDIA_TYPE, Span, Timeline, is_timeline, timeline_of
from reelwork_plugins.finishing.whole import Whole, measured, write

# A file of this name is used again. So a change of the code that gives another video needs another number.
_RECIPE = "2"
"""Part of the file's name."""
_MOMENT = 0.1
"""Seconds by which a video may be longer than what is taken: its last frame and sound end when they end."""
_FILES = {"intro", "outro", "before", "after", "music"}
_VIDEOS = (".mp4", ".m4v", ".mov", ".webm", ".mkv")
_SOUNDS = (*_VIDEOS, ".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".opus")


class StitchConfig(Config):
    """Settings of `stitch`."""

    intro: Path | None = None
    """A video file that comes first, relative to the workflow's folder. A brief's `vars.intro` comes before it."""
    outro: Path | None = None
    """A video file that comes last. A brief's `vars.outro` comes before it."""
    before: tuple[Path, ...] = ()
    """Video files between the intro and the job's clip."""
    after: tuple[Path, ...] = ()
    """Video files between the job's clip and the outro."""
    transition: Literal["cut", "fade"] = "cut"
    """`cut` shows one video after the other. `fade` fades from one to the next, in picture and sound."""
    transition_seconds: Annotated[float, Field(gt=0, le=10)] = 0.5
    """Seconds of a `fade`. Both videos are shown in it, so each one makes the whole that much shorter."""
    music: Path | None = None
    """A file with sound. It begins again when it ends, and is cut at the end. A brief's `vars.music` comes before
    it."""
    music_volume: Annotated[float, Field(ge=-60, le=12)] = -6.0
    """The change of the music's volume in dB."""
    music_fade: Annotated[float, Field(ge=0, le=60)] = 2.0
    """Seconds at the end in which the music fades out."""
    duck: Annotated[float, Field(ge=0, le=60)] = 12.0
    """The most dB by which the music is turned down while the videos' own sound is heard. 0 leaves it as it is."""
    longest: Annotated[float, Field(gt=0, le=3600)] = 600.0
    """The most seconds of the whole video. A longer one is refused before anything is sent."""
    required: bool = True
    """Refuse a brief for which no file is given. With `false` its video stays as it is."""
    quality: Annotated[int, Field(ge=0, le=40)] = 18
    """The encoder's rate factor. Lower is better and larger. 18 looks like the original."""


class NotStitched(ReelworkError):
    """The videos could not be joined."""

    money = "The video is kept as downloaded; nothing was posted."


@dataclass(frozen=True)
class _Given:
    """The files for a job."""

    before: tuple[Piece, ...]
    after: tuple[Piece, ...]
    music: Path | None

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.music)

    def around(self, clip: Piece) -> tuple[Piece, ...]:
        """Return all videos in their order."""
        return (*self.before, clip, *self.after)


class Stitch(Plugin):
    """Joins the video with others, such as an intro and an outro, and puts music under it.

    The others are fitted to its size, frame rate and colours. They are not stretched: if their shape differs, they
    get black edges.
    """

    Config = StitchConfig
    phase = Phase.EDIT
    may_change = ("duration",)
    config: StitchConfig

    @hookimpl
    def check_brief(self, job: Job) -> list[Problem]:
        """Return a problem when a file cannot be used, or the whole would be longer than what is taken."""
        try:
            self._given(job)
        except Unusable as error:
            return [Problem(message=str(error), hint=error.hint)]
        return []

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        """Return the clip joined with the others. Calling it again gives the same file.

        Raises `NotStitched` when a file or the video cannot be read.
        """
        try:
            given = self._given(job)
        except Unusable as error:
            raise NotStitched(f"stitch: {error}", hint=f"{error.hint} Then run `reelwork resume`.") from error
        if not given:
            return None
        pieces = given.around(Piece("clip", clip.video.path, 0))
        with _reading(clip.video):
            whole = measured([piece.path for piece in pieces], clip.video.path, self._fade, self._music(given))
        video = self._made(clip.video, pieces, whole, job)
        timeline = self._timeline(clip, pieces, whole)
        others = tuple(asset for asset in clip.assets if not is_timeline(asset))
        return clip.with_video(video).replace(assets=(*others, timeline))

    def _made(self, video: Asset, pieces: Sequence[Piece], whole: Whole, job: Job) -> Asset:
        def progress(percent: float) -> None:
            self.context.progress(job, percent, "joining the videos")

        def make(part: Path) -> None:
            with opened(video, part, _failing(video)) as (source, target):
                write(whole, source, target, self.config.quality, progress)

        # The files by what is in them, not by their names: others may be put there.
        music = [whole.track.music.path] if whole.track.music else []
        files = [Asset.from_file(path, Role.SIDECAR).sha256 for path in (*(one.path for one in pieces), *music)]
        own = [piece.role for piece in pieces].index("clip")
        settings = self.config.model_dump_json(exclude={*_FILES, "longest", "required"})
        name = recipe(_RECIPE, own, len(music), *files, settings)
        path = made_once(self.context.work_dir, name, ".mp4", make)
        return Asset.from_file(path, Role.VIDEO)

    def _timeline(self, clip: Clip, pieces: Sequence[Piece], whole: Whole) -> Asset:
        """Return a file that says where the render is: captions go by it."""
        spans = tuple(
            Span(role=piece.role, start=whole.seconds(part.begins), end=whole.seconds(part.ends)).later(0)
            for piece, part in zip(pieces, whole.parts, strict=True)
        )
        content = Timeline(pieces=spans).with_inner(timeline_of(clip)).as_json()

        def note(part: Path) -> None:
            part.write_bytes(content)

        path = made_once(self.context.work_dir, recipe(_RECIPE, content.decode()), ".json", note)
        return Asset.from_file(path, Role.SIDECAR, media_type=MEDIA_TYPE)

    @property
    def _fade(self) -> float:
        return self.config.transition_seconds if self.config.transition == "fade" else 0.0

    def _music(self, given: _Given) -> Music | None:
        at = self.config
        return Music(given.music, at.music_volume, at.music_fade, at.duck) if given.music else None

    def _given(self, job: Job) -> _Given:
        """Return the files for a job, all of which can be used. Raises `Unusable`."""
        at = self.config
        before = (*self._named(job, "intro", _VIDEOS), *(("before", path) for path in at.before))
        after = (*(("after", path) for path in at.after), *self._named(job, "outro", _VIDEOS))
        music = [self._heard(role, path) for role, path in self._named(job, "music", _SOUNDS)]
        given = _Given(
            tuple(self._piece(role, path) for role, path in before),
            tuple(self._piece(role, path) for role, path in after),
            music[0] if music else None,
        )
        if given:
            pieces = given.around(Piece("clip", Path("the job's clip"), job.spec.duration))
            _check_fades(pieces, self._fade)
            self._check_length(pieces, job)
        elif at.required:
            raise Unusable("this brief has no video and no music to add", self._hint("Set `intro` or another file"))
        return given

    def _named(self, job: Job, role: str, endings: Sequence[str]) -> Iterator[tuple[str, Path]]:
        """Yield the file that a brief names for a role, else that of the setting. Raises `Unusable`."""
        if name := str(job.brief.vars.get(role, "")):
            # Who may start a workflow from afar must not have any file of this machine posted.
            path, home = self._place(Path(name)), self.context.base_dir.resolve()
            if not path.is_relative_to(home) or path.suffix.lower() not in endings:
                kinds = ", ".join(endings)
                raise Unusable(
                    f"vars.{role}: {name} cannot be used: a brief may only name files in its folder, of the kinds "
                    f"{kinds}",
                    f"Put such a file below {home}.",
                )
            yield role, path
        elif path := getattr(self.config, role):
            yield role, path

    def _piece(self, role: str, path: Path) -> Piece:
        path = self._place(path)
        with self._told_of(role, path):
            return Piece(role, path, seconds_of(path))

    def _heard(self, role: str, path: Path) -> Path:
        path = self._place(path)
        with self._told_of(role, path):
            check_music(path)
        return path

    @contextmanager
    def _told_of(self, role: str, path: Path) -> Iterator[None]:
        try:
            yield
        except Unusable as error:
            hint = error.hint or self._hint(f"Correct `{role}`")
            raise Unusable(f"{role}: {path} cannot be used: {error}", hint) from error

    def _hint(self, what: str) -> str:
        return f"{what} in [plugin.{self.context.name}]."

    def _place(self, path: Path) -> Path:
        return (self.context.base_dir / path.expanduser()).resolve()

    def _check_length(self, pieces: Sequence[Piece], job: Job) -> None:
        """Raise `Unusable` when the whole is longer than what is taken."""
        total = sum(piece.seconds for piece in pieces) - self._fade * (len(pieces) - 1)
        own = (f"`longest` in [plugin.{self.context.name}]", self.config.longest)
        # Where the render alone is longer, a plugin shortens it, or the plan would have refused it.
        limits = (own, *((name, most) for name, most in _limits(job) if most >= job.spec.duration))
        name, most = min(limits, key=lambda limit: limit[1])
        if total > most + _MOMENT:
            raise Unusable(
                f"the video would have {total:.1f} s with what is added; {name} takes {most:g} s",
                "Use shorter files, or ask for a shorter clip.",
            )


def _limits(job: Job) -> Iterator[tuple[str, float]]:
    """Yield what the platform and the destinations of a job take, in seconds."""
    if job.platform is not None:
        yield job.platform.name, job.platform.longest_duration
    for name, copy in job.brief.destinations.items():
        if copy.longest is not None:
            yield name, copy.longest
    for name, target in job.takes_at.items():
        if target.longest is not None:
            yield name, target.longest


def _check_fades(pieces: Sequence[Piece], fade: float) -> None:
    """Raise `Unusable` for a video that is shorter than the fades at its ends."""
    for number, piece in enumerate(pieces):
        needed = fade * ((number > 0) + (number + 1 < len(pieces)))
        if piece.seconds < needed:
            name = piece.path if piece.role == "clip" else f"{piece.role}: {piece.path}"
            raise Unusable(
                f"{name} has {piece.seconds:.1f} s, and its fades take {needed:g} s",
                'Use a longer one, a smaller `transition_seconds`, or transition = "cut".',
            )


@contextmanager
def _reading(video: Asset) -> Iterator[None]:
    from av.error import FFmpegError

    try:
        yield
    # A decoder's own errors are neither of the first two.
    except (OSError, ValueError, FFmpegError) as error:
        raise _failing(video)(str(error)) from error


def _failing(video: Asset) -> Failed:
    def failed(why: str) -> NotStitched:
        return NotStitched(
            f"stitch: {video.path} could not be joined with the other files: {why}",
            hint="Play the files to see whether they are whole; `reelwork resume` tries again.",
        )

    return failed
