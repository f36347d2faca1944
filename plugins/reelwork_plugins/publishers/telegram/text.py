"""The text below a video, as long as Telegram allows."""

from __future__ import annotations

from reelwork_hooks import Job, Post
from reelwork_plugins.publishers.post_text import disclosure, filled, utf16_units, with_disclosure
from reelwork_plugins.publishers.telegram.config import TelegramConfig

LONGEST = 1024
"""UTF-16 code units, as Telegram counts: an emoji counts two."""


def caption(post: Post, job: Job, config: TelegramConfig) -> str:
    """Return the text, cut at a word where it is too long; the words about AI at its end are never cut."""
    # The network has no label for AI: the words are all that tells.
    return with_disclosure(
        filled(config.text, post, job), disclosure(post, config.disclosure), LONGEST, utf16_units
    )
