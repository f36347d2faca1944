"""The caption of a reel, counted and cut as Instagram takes it."""

from __future__ import annotations

import re

from reelwork_hooks import Job, Post
from reelwork_plugins.publishers.meta.text import filled_to
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, disclosure, filled

# https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media
LONGEST, MOST_HASHTAGS, MOST_MENTIONS = 2200, 30, 20
_HASHTAG = re.compile(r"(?<![\w&/])#\w+")
_MENTION = re.compile(r"(?<![\w./@])@\w[\w.]*")


def caption(post: Post, job: Job, template: str) -> str:
    """Return the caption: at most 30 hashtags, and at most 2200 characters, of which hashtags are cut last."""
    words = disclosure(post, DEFAULT_DISCLOSURE) if post.disclosure.label == "caption" else ""
    bare = filled(template, post.replace(hashtags=()), job)
    room = max(MOST_HASHTAGS - len(_HASHTAG.findall(bare)), 0)
    tags = post.hashtags[:room]
    tail = f"\n\n{words}" if words and words.casefold() not in bare.casefold() else ""
    return filled_to(LONGEST, template, post.replace(hashtags=tags), job, tail, counted)


def counted(text: str) -> int:
    """Return the characters that Instagram counts at most: an emoji counts as two."""
    return len(text.encode("utf-16-le")) // 2


def hashtags_in(text: str) -> int:
    """Return the number of hashtags."""
    return len(_HASHTAG.findall(text))


def mentions_in(text: str) -> int:
    """Return the number of accounts that are named."""
    return len(_MENTION.findall(text))
