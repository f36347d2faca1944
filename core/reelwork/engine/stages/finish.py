"""The stage after the download: runs each `post_download` plugin in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwork.engine.stages.clip import from_the_start, unseen
from reelwork.engine.stages.clip_files import files_of, spoilt
from reelwork.engine.stages.derived import MadeTooEarly, Ran, advanced
from reelwork.engine.stages.left_to_run import left_to_run, out_of_place, signs, without_unlisted
from reelwork.engine.stages.pending import last_answer, over, wait
from reelwork.engine.stages.shapes import begun
from reelwork.engine.stages.step import Next, Working, go, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.errors import HookFailed, in_a_line
from reelwork.media.download_manifest import holds_manifest
from reelwork.plugins.dispatcher import Dispatcher
from reelwork.store.records import FAILED
from reelwork.store.statuses import Step
from reelwork_hooks.errors import NotSent, ReelworkError, Unavailable
from reelwork_hooks.models import Clip, Job, Pending
from reelwork_hooks.plugin import Phase

LOST_MANIFEST = (
    "it changed the video, which no longer has its provider's C2PA manifest. "
    "A plugin that signs videos, such as c2pa, keeps it"
)
Probe = Callable[[Path], Awaitable[Mapping[str, Any]]]


async def finish(tools: StageTools, work: Working) -> Next:
    """Run the next `post_download` plugin."""
    work, order = without_unlisted(begun(work)), work.pipeline.order["post_download"]
    if unseen(work):
        return go(Step.MODERATE_CLIP, work.data)
    left = left_to_run(work)
    if not left:
        return go(Step.PUBLISH, work.data.replace(whole=True))
    instance, clip = left[0], work.data.clip
    assert clip is not None
    if problem := out_of_place(work, instance):
        # Where it is now it would be skipped, or change what was signed or stored. Both could be posted.
        reason = f"{problem}; {work.data.unposted}. The video is kept at {clip.video.path}."
        return stop(FAILED, Step.FINISH, work.data, reason)
    plugin = work.pipeline.instances[instance]
    phase = getattr(plugin, "phase", Phase.EDIT)
    # With itself, so that what it writes beside the video is whole.
    plugins = {**work.data.plugins, instance: work.pipeline.version_of(instance)}
    job = work.job.replace(pending=last_answer(work.data.waited, instance), plugins=plugins)
    try:
        changed = await finished(work.pipeline.dispatcher, instance, phase, clip, job, tools.probe)
    except (HookFailed, ReelworkError) as error:
        # A plugin that failed may have damaged its input first. Every later try would then fail.
        if problem := spoilt(clip):
            return _anew(work, instance, problem)
        told = in_a_line(error).rstrip(".")
        # The error of the contract that the plugin raised, if it was one.
        said = error.__cause__ if isinstance(error, HookFailed) else error
        if isinstance(said, NotSent | Unavailable) and _passes(said, plugin):
            return tools.retry(work, said, FAILED, f"{told}. The download is kept.")
        reason = f"{told}. The download is kept; `reelwork resume` continues at {instance!r}."
        return stop(FAILED, Step.FINISH, work.data, reason)
    # Checked at once, so that the plugin that did it is named, and not the next one.
    if problem := spoilt(clip):
        return _anew(work, instance, problem)
    if isinstance(changed, Pending):
        return wait(work, Step.FINISH, changed, instance, tools.clock(), stands="The download is kept.")
    ran = Ran(instance, clip, changed or clip, phase=phase, costs=getattr(plugin, "costs", False))
    try:
        data = advanced(over(work.data), ran, order)
    except MadeTooEarly as problem:
        return _too_early(work, instance, str(problem))
    details = {} if data.target is None else {"target": data.target.label}
    following = go(Step.FINISH, data).telling("finished", plugin=instance, **details)
    if await _removes_manifest(work, ran):
        following = following.telling("manifest-lost", plugin=instance, reason=LOST_MANIFEST)
    after = replace(work, data=data)
    if unseen(after):
        return replace(following, step=Step.MODERATE_CLIP)
    return following if left_to_run(after) else replace(following, step=Step.PUBLISH, data=data.replace(whole=True))


async def _removes_manifest(work: Working, ran: Ran) -> bool:
    """Return whether the provider's manifest was in the video before a plugin ran, and will be in none."""
    render = work.data.render
    if render is None or render.manifest is None or not ran.changed_video or signs(work.pipeline):
        return False
    before, after = ran.before.video.path, ran.after.video.path
    return await asyncio.to_thread(lambda: holds_manifest(before) and not holds_manifest(after))


def _passes(error: NotSent | Unavailable, plugin: object) -> bool:
    """Return whether a plugin is called again by itself after this."""
    if isinstance(error, NotSent):
        return not error.lasting
    # What costs money may have been paid for before the answer was lost: only a person calls it again.
    return not getattr(plugin, "costs", False)


async def finished(
    dispatcher: Dispatcher, instance: str, phase: Phase, clip: Clip, job: Job, probe: Probe
) -> Clip | Pending | None:
    """Let a plugin change a clip, and check the result.

    Returns None if the plugin left the clip as it is, `Pending` if it is to be called again.

    Raises `HookFailed`, or what a video that does not play raises.
    """
    changed = await dispatcher.finish(instance, clip, job)
    if changed is None or isinstance(changed, Pending):
        return changed
    if problem := spoilt(changed, apart_from=clip):
        relative = [str(asset.path) for asset in files_of(changed) if not asset.path.is_absolute()]
        advice = "; a plugin gives absolute paths, such as one in context.work_dir" if relative else ""
        raise HookFailed(instance, "post_download", f"returned a clip whose file {problem}{advice}")
    if changed.video.sha256 == clip.video.sha256:
        return changed
    if phase is Phase.STORE:
        problem = "returned another video in the phase store, when the video is finished"
        raise HookFailed(instance, "post_download", f"{problem}; one that changes it declares Phase.EDIT")
    # What the plugin says of its video does not count: size and length are read from the file.
    facts = await probe(changed.video.path)
    return changed.with_video(changed.video.replace(**facts))


def _anew(work: Working, instance: str, problem: str) -> Next:
    """Stop the job at its download: a damaged file cannot be repaired by running this step again."""
    reason = (
        f"plugin {instance!r}, hook post_download: after it ran, the file {problem}. A plugin writes a new file "
        "instead of changing one. Correct it; `reelwork resume` fetches the video again and pays nothing."
    )
    return stop(FAILED, Step.DOWNLOAD, from_the_start(work.data), reason)


def _too_early(work: Working, instance: str, problem: str) -> Next:
    """Stop a job one of whose files shows an earlier form of the video; another order of plugins prevents it."""
    reason = (
        f"plugin {instance!r}, hook post_download: {problem}; {work.data.unposted}. `reelwork resume` fetches the "
        "video again and pays nothing."
    )
    return stop(FAILED, Step.DOWNLOAD, from_the_start(work.data), reason)
