"""The body of a post: JSON in the form of the Standard Webhooks specification."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import Asset, HttpFiles, InvalidInput, Job, Post
from reelwork_plugins.publishers.post_text import disclosure, with_disclosure
from reelwork_plugins.publishers.webhook.config import WebhookConfig, WebhookPostOptions

TYPE = "post"
Link = Callable[[Asset], Awaitable[str]]
"""Returns an address from which anyone can read a file. Raises `InvalidInput` where there is none."""


def parts_of(post: Post) -> Iterator[tuple[str, Asset]]:
    """Yield the files of a post with the names that they have in a form, the video first."""
    yield "video", post.clip.video
    if post.thumbnail is not None:
        yield "thumbnail", post.thumbnail
    for number, captions in enumerate(post.captions, 1):
        yield f"captions_{number}", captions


def files_of(post: Post) -> HttpFiles:
    """Return the files of a form."""
    return {part: (f"{part}{one.path.suffix}", one.path, one.media_type) for part, one in parts_of(post)}


async def body_of(post: Post, job: Job, config: WebhookConfig, at: str, link: Link | None) -> str:
    """Return the body. `at` is when it was made; `link` gives the addresses of files, where these are sent.

    Raises `InvalidInput` where the video has no address.
    """
    told = [(part, await _told(part, asset, link)) for part, asset in parts_of(post)]
    by_part = dict(told)
    data: dict[str, JsonValue] = {
        "destination": post.destination,
        "job": job.id,
        "run": job.run,
        "workflow": job.workflow,
        "brand": job.brand or None,
        "platform": post.platform.name if post.platform else None,
        "title": post.title,
        "caption": _caption(post, config),
        "hashtags": list(post.hashtags),
        "alt_text": post.alt_text,
        "privacy": post.privacy,
        "ai_generated": post.ai_generated,
        "disclosure": {"ai": post.disclosure.ai, "label": post.disclosure.label},
        "publish_at": post.publish_at.isoformat() if post.publish_at and config.keeps_time else None,
        "fields": dict(WebhookPostOptions.model_validate(dict(post.options)).fields),
        "video": by_part["video"],
        "thumbnail": by_part.get("thumbnail"),
        "captions": [one for part, one in told if part.startswith("captions_")],
    }
    envelope = {"type": TYPE, "timestamp": at, "data": data}
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))


async def _told(part: str, asset: Asset, link: Link | None) -> dict[str, JsonValue]:
    """Return what is said of a file."""
    facts: dict[str, Any] = {
        name: getattr(asset, name)
        for name in ("sha256", "bytes", "media_type", "width", "height", "duration", "fps")
    }
    if link is None:
        return {"part": part, **facts}
    try:
        return {"url": await link(asset), **facts}
    except InvalidInput:
        # The post can do without the others.
        if part == "video":
            raise
        return {"url": None, **facts}


def _caption(post: Post, config: WebhookConfig) -> str:
    if post.disclosure.label != "caption":
        return post.caption
    # A receiver has no limit that is known here.
    words = disclosure(post, config.disclosure)
    return with_disclosure(post.caption, words, len(post.caption) + len(words) + 2, len)
