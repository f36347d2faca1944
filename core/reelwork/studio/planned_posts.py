"""The posts of a dry run, and what a person should know of their copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from pydantic import JsonValue

from reelwork.money import to_dollars
from reelwork.planning.job_state import PLAIN, JobData
from reelwork.planning.limits import copy_problems
from reelwork.planning.plan import PlannedJob, total
from reelwork.planning.planned_video import is_posted
from reelwork.planning.post_copy import copy_for
from reelwork.planning.post_prices import any_priced, post_quotes
from reelwork.planning.review_rules import planned_reason
from reelwork.planning.shapes import target_for
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.models import Brief, Disclosure, Frozen, Hashtags, Privacy, Prompt, Target


class PlannedPost(Frozen):
    """A post as it would be published at one destination."""

    destination: str
    public: bool
    """False when the destination only writes on this machine."""
    title: str = ""
    caption: str = ""
    hashtags: Hashtags = ()
    privacy: Privacy = "public"
    alt_text: str = ""
    publish_at: datetime | None = None
    """When it is to be seen; None: at once."""
    disclosure: Disclosure = Disclosure()
    options: Mapping[str, JsonValue] = {}
    """The network's own options."""
    cost: Decimal | None = None
    """US dollars it costs at most; None when the destination names no price, or it is not known."""
    unknown_price: bool = False
    """True if the destination charges for posts, and the price of this one is not known."""
    basis: str = ""
    """What that was reckoned by."""
    review: str = ""
    """Why it will wait for a person's review; empty if it will not."""
    target: Target | None = None
    """The video it gets, where that is another than the render."""
    note: str = ""
    """What a person must know about it, as the destination says, and the captions that it goes without."""
    held_in_doubt: bool = False
    """True if the destination cannot be asked what was posted: should its answer be lost, the post is held."""


def copy_notes(pipeline: Pipeline, brief: Brief, prompt: Prompt | None, planned: PlannedJob) -> Iterator[str]:
    """Yield what the platform will not take of the copy."""
    if prompt is None or planned.platform is None:
        return
    yield from copy_problems(prompt, planned.platform)
    for name in pipeline.order["publish"] if brief.destinations else ():
        if name in brief.destinations:
            copy = copy_for(brief, prompt, name)
            own = prompt.replace(title=copy.title, caption=copy.caption, hashtags=copy.hashtags)
            yield from (f"{name}: {problem}" for problem in copy_problems(own, planned.platform))


def cannot_be_asked(pipeline: Pipeline, destination: str) -> bool:
    """Return whether only a person can find out there if a post whose answer was lost is out."""
    has_no_means = pipeline.instances[destination].idempotency is Idempotency.NONE
    return has_no_means and not pipeline.dispatcher.has(destination, "find_post")


def _captions_left_out(pipeline: Pipeline, destination: str) -> str:
    """Return the words about captions that a destination would not post; empty if it posts all, or does not say."""
    taken, none = pipeline.instances[destination].caption_types, pipeline.instances[destination].no_captions
    added = (kind for name in pipeline.order["post_download"] for kind in pipeline.instances[name].caption_types)
    if none:
        return "without the captions: it takes none" if any(added) else ""
    left_out = sorted(set(added) - set(taken)) if taken else []
    return f"without captions in {' and '.join(left_out)}: it takes {' and '.join(taken)}" if left_out else ""


def planned_posts(pipeline: Pipeline, data: JobData, prompt: Prompt) -> Iterator[PlannedPost]:
    """Yield the posts of a job, as they would be published."""
    if not is_posted(data.take, data.brief):
        return
    quotes = post_quotes(pipeline, data, prompt) if any_priced(pipeline) else {}
    cost = total((to_dollars(data.cost), *(None if one is None else one.most for one in quotes.values())))
    for name in pipeline.order["publish"]:
        copy = copy_for(data.brief, prompt, name, data.disclosure)
        target = target_for(pipeline, name, data.brief, data.platform, data.spec)
        yield PlannedPost(
            destination=name,
            public=bool(getattr(pipeline.instances[name], "public", True)),
            cost=None if (quote := quotes.get(name)) is None else quote.most,
            unknown_price=quote is None and name in quotes,
            basis="" if quote is None else quote.basis,
            review=planned_reason(pipeline.workflow.review, name, cost),
            target=None if target == PLAIN else target,
            note="; ".join(filter(None, (pipeline.instances[name].post_note, _captions_left_out(pipeline, name)))),
            held_in_doubt=cannot_be_asked(pipeline, name),
            publish_at=copy.publish_at or data.brief.publish_at,
            **{field: getattr(copy, field) for field in type(copy).model_fields if field != "publish_at"},
        )
