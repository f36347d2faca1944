"""The video and the post that are asked for, as publishers see them before there is a video."""

from __future__ import annotations

from pathlib import Path

from reelwork.planning.frame_size import frame_size
from reelwork.planning.job_state import JobData, post_for
from reelwork.planning.shapes import may_change, target_for
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Asset, Brief, Clip, Post, Prompt, Role, Spec, Target

NO_BYTES = "0" * 64
ASKED_FOR = Path("planned.mp4")
FACTS = {"size": ("width", "height"), "fps": ("fps",), "duration": ("duration",)}
"""The facts of a video that a plugin may change, by the names that it declares."""


def is_posted(take: int, brief: Brief) -> bool:
    """Return whether this take of a brief is posted."""
    return take == 1 or brief.publish_takes != "first"


def planned_post(pipeline: Pipeline, data: JobData, destination: str, prompt: Prompt | None = None) -> Post:
    """Return a post of a planned job, with this prompt's copy, or the brief's own."""
    target = target_for(pipeline, destination, data.brief, data.platform, data.spec)
    asked = {"prompt": prompt or own_words(data.brief), "clip": planned_clip(data.spec, target)}
    return post_for(data.model_copy(update=asked), destination)


def checked_post(pipeline: Pipeline, data: JobData, destination: str) -> Post | None:
    """Return a post of a planned job without what plugins may yet change of its video; None if it is not posted."""
    if destination not in pipeline.order["publish"] or not is_posted(data.take, data.brief):
        return None
    post = planned_post(pipeline, data, destination)
    unknown = dict.fromkeys(fact for name in may_change(pipeline) for fact in FACTS[name])
    return post.replace(clip=post.clip.with_video(post.clip.video.replace(**unknown)))


def planned_clip(spec: Spec, target: Target) -> Clip:
    """Return the clip that is asked for, in the shape of a target. It has no bytes."""
    width, height = spec.width, spec.height
    if target.aspect_ratio is not None:
        width, height = frame_size(spec.resolution, target.aspect_ratio)
    video = Asset(
        path=ASKED_FOR, sha256=NO_BYTES, bytes=0, media_type="video/mp4", role=Role.VIDEO,
        width=width, height=height, duration=min(spec.duration, target.longest or spec.duration), fps=spec.fps,
    )  # fmt: skip
    return Clip(video=video)


def own_words(brief: Brief) -> Prompt:
    """Return the copy that a brief has before plugins change it."""
    return Prompt(text=brief.prompt, title=brief.title, caption=brief.caption, hashtags=brief.hashtags)
