"""The text of a post, counted and cut as Threads takes it."""

from __future__ import annotations

import unicodedata

from reelwork_hooks import Job, Post
from reelwork_plugins.publishers.meta.text import shortened
from reelwork_plugins.publishers.post_text import disclosure, filled

# https://developers.facebook.com/docs/threads/overview#limitations
LONGEST, LONGEST_ALT = 500, 1000
# Symbols, the tones of skin, the joiner, and what turns a sign into an emoji.
_EMOJI = frozenset({"So", "Sk", "Cf", "Cn"})
_PICTURE = "\ufe0f"


def post_text(post: Post, job: Job, template: str, said: str) -> str:
    """Return the text, shortened to leave room for the words on AI, which are never cut."""
    # The network has no label for AI: the words are all that tells.
    body, words = filled(template, post, job), disclosure(post, said)
    if words and words.casefold() in body.casefold() and counted(body) <= LONGEST:
        words = ""
    tail = f"\n\n{words}" if body and words else words
    return shortened(body, LONGEST - counted(tail), counted) + tail


def counted(text: str) -> int:
    """Return the characters that Threads counts: an emoji counts as the bytes of its UTF-8."""
    return sum(len(sign.encode()) if _is_emoji(sign) else 1 for sign in text)


def _is_emoji(sign: str) -> bool:
    return sign == _PICTURE or (not sign.isascii() and unicodedata.category(sign) in _EMOJI)
