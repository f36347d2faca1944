"""The text of a post, counted and cut as Facebook takes it."""

from __future__ import annotations

from reelwork_hooks import Job, Post
from reelwork_plugins.publishers.meta.text import filled_to, shortened
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, disclosure, filled, utf16_units

LONGEST = {"reel": 2200, "video": 63_206}
"""UTF-16 units of a text, by the kind of post: an emoji counts as two."""
LONGEST_TITLE = 255


def description(post: Post, job: Job, template: str, kind: str) -> str:
    """Return the text. Where it is too long, the caption is cut, and hashtags last."""
    words = disclosure(post, DEFAULT_DISCLOSURE) if post.disclosure.label == "caption" else ""
    said = filled(template, post, job)
    tail = f"\n\n{words}" if words and words.casefold() not in said.casefold() else ""
    return filled_to(LONGEST[kind], template, post, job, tail, utf16_units).strip()


def title(post: Post) -> str:
    """Return the title, on one line."""
    return shortened(" ".join(post.title.split()), LONGEST_TITLE, utf16_units)
