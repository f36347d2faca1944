"""The most that a job's plugins may pay for calls of their own: `most_per_call` for each planned call of a hook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache

from reelwork.planning.job_state import JobData
from reelwork.planning.planned_video import is_posted
from reelwork.planning.shapes import wanted
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Stage

ONCE_A_POST = ("prepare_publish", "publish", "follow_post")


def paying_plugins(pipeline: Pipeline) -> Mapping[str, Decimal]:
    """Return the plugins of a workflow that pay for something themselves, with the most that one call costs."""
    names = dict.fromkeys(name for order in pipeline.order.values() for name in order)
    most = ((name, pipeline.instances[name].most_per_call) for name in names)
    return {name: amount for name, amount in most if amount}


def calls_cost(pipeline: Pipeline, datas: Iterable[JobData]) -> Decimal:
    """Return the US dollars that the plugins of these jobs pay at most, if no call is repeated."""
    most = paying_plugins(pipeline)
    if not most:
        return Decimal(0)

    @cache
    def of_one(posts: bool, targets: int) -> Decimal:
        called = _called(pipeline, posts=posts, targets=targets)
        return sum((most[name] for name in called if name in most), Decimal(0))

    return sum((of_one(posts, _targets(pipeline, data, posts)) for posts, data in _posted(datas)), Decimal(0))


def _posted(datas: Iterable[JobData]) -> Iterator[tuple[bool, JobData]]:
    for data in datas:
        yield is_posted(data.take, data.brief), data


def _targets(pipeline: Pipeline, data: JobData, posts: bool) -> int:
    # A take that is not posted is finished once, like one without destinations.
    return max(len(wanted(pipeline, data)), 1) if posts else 1


def _called(pipeline: Pipeline, *, posts: bool, targets: int) -> Iterator[str]:
    """Yield a plugin for each call, in the hooks for whose calls the engine reserves money."""
    destinations = pipeline.order["publish"] if posts else ()
    yield from pipeline.order["prompt_transform"]
    times = {Stage.CLIP: targets, Stage.POST: len(destinations)}
    # The video is finished and looked at once for each target.
    for _ in range(targets):
        yield from pipeline.order["post_download"]
    for stage in Stage:
        for _ in range(times.get(stage, 1)):
            yield from pipeline.moderators(stage)
    for name in destinations:
        yield from (name for hook in ONCE_A_POST if pipeline.dispatcher.has(name, hook))
