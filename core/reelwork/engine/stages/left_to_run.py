"""The `post_download` plugins that have yet to run, where the list may have changed since the first of them ran."""

from __future__ import annotations

from dataclasses import replace

from reelwork.engine.stages.step import Working
from reelwork.planning.job_state import JobData
from reelwork.plugins.ordering import PHASES
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.plugin import Phase

_ALREADY = {Phase.SIGN: "signed", Phase.STORE: "stored"}


def left_to_run(work: Working) -> tuple[str, ...]:
    """Return the instances that have yet to run, in order, those first that run again."""
    listed, again = work.pipeline.order["post_download"], work.data.again
    # A video that is finished may be posted, or looked up by its bytes: what is added since is for other jobs.
    return again if work.data.whole else (*again, *_not_run(work, listed))


def without_unlisted(work: Working) -> Working:
    """Return a job without the plugins to run again that are in no list any more. Their files are gone already."""
    listed, again = work.pipeline.order["post_download"], work.data.again
    if all(name in listed for name in again):
        return work
    return replace(work, data=work.data.replace(again=tuple(name for name in again if name in listed)))


def out_of_place(work: Working, instance: str) -> str:
    """Return why an instance cannot run now at the place that the list gives it; empty if it can."""
    if instance in work.data.again:
        return ""
    listed, phase = work.pipeline.order["post_download"], phase_of(work.pipeline, instance)
    not_run = _not_run(work, listed)
    behind = next((name for name in listed[listed.index(instance) :] if name not in not_run), None)
    if behind is not None:
        return (
            f"plugins.post_download has {instance!r} before {behind!r}, which has run already. List {instance!r} "
            "after it, or leave it out"
        )
    past = next((ran for ran in work.data.ran if PHASES.index(ran.phase) > PHASES.index(phase)), None)
    if past is None:
        return ""
    return f"{instance!r} comes too late: {past.by!r} has {_ALREADY[past.phase]} the video. Leave it out"


def edits_left(work: Working) -> bool:
    """Return whether a plugin that edits has yet to run."""
    return any(phase_of(work.pipeline, name) is Phase.EDIT for name in left_to_run(work))


def is_past_editing(data: JobData) -> bool:
    """Return whether a plugin that signs or stores has run."""
    return any(done.phase is not Phase.EDIT for done in data.ran)


def signs(pipeline: Pipeline) -> bool:
    """Return whether a plugin of the workflow signs videos."""
    return any(phase_of(pipeline, name) is Phase.SIGN for name in pipeline.order["post_download"])


def phase_of(pipeline: Pipeline, instance: str) -> Phase:
    """Return the phase of an instance."""
    return getattr(pipeline.instances[instance], "phase", Phase.EDIT)


def _not_run(work: Working, listed: tuple[str, ...]) -> tuple[str, ...]:
    # `thumbnail` and `reelwork:thumbnail` are one plugin: respelt, it must not run, and be paid, a second time.
    name_of = work.pipeline.plugin_name
    done = {name_of(ran.by) for ran in work.data.ran}
    return tuple(name for name in listed if name_of(name) not in done)
