"""The targets of a job's destinations, and the videos that are finished for them from its one render."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reelwork.planning.job_state import PLAIN, JobData, PostState, Shape
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Asset, Brief, Platform, Spec, Target
from reelwork_hooks.plugin import Phase

LIMITS = ("longest", "most_bytes")
MEASURED = ("most_bytes", "codecs")
"""What is known of a video only when it is finished."""


def fitted(pipeline: Pipeline) -> frozenset[str]:
    """Return the fields of a target that the workflow's plugins bring a video to."""
    editors = pipeline.order.get("post_download", ())
    return frozenset(field for name in editors for field in pipeline.instances[name].fits)


def may_change(pipeline: Pipeline) -> frozenset[str]:
    """Return what the workflow's plugins may change of a video: `size`, `fps` and `duration`."""
    plugins = (pipeline.instances[name] for name in pipeline.order.get("post_download", ()))
    return frozenset(fact for one in plugins if one.phase is Phase.EDIT for fact in one.may_change)


def writable(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the codecs that the workflow's plugins can write; empty if there is no limit, or no such plugin."""
    editors = (pipeline.instances[name] for name in pipeline.order.get("post_download", ()))
    written = [one.writes_codecs for one in editors if "codecs" in one.fits]
    return tuple(dict.fromkeys(codec for codecs in written for codec in codecs)) if all(written) else ()


def takes_at(pipeline: Pipeline, brief: Brief, platform: Platform | None) -> dict[str, Target]:
    """Return the video that each destination takes, for those that ask for any."""
    # As if the render were of no use to any of them: what it meets by itself is left in.
    asked = {name: _taken(pipeline, name, brief, platform) for name in pipeline.order["publish"]}
    return {name: target for name, target in asked.items() if target != PLAIN}


def checked_only(pipeline: Pipeline, destination: str) -> Target:
    """Return the limits of a publisher that no plugin of the workflow brings a video to.

    They are measured before the post. To finish a video for them would make the same video once more.
    """
    accepts, fits = pipeline.instances[destination].accepts, fitted(pipeline)
    return Target(**{name: getattr(accepts, name) for name in MEASURED if name not in fits})


def target_for(pipeline: Pipeline, destination: str, brief: Brief, platform: Platform | None, spec: Spec) -> Target:
    """Return what a destination takes of a video, beyond what is rendered.

    Its shape and codecs are the workflow's to say, then the platform's, then the publisher's; of limits the
    strictest counts.
    """
    taken = _taken(pipeline, destination, brief, platform)
    # A destination that takes what is rendered shares it with all others: nothing is made twice for it.
    return taken if taken == PLAIN else taken.beyond(aspect_ratio=spec.aspect_ratio, duration=spec.duration)


def _taken(pipeline: Pipeline, destination: str, brief: Brief, platform: Platform | None) -> Target:
    accepts, own = pipeline.instances[destination].accepts, brief.destinations.get(destination)
    if own is None and platform is None and accepts == PLAIN:
        return PLAIN
    checked = {name: getattr(PLAIN, name) for name, value in checked_only(pipeline, destination) if value}
    accepts = accepts.replace(**checked) if checked else accepts
    sources = [source for source in (own, platform, accepts) if source is not None]
    limits = {name: min(found) for name in LIMITS if (found := list(_said(sources, name)))}
    ratios = _said([source for source in sources if source is not platform], "aspect_ratio")
    asked = {**limits, "aspect_ratio": next(ratios, None), "codecs": next(_said(sources, "codecs"), ())}
    return Target(**asked) if any(asked.values()) else PLAIN


def _said(sources: list[Any], name: str) -> Iterator[Any]:
    for source in sources:
        if value := getattr(source, name, None):
            yield value


def target_at(pipeline: Pipeline, data: JobData, destination: str) -> Target:
    """Return the target of a job's post. It stays the same from the first try to make that post."""
    state = data.posts.get(destination, PostState())
    # A post that may have been sent, or was prepared, must be the same when it is looked up or sent again.
    if state.target is not None:
        return state.target
    if state.state != "open" or state.prepared is not None or state.waited is not None:
        return PLAIN
    return target_for(pipeline, destination, data.brief, data.platform, data.spec)


def wanted(pipeline: Pipeline, data: JobData) -> tuple[Target, ...]:
    """Return the targets of the posts that are still to be made, each once, in their order."""
    posts = data.posts
    open_ = [
        name for name in pipeline.order["publish"] if posts.get(name, PostState()).state in ("open", "prepared")
    ]
    return tuple(dict.fromkeys(target_at(pipeline, data, name) for name in open_))


def unmade(pipeline: Pipeline, data: JobData) -> tuple[Target, ...]:
    """Return those of them for which no video is finished yet, apart from the one in work."""
    made = [shape.target for shape in data.shapes]
    return tuple(target for target in wanted(pipeline, data) if target not in made)


def current(data: JobData) -> Target:
    """Return the target that the clip is finished for."""
    return data.target or PLAIN


def uses_targets(data: JobData) -> bool:
    """Return whether any of a job's videos is another than the render."""
    return data.target is not None or bool(data.shapes) or data.source is not None


def shelved(data: JobData) -> JobData:
    """Return the data with the clip, which is finished, among those that are."""
    assert data.clip is not None
    mine = Shape(target=current(data), clip=data.clip, ran=data.ran, derived=data.derived, looked=data.looked)
    places = [shape.target for shape in data.shapes]
    if mine.target in places:
        at = places.index(mine.target)
        return data.replace(shapes=(*data.shapes[:at], mine, *data.shapes[at + 1 :]))
    return data.replace(shapes=(*data.shapes, mine))


def shaped(data: JobData, target: Target) -> JobData:
    """Return the data with the clip that is finished for a target in place; as it is if there is none."""
    shape = next((shape for shape in data.shapes if shape.target == target), None)
    if shape is None or target == current(data):
        return data
    return shelved(data).replace(
        target=target,
        clip=shape.clip,
        ran=shape.ran,
        whole=True,
        derived=shape.derived,
        looked=shape.looked,
        again=(),
    )


def posted_as(data: JobData, destination: str) -> JobData:
    """Return the data with the clip in place that a destination was or will be sent."""
    return shaped(data, data.posts.get(destination, PostState()).target or PLAIN) if data.shapes else data


def unfit_words(target: Target, video: Asset) -> Iterator[str]:
    """Yield what a video has that its target does not take, with both values."""
    for name in target.unmet(video):
        match name:
            case "aspect_ratio":
                yield f"it is {video.width}x{video.height}, not {target.aspect_ratio}"
            case "longest":
                yield f"it is {video.duration:.1f} s long, and {target.longest:g} s are taken"
            case "most_bytes":
                yield f"it has {video.bytes:,} bytes, and {target.most_bytes:,} are taken"
            case _:
                yield f"it is {video.codec}, and {' or '.join(target.codecs)} is taken"
