"""Finishes one download for several targets: edit, moderate, sign and store, once for each.

The clip in work is `JobData.clip`, for `JobData.target`. A clip that is finished is shelved in `JobData.shapes`, in
the same commit that begins the next one, again from the download. So a crash repeats no step that was committed.
"""

from __future__ import annotations

from dataclasses import replace

from reelwork.engine.stages.step import Next, Working, go
from reelwork.planning.job_state import ANEW, PLAIN, JobData, PostState
from reelwork.planning.shapes import (
    checked_only,
    current,
    shaped,
    shelved,
    target_at,
    unfit_words,
    unmade,
    uses_targets,
    wanted,
)
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.statuses import Step
from reelwork_hooks.models import Target


def begun(work: Working) -> Working:
    """Return a job with its target set, and the download kept for others, if no plugin has finished it yet."""
    data = work.data
    if data.ran or data.again or data.derived or data.waited is not None:
        return work
    left = unmade(work.pipeline, data)
    target = current(data) if current(data) in left or not left else left[0]
    # Only where it is needed: the rows of all other jobs stay as they are.
    keeps = target != PLAIN or len(left) > 1
    source = data.clip if keeps and data.source is None else data.source
    if target == current(data) and source is data.source:
        return work
    return replace(work, data=data.replace(target=_stored(target), source=source))


def next_target(work: Working) -> Next | None:
    """Begin the next target for which no video is finished; None if there is none."""
    data = work.data
    left = [target for target in unmade(work.pipeline, data) if target != current(data)]
    return None if not left else _finish(shelved(data), left[0])


def _finish(data: JobData, target: Target) -> Next:
    data = data.replace(target=_stored(target), clip=data.source, **ANEW, waited=None)
    # Of a job that began when it had one target. What it has may be signed, so it is fetched again, at no cost.
    return go(Step.FINISH if data.clip is not None else Step.DOWNLOAD, data)


def at_destination(work: Working, destination: str) -> Working:
    """Return a job with the clip in place that a destination gets, and that noted with its post."""
    data = work.data
    target = target_at(work.pipeline, data, destination)
    data = shaped(data, target)
    if uses_targets(data) and data.posts.get(destination, PostState()).target != target:
        data = data.with_post(destination, target=target)
    return work if data is work.data else replace(work, data=data)


def unfit(work: Working, destination: str) -> str:
    """Return why a destination does not take the clip in place; empty if it does."""
    if work.data.clip is None:
        return ""
    target = work.data.posts.get(destination, PostState()).target
    # A plugin may have made the video longer than the render, whose length the plan has checked.
    length = Target(longest=work.pipeline.instances[destination].accepts.longest)
    takes = (target, checked_only(work.pipeline, destination), length)
    found = (word for target in takes if target is not None for word in unfit_words(target, work.data.clip.video))
    wrong = "; ".join(dict.fromkeys(found))
    return f"the video does not fit: {wrong}. It is kept at {work.data.clip.video.path}" if wrong else ""


def finished_again(pipeline: Pipeline, data: JobData) -> Next | None:
    """Finish the clips once more that do not fit their targets: the workflow may have a plugin for them by now."""
    if data.clip is None or data.source is None:
        return None
    data = shelved(data)
    wrong = [shape.target for shape in data.shapes if shape.target.unmet(shape.clip.video)]
    # Of what is posted or was refused for good nothing more is made.
    left = [target for target in wanted(pipeline, data) if target in wrong]
    if not left:
        return None
    # All of them leave the shelf: each of the others is then begun when the one before is finished.
    return _finish(data.replace(shapes=tuple(shape for shape in data.shapes if shape.target not in left)), left[0])


def _stored(target: Target) -> Target | None:
    return None if target == PLAIN else target
