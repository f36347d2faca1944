"""Judges a case of a finishing plugin: the first rule that was broken, in words for its author."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.testing.conformance.finishing.film import FLASH_SECONDS, flash_in, tone_in
from reelwork.testing.conformance.finishing.scenes import (
    FULL,
    MUST_WORK,
    NO_VIDEO,
    SILENT,
    TARGETS,
    TIMES,
)
from reelwork.testing.conformance.finishing.trial import FinishingOutcome, Run, digest_of
from reelwork.testing.conformance.scenarios import UNDISTURBED
from reelwork_hooks.models import Asset, Clip
from reelwork_hooks.plugin import Plugin

if TYPE_CHECKING:
    from reelwork.testing.conformance.finishing.suite import FinishingConformance

_MOMENT = 0.15
"""Seconds by which a time may differ: a frame, and the frames of an encoder of sound."""
_NEAR = 0.02
_LONGEST_ERROR = 600


@dataclass(frozen=True)
class Expected:
    """What the suite says of its plugin, and what an undisturbed run made."""

    suite: FinishingConformance
    made: Mapping[str, str] | None = None
    """The SHA-256 of each file of the result, by its role; None before it is known."""

    @staticmethod
    def digests_of(run: Run, work: Path) -> Mapping[str, str]:
        """Return the SHA-256 of each file of a result that the plugin made, by its role and number."""
        files = (run.clip.video, *run.clip.assets) if run.clip is not None else ()
        own = [one for one in files if one.path.is_relative_to(work)]
        return {f"{one.role} {number}": one.sha256 for number, one in enumerate(own)}

    @property
    def may_change(self) -> tuple[str, ...]:
        """The facts of a video that the plugin says it may change."""
        plugin = self.suite.plugin
        said: Any = getattr(plugin, "may_change", None) if plugin is not None else _installed(self.suite.name)
        return said if isinstance(said, tuple) else Plugin.may_change


def _installed(name: str) -> Any:
    from reelwork.plugins.catalog import Catalog

    return getattr(Catalog().get(name).target, "may_change", None)


def judge(outcome: FinishingOutcome, expected: Expected) -> str:
    """Return what is wrong; empty if all is well."""
    problem = next(_problems(outcome, expected), "")
    return f"After {outcome.case}: {problem}\n\n{_tale(outcome)}" if problem else ""


def _problems(outcome: FinishingOutcome, expected: Expected) -> Iterator[str]:
    if outcome.spoilt:
        yield (
            f"{', '.join(outcome.spoilt)} is not what it was. The download is kept for other destinations, and for "
            "a job that is resumed: write a new file instead."
        )
    for run in (*outcome.first, outcome.last):
        yield from _broken(run)
        yield from _wrong_end(run, outcome, expected)
        if run.clip is not None:
            yield from _wrong_clip(run.clip, outcome)
    yield from _half_files(outcome, expected)
    if outcome.case.scene != NO_VIDEO:
        yield from _last(outcome, expected)


def _broken(run: Run) -> Iterator[str]:
    if run.crash:
        yield f"the process of the plugin broke down:\n{run.crash}"
    if run.problem:
        yield f"post_download() {run.problem}."
    if run.late:
        yield "post_download() did not end in its time."


def _wrong_end(run: Run, outcome: FinishingOutcome, expected: Expected) -> Iterator[str]:
    scene = outcome.case.scene
    if run.error and scene in MUST_WORK:
        yield f"post_download() failed, and nothing was in its way: {run.error}"
    if scene == FULL and run is not outcome.last and run.clip is not None:
        yield "post_download() returned a clip although there was no room for its file."
    if scene == NO_VIDEO:
        yield from _no_video(run, outcome.given.video.path)


def _no_video(run: Run, path: Path) -> Iterator[str]:
    if not run.error:
        yield (
            "post_download() took a web page for a video. Read the video, and raise a ReelworkError that names the "
            "file; or say reads_video = False in the suite."
        )
        return
    if not run.contract:
        yield (
            f"a file that is no video came out as it was ({run.error}). Raise a ReelworkError of your own: what is "
            "wrong, what it means for the video, and a hint."
        )
    if path.name not in run.error:
        yield f"the error does not name the file: {run.error}"
    if len(run.error) > _LONGEST_ERROR:
        yield f"the error has {len(run.error)} characters; a person reads it."


def _wrong_clip(clip: Clip, outcome: FinishingOutcome) -> Iterator[str]:
    known = {one.path: one for one in (outcome.given.video, *outcome.given.assets)}
    for asset in (clip.video, *clip.assets):
        if not asset.path.is_absolute():
            yield f"{asset.path} is not absolute. Give the whole path, such as one in context.work_dir."
        if asset.path not in known and not asset.path.is_relative_to(outcome.work):
            yield f"{asset.path} is outside of context.work_dir."
    kept = {one.sha256 for one in clip.assets}
    gone = [one.path.name for one in outcome.given.assets if one.sha256 not in kept]
    if gone:
        yield (
            f"{gone[0]} is missing from the clip that was returned. Keep the files of other plugins: the engine "
            "removes those that no longer fit."
        )


def _half_files(outcome: FinishingOutcome, expected: Expected) -> Iterator[str]:
    """Yield a file of the result that was there before it was whole."""
    # What a run that ended well has left is judged with its result.
    if expected.made is None or any(run.worked for run in outcome.first):
        return
    for name in _named(outcome.last, outcome.work):
        found = outcome.between.get(name)
        if found is not None and found not in expected.made.values():
            yield (
                f"{name} was there with a part of its bytes, or others, before it was whole. Write under another "
                "name, and rename when it is whole: else a later run takes the half file for the result."
            )


def _named(run: Run, work: Path) -> dict[str, str]:
    files = (run.clip.video, *run.clip.assets) if run.clip is not None else ()
    return {str(one.path.relative_to(work)): one.sha256 for one in files if one.path.is_relative_to(work)}


def _last(outcome: FinishingOutcome, expected: Expected) -> Iterator[str]:
    """Yield what is wrong with the result of the run that nothing disturbed."""
    last, scene = outcome.last, outcome.case.scene
    if not last.worked:
        yield (
            f"the clip could not be finished afterwards, with nothing in the way: {last.error or 'no answer'}. A "
            "job is resumed after a crash, so finishing again must work."
        )
        return
    for run in outcome.first:
        if run.worked and _named(run, outcome.work) != _named(last, outcome.work):
            yield (
                "the same clip of the same job became another one the second time. Always make the same files for "
                "the same video: a person may have approved the first ones."
            )
    if last.clip is None:
        return
    for asset in (last.clip.video, *last.clip.assets):
        if digest_of(asset.path) != asset.sha256:
            yield f"{asset.path.name} has other bytes than the plugin said."
    made = Expected.digests_of(last, outcome.work)
    if scene not in (SILENT, TARGETS, UNDISTURBED) and expected.made is not None and made != expected.made:
        yield (
            "the same film became another file in another folder. A result that depends on names, times or chance "
            "is a new one after every crash."
        )
    yield from _wrong_video(last.clip.video, outcome, expected)


def _wrong_video(video: Asset, outcome: FinishingOutcome, expected: Expected) -> Iterator[str]:
    given, target = outcome.given.video, outcome.case.target
    if unmet := target.unmet(video):
        yield f"the video does not fit its target: {', '.join(unmet)} ({target.label})."
    facts = {
        "size": (given.width, given.height) == (video.width, video.height),
        "fps": video.fps is None or abs(video.fps / (given.fps or video.fps) - 1) < _NEAR,
        "duration": video.duration is None or abs(video.duration - (given.duration or 0)) < _MOMENT,
    }
    for name, same in facts.items():
        if not same and name not in expected.may_change and name not in _asked(outcome):
            yield (
                f"the {name} of the video is another one, and `may_change` does not name it. A plan goes by that: "
                f"declare it, or keep it."
            )
    if outcome.case.scene == TIMES:
        yield from _moved(video.path, outcome, expected)


def _asked(outcome: FinishingOutcome) -> tuple[str, ...]:
    target = outcome.case.target
    return ("size",) * bool(target.aspect_ratio) + ("duration",) * bool(target.longest)


def _moved(path: Path, outcome: FinishingOutcome, expected: Expected) -> Iterator[str]:
    """Yield what is shown or heard at another time than in the film."""
    assert outcome.last.clip is not None
    film = expected.suite.film
    begins = film.flash + expected.suite.begins(outcome.last.clip)
    for what, found in (("picture", flash_in(path)), ("sound", tone_in(path))):
        # Sound may have been turned down, and a tone under music be hard to tell.
        if found is not None and abs(found - begins) > _MOMENT + (FLASH_SECONDS if what == "sound" else 0):
            yield (
                f"what the {what} has at {begins:.2f} s is at {found:.2f} s: captions no longer fit. Keep the "
                "times, or say in `begins` of the suite by how much they move."
            )
        if found is None and what == "picture":
            yield f"the white picture at {begins:.2f} s is gone."


def _tale(outcome: FinishingOutcome) -> str:
    lines = ["What happened:"]
    for run in (*outcome.first, outcome.last):
        ended = f"killed ({run.code})" if run.code < 0 else run.error or "returned the clip"
        lines.append(f"  post_download(): {'left the clip as it is' if run.left else ended.splitlines()[0]}")
    lines.append(f"In its folder are: {', '.join(sorted(outcome.end)) or 'no files'}.")
    return "\n".join(lines)
