"""The prices of a job's posts, before and when they are posted."""

from __future__ import annotations

from decimal import Decimal

from reelwork.planning.job_state import JobData
from reelwork.planning.planned_video import is_posted, planned_post
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Prompt
from reelwork_hooks.prices import Quote


def any_priced(pipeline: Pipeline) -> bool:
    """Return whether any destination of the workflow names the price of a post."""
    return any(map(pipeline.names_price, pipeline.order["publish"]))


def post_costs(pipeline: Pipeline, data: JobData) -> dict[str, Decimal | None]:
    """Return the US dollars that each post of a planned job costs at most, where its destination names prices.

    None: what that post costs is not known.
    """
    return {name: None if quote is None else quote.most for name, quote in post_quotes(pipeline, data).items()}


def post_quotes(pipeline: Pipeline, data: JobData, prompt: Prompt | None = None) -> dict[str, Quote | None]:
    """Return the quote for each post of a planned job, where its destination names prices; None if it is not known.

    Reckoned by this prompt's copy, or by the brief's own. Raises `PluginInvalid` when a price cannot be known.
    """
    names = pipeline.order["publish"] if is_posted(data.take, data.brief) else ()
    return {
        name: pipeline.post_price(name, planned_post(pipeline, data, name, prompt))
        for name in filter(pipeline.names_price, names)
    }
