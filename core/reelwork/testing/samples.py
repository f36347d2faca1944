"""Sample values of everything a hook is given. Each function takes the fields to change.

The values fit together: the post's clip is the one of the job, whose prompt is the sample prompt.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from reelwork.testing.clips import passing_folder, sample_video
from reelwork_hooks.effects import Effect
from reelwork_hooks.models import (
    Asset,
    Brief,
    Clip,
    Content,
    Frozen,
    Job,
    JobEvent,
    Platform,
    Post,
    Prompt,
    Receipt,
    RenderFacts,
    Role,
    Spec,
    Stage,
)
from reelwork_hooks.plugin import Plugin
from reelwork_hooks.provider import RenderRequest

V = TypeVar("V", bound=Frozen)

SAMPLE_PROMPT = "A lighthouse at dawn, waves rolling in"
# Fixed, so that a test's output is the same each day.
MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""The time of everything in the samples."""


def _with(value: V, changes: dict[str, Any]) -> V:
    return value.replace(**changes) if changes else value


def sample_brief(**changes: Any) -> Brief:
    """Return a person's brief: one second, 480p, with a title, a caption and two hashtags."""
    brief = Brief(
        prompt=SAMPLE_PROMPT,
        duration=1,
        resolution="480p",
        title="Dawn at the lighthouse",
        caption="The first light of the day.",
        hashtags=("lighthouse", "dawn"),
        privacy="private",
    )
    return _with(brief, changes)


def _spec() -> Spec:
    return Spec(width=854, height=480, aspect_ratio="16:9", resolution="480p", fps=10, duration=1)


def sample_platform(**changes: Any) -> Platform:
    """Return a platform with limits on its copy."""
    platform = Platform(
        name="sample",
        aspect_ratio="16:9",
        longest_duration=60,
        title_limit=100,
        caption_limit=500,
        hashtag_limit=10,
    )
    return _with(platform, changes)


def sample_prompt(**changes: Any) -> Prompt:
    """Return the prompt as it stands before any plugin changed it."""
    brief = sample_brief()
    prompt = Prompt(text=brief.prompt, title=brief.title, caption=brief.caption, hashtags=brief.hashtags)
    return _with(prompt, changes)


def sample_job(**changes: Any) -> Job:
    """Return a job whose video has been made, on the platform `sample`."""
    job = Job(
        id="0samplejob000001",
        run="0samplerun000001",
        workflow="sample",
        brief=sample_brief(),
        spec=_spec(),
        provider="fake",
        platform=sample_platform(),
        created_at=MORNING,
        prompt=sample_prompt(),
        render=RenderFacts(provider="fake", remote_id="fake_1", status="completed"),
    )
    return _with(job, changes)


def sample_content(**changes: Any) -> Content:
    """Return the content that moderation sees first: the brief's text. At `Stage.CLIP`: a clip and frames of it.

    Frames are those of the `clip` that is given, `Plugin.clip_frames` of them, unless `images` says otherwise.
    """
    if changes.get("stage") != Stage.CLIP:
        return _with(Content(stage=Stage.BRIEF, text=SAMPLE_PROMPT), changes)
    given = dict(changes)
    return _with(shown_clip(given.pop("clip", None) or sample_clip(), Plugin.clip_frames), given)


def shown_clip(clip: Clip, frames: int) -> Content:
    """Return what moderation is shown of a clip, with its frames in a folder that is removed with the process."""
    from reelwork.engine.stages.clip import clip_content

    return clip_content(clip, frames, passing_folder())


def sample_clip(path: Path | None = None, **changes: Any) -> Clip:
    """Return a clip with a real video: the file given, or one second that is written once for a process."""
    from dataclasses import asdict

    from reelwork.media.probe import probe

    video = path or sample_video()
    facts = {name: value for name, value in asdict(probe(video)).items() if name not in ("frames", "has_audio")}
    return _with(Clip(video=Asset.from_file(video, Role.VIDEO, media_type="video/mp4", **facts)), changes)


def sample_post(**changes: Any) -> Post:
    """Return a private post with a real video, for the destination `sample`."""
    brief = sample_brief()
    given = {
        "destination": "sample",
        "platform": sample_platform(),
        "title": brief.title,
        "caption": brief.caption,
        "hashtags": brief.hashtags,
        "privacy": brief.privacy,
        **changes,
    }
    return Post(clip=given.pop("clip", None) or sample_clip(), **given)


def sample_effect(**changes: Any) -> Effect:
    """Return an effect at its first attempt. What is noted on it is dropped; `call_hook` keeps it."""
    return Effect(**{"key": "reelwork-0samplejob000001-post-sample", "started_at": MORNING.timestamp(), **changes})


def sample_receipt(**changes: Any) -> Receipt:
    """Return the receipt of a post that the network still processes."""
    receipt = Receipt(id="post_1", url="https://example.org/post_1", at=MORNING, state="processing")
    return _with(receipt, changes)


def sample_event(**changes: Any) -> JobEvent:
    """Return the event of a job that went well."""
    return _with(JobEvent(job=sample_job(), name="done", at=MORNING), changes)


def sample_request(**changes: Any) -> RenderRequest:
    """Return a request as a provider's `submit` gets it."""
    return _with(RenderRequest(prompt=SAMPLE_PROMPT, spec=_spec()), changes)
