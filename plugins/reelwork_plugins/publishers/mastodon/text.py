"""The text of a post: the template, what is said of AI, and the instance's limits."""

from __future__ import annotations

import re

from reelwork_hooks import Job, Post
from reelwork_plugins.publishers.mastodon.config import MastodonConfig
from reelwork_plugins.publishers.post_text import disclosure, filled

_URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)'\]]")
_TRIES = 8


def counted(text: str, per_url: int) -> int:
    """Return an upper bound of the characters that an instance counts: every address counts the same."""
    # Instances count what a reader sees as one sign; code points are never fewer.
    return len(_URL.sub("", text)) + per_url * len(_URL.findall(text))


def post_text(post: Post, job: Job, config: MastodonConfig, longest: int, per_url: int) -> str:
    """Return the text: the template, shortened to leave room for the disclosure, which is never cut."""
    # The network has no label for AI: the words are all that tells.
    body = filled(config.text, post, job)
    words = disclosure(post, config.disclosure)
    if words and words.casefold() in body.casefold() and counted(body, per_url) <= longest:
        words = ""
    tail = f"\n\n{words}" if body and words else words
    return shortened(body, longest - counted(tail, per_url), per_url) + tail


def shortened(text: str, longest: int, per_url: int) -> str:
    """Return the text, cut at a word where it is too long."""
    kept = text
    for _ in range(_TRIES):
        excess = counted(kept, per_url) - longest
        if excess <= 0:
            return kept
        cut = kept.rstrip("…")[: -(excess + 1)]
        kept = f"{(cut.rpartition(' ')[0] if ' ' in cut[-40:] else cut).rstrip()}…"
    return kept[: max(longest, 0)]
