"""Reads what versions before 0.3 stored of finishing: the number of plugins that had run, without their names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from reelwork.engine.stages.left_to_run import phase_of
from reelwork.engine.stages.step import Working
from reelwork.planning.job_state import Done, Shape
from reelwork.planning.shapes import current
from reelwork.store.records import EventRow
from reelwork.store.statuses import Step
from reelwork_hooks.plugin import Phase

_POSTING = (Step.PUBLISH, Step.PUBLISH_AGAIN)


def needs_naming(work: Working) -> bool:
    """Return whether an earlier version stored the job."""
    data = work.data
    counted = bool(data.finished) or any(shape.finished for shape in data.shapes)
    return counted or (work.row.step in _POSTING and not data.whole)


def named(work: Working, story: Sequence[EventRow]) -> Working:
    """Return the job with the plugins named that have run."""
    data = work.data
    ran = _named(work, story, current(data).label, data.finished) or data.ran
    shapes = tuple(_shape(work, story, shape) for shape in data.shapes)
    # At its posts all of the list had run. For none of them may the video change.
    whole = data.whole or work.row.step in _POSTING
    return replace(work, data=data.replace(ran=ran, finished=0, whole=whole, shapes=shapes))


def _shape(work: Working, story: Sequence[EventRow], shape: Shape) -> Shape:
    return shape.replace(ran=_named(work, story, shape.target.label, shape.finished) or shape.ran, finished=0)


def _named(work: Working, story: Sequence[EventRow], label: str, count: int) -> tuple[Done, ...]:
    """Return the plugins that a job's story tells of; those the list begins with where it tells of others."""
    if not count:
        return ()
    listed = work.pipeline.order["post_download"]
    told: list[str] = []
    for event in story:
        if event.name == "downloaded":
            told.clear()
        if event.name == "finished" and (details := json.loads(event.details)).get("target", "") == label:
            told.append(details["plugin"])
    # A plugin that ran again is told of twice, and counted once.
    names = tuple(dict.fromkeys(told))
    known = names if len(names) == count else listed[:count]
    return tuple(Done(name, phase_of(work.pipeline, name) if name in listed else Phase.EDIT) for name in known)
