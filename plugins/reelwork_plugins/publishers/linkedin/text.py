"""The text of a post in LinkedIn's `little` format, counted and cut as LinkedIn takes it.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/little-text-format
"""

from __future__ import annotations

import re

from reelwork_hooks import Job, Post
from reelwork_plugins.publishers.meta.text import filled_to, shortened
from reelwork_plugins.publishers.post_text import disclosure, filled, utf16_units

LONGEST = 3000
# LinkedIn names no limit of a video's title.
LONGEST_TITLE = 200
_RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")
_TAG = re.compile(r"(?<![\w#&/])#(?=\w*[^\W\d_])")
"""The sign of a hashtag, as people write one."""


def commentary(post: Post, job: Job, template: str, said: str) -> str:
    """Return the text, escaped. Where it is too long, the caption is cut, and the words on AI never are."""
    words, body = disclosure(post, said), filled(template, post, job)
    tail = f"\n\n{words}" if words and words.casefold() not in body.casefold() else ""
    return escaped(filled_to(LONGEST, template, post, job, tail, _counted).strip())


def title(post: Post) -> str:
    """Return the video's title, on one line."""
    return shortened(" ".join(post.title.split()), LONGEST_TITLE, utf16_units)


def escaped(text: str) -> str:
    """Return a text whose signs mean themselves; hashtags stay hashtags.

    LinkedIn cuts a text off at a reserved sign that is not escaped.
    """

    def written(found: re.Match[str]) -> str:
        return found[0] if _TAG.match(text, found.start()) else f"\\{found[0]}"

    return _RESERVED.sub(written, text)


def _counted(text: str) -> int:
    # LinkedIn does not say whether it counts the backslashes: with them it is never too long.
    return utf16_units(escaped(text))
