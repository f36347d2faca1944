"""The prices of a job's posts, before and when they are posted."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from reelwork.planning.frame_size import frame_size
from reelwork.planning.job_state import JobData, post_for
from reelwork.planning.shapes import target_for
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Asset, Brief, Clip, Prompt, Role, Spec, Target
from reelwork_hooks.prices import Quote

# While a job is planned there is no video: a publisher is shown the one that is asked for.
NO_BYTES = "0" * 64
ASKED_FOR = Path("planned.mp4")


def any_priced(pipeline: Pipeline) -> bool:
    """Return whether any destination of the workflow names the price of a post."""
    return any(map(pipeline.names_price, pipeline.order["publish"]))


def is_posted(take: int, brief: Brief) -> bool:
    """Return whether this take of a brief is posted."""
    return take == 1 or brief.publish_takes != "first"


def post_costs(pipeline: Pipeline, data: JobData) -> dict[str, Decimal | None]:
    """Return the US dollars that each post of a planned job costs at most, where its destination names prices.

    None: what that post costs is not known.
    """
    return {name: None if quote is None else quote.most for name, quote in post_quotes(pipeline, data).items()}


def post_quotes(pipeline: Pipeline, data: JobData, prompt: Prompt | None = None) -> dict[str, Quote | None]:
    """Return the quote for each post of a planned job, where its destination names prices; None if it is not known.

    Reckoned by this prompt's copy, or by the brief's own. Raises `PluginInvalid` when a price cannot be known.
    """
    planned = data.model_copy(update={"prompt": prompt or _own_words(data)})
    found = {}
    for name in filter(pipeline.names_price, _destinations(pipeline, data)):
        target = target_for(pipeline, name, data.brief, data.platform, data.spec)
        asked = planned.model_copy(update={"clip": _clip(data.spec, target)})
        found[name] = pipeline.post_price(name, post_for(asked, name))
    return found


def _destinations(pipeline: Pipeline, data: JobData) -> Iterator[str]:
    if is_posted(data.take, data.brief):
        yield from pipeline.order["publish"]


def _own_words(data: JobData) -> Prompt:
    brief = data.brief
    return Prompt(text=brief.prompt, title=brief.title, caption=brief.caption, hashtags=brief.hashtags)


def _clip(spec: Spec, target: Target) -> Clip:
    width, height = spec.width, spec.height
    if target.aspect_ratio is not None:
        width, height = frame_size(spec.resolution, target.aspect_ratio)
    video = Asset(
        path=ASKED_FOR, sha256=NO_BYTES, bytes=0, media_type="video/mp4", role=Role.VIDEO,
        width=width, height=height, duration=min(spec.duration, target.longest or spec.duration), fps=spec.fps,
    )  # fmt: skip
    return Clip(video=video)
