"""The copy that each destination gets: what `[destination.NAME]` says, else what the brief and its plugins say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from reelwork_hooks.models import Brief, Disclosure, Frozen, Hashtags, Post, PostCopy, Privacy, Prompt

COPY = ("title", "caption", "hashtags", "privacy", "alt_text", "publish_at", "disclosure")
"""The keys of `[destination.NAME]` that are copy, which every publisher has."""
VIDEO = ("aspect_ratio", "longest", "most_bytes", "codecs")
"""Those that say which video it takes. All others are its own options."""


class Copy(Frozen):
    """All that a post says, but for its video."""

    title: str
    caption: str
    hashtags: Hashtags
    privacy: Privacy
    alt_text: str = ""
    publish_at: datetime | None = None
    disclosure: Disclosure = Disclosure()
    options: Mapping[str, JsonValue] = {}


def copy_for(brief: Brief, prompt: Prompt, destination: str, disclosure: Disclosure | None = None) -> Copy:
    """Return the copy for one destination. What it gets of its own is not changed by any plugin.

    `disclosure` counts where it has none of its own.
    """
    own = brief.destinations.get(destination, PostCopy())
    shared: dict[str, Any] = {
        "title": prompt.title,
        "caption": prompt.caption,
        "hashtags": prompt.hashtags,
        "privacy": brief.privacy,
        "alt_text": prompt.alt_text or brief.alt_text,
        "disclosure": disclosure or Disclosure(),
    }
    given = {name: value for name in COPY if (value := getattr(own, name)) is not None}
    return Copy(**{**shared, **given, "options": own.options})


def texts_in(value: JsonValue | Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def words_of(post: Post) -> Iterator[str]:
    """Yield all that a post says, options included: a warning before the video is read like its caption."""
    yield post.title
    yield post.caption
    yield " ".join(f"#{tag}" for tag in post.hashtags)
    if post.alt_text:
        yield post.alt_text
    yield from texts_in(post.options)


def shape_of_copy(brief: Brief) -> tuple[object, ...]:
    """Return all of a brief's copy that may be refused: equal for briefs whose copy can be checked as one."""
    return tuple(
        (
            *(name, copy.publish_at is None, copy.alt_text is None, repr(copy.disclosure), repr(copy.options)),
            *(getattr(copy, field) for field in VIDEO),
        )
        for name, copy in sorted(brief.destinations.items())
    )
