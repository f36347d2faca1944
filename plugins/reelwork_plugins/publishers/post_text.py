"""The text of a post, for networks that have one text: a template filled in, and what is said of AI."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

from reelwork_hooks import Job, Post

DEFAULT_DISCLOSURE = "Made with AI"
FIELDS = ("title", "caption", "hashtags", "prompt", "platform")


def _checked(text: str) -> str:
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ValueError(f"{error}; write {{{{ and }}}} for braces themselves") from None
    unknown = sorted(used - set(FIELDS))
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        raise ValueError(f"{{{unknown[0]}}} is not known here; there are: {known}")
    return text


Template = Annotated[str, AfterValidator(_checked)]
"""A text that may use the names of `FIELDS` in braces."""


def filled(template: str, post: Post, job: Job) -> str:
    """Return a template with its names filled in. What is empty leaves no gap."""
    written = template.format(
        title=post.title,
        caption=post.caption,
        hashtags=" ".join(f"#{tag}" for tag in post.hashtags),
        prompt=job.brief.prompt,
        platform=post.platform.name if post.platform else "",
    )
    return re.sub(r"[ \t]*\n[ \t]*(?:\n\s*)+", "\n\n", written).strip()


def disclosure(post: Post, setting: str) -> str:
    """Return the words about AI, which `setting` may replace or turn off; empty if there are none to say."""
    if not post.ai_generated:
        return ""
    usual = "Partly made with AI" if post.disclosure.ai == "partly" else DEFAULT_DISCLOSURE
    # A post that is to say it in its text says it, even where the settings turn the words off.
    if setting == DEFAULT_DISCLOSURE or (not setting and post.disclosure.label == "caption"):
        return usual
    return setting


def utf16_units(text: str) -> int:
    """Return the length of a text in UTF-16 code units: an emoji counts two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fitted(text: str, longest: int, length: Callable[[str], int]) -> str:
    """Return the text, cut at a word where it is longer than that; `length` counts as the network does."""
    if length(text) <= longest:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length(f"{text[:middle]}…") <= longest else (low, middle - 1)
    cut = text[:low]
    # Not far back for a space: a text without spaces, as in Chinese, would lose its last sentence.
    cut = cut.rpartition(" ")[0] if " " in cut[-40:] else cut
    # Of an emoji that is joined of several, no joint is left without what it joins.
    cut = cut.rstrip().rstrip("\u200d")
    return f"{cut}…" if cut else ""


def with_disclosure(body: str, words: str, longest: int, length: Callable[[str], int]) -> str:
    """Return a text with the words about AI at its end, which are never cut; they are not said twice."""
    if words and words.casefold() in body.casefold() and length(body) <= longest:
        words = ""
    tail = f"\n\n{words}" if body and words else words
    return fitted(body, longest - length(tail), length) + tail
