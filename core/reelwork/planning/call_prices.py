"""The most that a job's plugins may pay for calls of their own: `most_per_call` for each planned call of a hook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Stage

ONCE_A_JOB = ("prompt_transform", "post_download")
ONCE_A_POST = ("prepare_publish", "publish", "follow_post")


def paying_plugins(pipeline: Pipeline) -> Mapping[str, Decimal]:
    """Return the plugins of a workflow that pay for something themselves, with the most that one call costs."""
    names = dict.fromkeys(name for order in pipeline.order.values() for name in order)
    most = ((name, pipeline.instances[name].most_per_call) for name in names)
    return {name: amount for name, amount in most if amount}


def calls_cost(pipeline: Pipeline, *, posts: bool) -> Decimal:
    """Return the US dollars that the plugins of one job pay at most, if no call is repeated.

    `posts` is False for a take that is not posted.
    """
    most = paying_plugins(pipeline)
    return sum((most[name] for name in _called(pipeline, posts=posts) if name in most), Decimal(0))


def _called(pipeline: Pipeline, *, posts: bool) -> Iterator[str]:
    """Yield a plugin for each call, in the hooks for whose calls the engine reserves money."""
    destinations = pipeline.order["publish"] if posts else ()
    for hook in ONCE_A_JOB:
        yield from pipeline.order[hook]
    for stage in Stage:
        for _ in destinations if stage is Stage.POST else (None,):
            yield from pipeline.moderators(stage)
    for name in destinations:
        yield from (name for hook in ONCE_A_POST if pipeline.dispatcher.has(name, hook))
