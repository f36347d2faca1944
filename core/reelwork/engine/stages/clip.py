"""Moderation of the finished video: after the plugins that edit it, before those that sign or store it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from reelwork.engine.stages.appeals import (
    appealed,
    asked_about,
    at_its_time,
    noted,
    refusal_of,
    settings_of,
    still_appealed,
    telling_overruled,
)
from reelwork.engine.stages.clip_files import spoilt
from reelwork.engine.stages.left_to_run import edits_left, is_past_editing, left_to_run
from reelwork.engine.stages.step import Next, Working, go, hold, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.errors import HookFailed, describe, in_a_line
from reelwork.files import make_private_folder
from reelwork.ids import fingerprint
from reelwork.media.caption_text import UnreadableCaptions, caption_text
from reelwork.media.frames import sample_frames
from reelwork.media.probe import MediaInvalid
from reelwork.planning.content_hash import content_hash
from reelwork.planning.job_state import ANEW, PLAIN, JobData, Looked
from reelwork.planning.shapes import current
from reelwork.redaction.redactor import mask
from reelwork.store.holds import HoldReason
from reelwork.store.records import FAILED, REJECTED
from reelwork.store.statuses import Step
from reelwork_hooks.models import Clip, Content, Role, Stage, Verdict

OURS = "reelwork"
"""Who holds a clip that no plugin could be shown."""


async def moderate_clip(tools: StageTools, work: Working) -> Next:
    """Ask the next plugin that has not looked at the video, and keep its answer."""
    if (held := at_its_time(work)) is not None:
        return still_appealed(tools, work, held)
    waiting, clip = unseen(work), work.data.clip
    assert clip is not None
    if not waiting:
        return _to_the_next(work, work.data)
    if problem := spoilt(clip):
        reason = (
            f"the file {problem}; {work.data.unposted}. `reelwork resume` fetches the video again and pays nothing."
        )
        return stop(FAILED, Step.DOWNLOAD, from_the_start(work.data), reason)
    if _hash(clip) in work.data.approved:
        return _passed(work, waiting, waiting).telling("approved", stage=Stage.CLIP)
    instance = waiting[0]
    if (refusal := appealed(work, (instance,), _hash(clip))) is not None:
        return still_appealed(tools, work, refusal)
    if not asked_about(work, (instance,), _hash(clip)):
        return telling_overruled(_passed(work, waiting, (instance,)), Stage.CLIP, instance)
    if work.data.refused:
        work = replace(work, data=work.data.replace(refused=""))
    try:
        verdict = _kept(work, instance) or await _asked(tools, work, instance, clip)
    except (HookFailed, OSError) as error:
        told = in_a_line(error) if isinstance(error, HookFailed) else f"no frames can be made: {describe(error)}"
        reason = f"{told.rstrip('.')}. Held, since moderation could not answer; {_nothing(work)}."
        return hold(Step.MODERATE_CLIP, work.data, HoldReason.MODERATION_SILENT, reason)
    if verdict is None:
        return _passed(work, waiting, (instance,)).telling("moderated", plugin=instance, stage=Stage.CLIP)
    return _stopped(work, instance, verdict)


def unseen(work: Working) -> tuple[str, ...]:
    """Return the instances that have yet to look at the video; none while plugins that edit it are still to run."""
    wanted = work.pipeline.moderators(Stage.CLIP)
    if not wanted or work.data.clip is None or work.data.again or edits_left(work):
        return ()
    # Signing changes the bytes of a video that was looked at, and nothing that can be seen.
    past = is_past_editing(work.data)
    return tuple(name for name in wanted if not _has_passed(work, name, past=past))


def from_the_start(data: JobData) -> JobData:
    """Return the data of a job whose video is fetched again. What is finished for other targets stays."""
    shapes = tuple(shape for shape in data.shapes if shape.target != (data.target or PLAIN))
    return data.replace(clip=None, source=None, shapes=shapes, **ANEW)


def _has_passed(work: Working, instance: str, *, past: bool) -> bool:
    look = work.data.looked.get(instance)
    if look is None or look.verdict is not None:
        return False
    # Of another target's video it says nothing, unless that is the same one.
    return (past and look.target == current(work.data).label) or look.at == _shown_to(work, instance)


def _shown_to(work: Working, instance: str) -> str:
    """Return the hash of the clip and of the settings it is judged by. An answer counts for both."""
    assert work.data.clip is not None
    return fingerprint([_hash(work.data.clip), settings_of(work, instance)])


def _hash(clip: Clip) -> str:
    return content_hash(Content(stage=Stage.CLIP, text="", clip=clip))


def _kept(work: Working, instance: str) -> Verdict | None:
    """Return the verdict of a plugin that costs money, if it gave one about just this."""
    look = work.data.looked.get(instance)
    paid = getattr(work.pipeline.instances[instance], "costs", False)
    return look.verdict if paid and look is not None and look.at == _shown_to(work, instance) else None


async def _asked(tools: StageTools, work: Working, instance: str, clip: Clip) -> Verdict | None:
    """Return what a plugin says to the video. Raises `HookFailed`, and `OSError` when no frame can be written."""
    frames = tools.store.files / "frames"
    make_private_folder(frames)
    count = work.pipeline.instances[instance].clip_frames
    with TemporaryDirectory(dir=frames, prefix=f"{work.row.id}-") as folder:
        try:
            # In a thread: decoding would hold up all other jobs.
            content = await asyncio.to_thread(clip_content, clip, count, Path(folder))
        except (MediaInvalid, UnreadableCaptions) as problem:
            # A person can look at what no plugin can be shown.
            return Verdict.hold(f"it cannot be shown to {instance}: {problem}").replace(plugin=OURS)
        return await work.pipeline.dispatcher.veto((instance,), content, work.job)


def clip_content(clip: Clip, count: int, folder: Path) -> Content:
    """Return what moderation is shown of a clip: frames, written into a folder, its thumbnail and captions' words.

    Blocks. Raises `MediaInvalid`, `UnreadableCaptions`, or `OSError` when a frame cannot be written.
    """
    frames = sample_frames(clip.video.path, count, folder)
    thumbnail = (clip.thumbnail.path,) if clip.thumbnail else ()
    words = [caption_text(asset.path) for asset in clip.assets if asset.role is Role.CAPTIONS]
    return Content(stage=Stage.CLIP, text="\n".join(words), images=(*frames, *thumbnail), clip=clip)


def _passed(work: Working, waiting: tuple[str, ...], passed: tuple[str, ...]) -> Next:
    target = current(work.data).label
    looked = {name: Looked(at=_shown_to(work, name), target=target) for name in passed}
    data = work.data.replace(looked={**work.data.looked, **looked})
    return _to_the_next(work, data) if passed == waiting else go(Step.MODERATE_CLIP, data)


def _to_the_next(work: Working, data: JobData) -> Next:
    return go(Step.FINISH, data) if left_to_run(work) else go(Step.PUBLISH, data.replace(whole=True))


def _stopped(work: Working, instance: str, verdict: Verdict) -> Next:
    assert work.data.clip is not None
    verdict = verdict.replace(reason=mask(verdict.reason))
    at = _shown_to(work, instance)
    data = work.data.replace(looked={**work.data.looked, instance: Looked(at=at, verdict=verdict)})
    why = f"by {verdict.plugin!r}: {verdict.reason or 'no reason given'}"
    kept = f"It is kept at {work.data.clip.video.path}; {_nothing(work)}."
    told = {**verdict.model_dump(mode="json"), "stage": Stage.CLIP, "content": _hash(work.data.clip)}
    if verdict.decision == "hold":
        if verdict.plugin != OURS and getattr(work.pipeline.instances[instance], "costs", False):
            kept = f"{kept} {instance!r} costs money, and is asked again with other settings only."
        reason = f"the video is held for a person {why.rstrip('.')}. {kept}"
        held = hold(Step.MODERATE_CLIP, data, HoldReason.MODERATION, reason)
        return held.telling("verdict", **told)
    data = noted(data, refusal_of(work, verdict, Stage.CLIP, _hash(work.data.clip)))
    stopped = stop(REJECTED, Step.MODERATE_CLIP, data, f"the video is rejected {why.rstrip('.')}. {kept}")
    return stopped.telling("verdict", **told)


def _nothing(work: Working) -> str:
    # Of a job that an earlier version began, plugins may have stored the video already; and for another target.
    stored = work.data.shapes or is_past_editing(work.data)
    return work.data.unposted if stored else "nothing was stored or posted"
