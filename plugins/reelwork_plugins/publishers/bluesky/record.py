"""The post as a record of `app.bsky.feed.post`, and the key it gets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reelwork_hooks import Asset, Job, Post
from reelwork_plugins.publishers.bluesky.config import BlueskyConfig, BlueskyPostOptions
from reelwork_plugins.publishers.bluesky.facets import facets
from reelwork_plugins.publishers.bluesky.graphemes import length, shortened
from reelwork_plugins.publishers.captions import Limits
from reelwork_plugins.publishers.post_text import disclosure, filled

COLLECTION = "app.bsky.feed.post"
# Of the lexicons app.bsky.feed.post and app.bsky.embed.video.
TEXT_LIMIT, TEXT_BYTES = 300, 3000
ALT_LIMIT, ALT_BYTES = 1000, 10_000
CAPTIONS = Limits("Bluesky", ("text/vtt",), 20_000, most=20)

_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_HASH_BITS = 40
_MICROSECONDS_AND_CLOCK = 10
"""Bits of a record key below the time in microseconds (https://atproto.com/specs/tid)."""


def record_key(key: str, created_at: datetime) -> str:
    """Return the record key for an effect: the same for the same effect, whatever crashes.

    A post's key must have the form of a TID: 53 bits of time in microseconds and 10 bits of chance. The time is the
    job's, at most about half an hour early; everything below that is a hash of the effect's key.
    """
    # The hash tells the jobs of a batch apart, which are all made in one moment. Real chance would give another
    # key, and a second post, after a crash.
    micros = int(created_at.timestamp() * 1_000_000)
    span = 1 << (_HASH_BITS - _MICROSECONDS_AND_CLOCK)
    # One span early, so that no key lies in the future.
    start = (micros // span - 1) * span
    chance = int.from_bytes(hashlib.sha256(key.encode()).digest()[:5], "big")
    value = (start << _MICROSECONDS_AND_CLOCK) + chance
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(60, -1, -5))


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What the account's server has of a post: the video, and its captions."""

    video: Mapping[str, Any]
    captions: Sequence[Mapping[str, Any]] = ()
    """`lang` and `file` of each."""


def make_record(
    post: Post, job: Job, config: BlueskyConfig, uploaded: Uploaded, created_at: float
) -> dict[str, Any]:
    """Return the record to be created. `created_at` is in seconds since the epoch."""
    text = post_text(post, job, config)
    record: dict[str, Any] = {
        "$type": COLLECTION,
        "text": text,
        "createdAt": timestamp(created_at),
        "embed": _embed(post.clip.video, uploaded, alt_text(post, job, config)),
    }
    if marked := facets(text):
        record["facets"] = marked
    if languages := languages_of(post, config):
        record["langs"] = list(languages)
    return record


def languages_of(post: Post, config: BlueskyConfig) -> Sequence[str]:
    """Return the languages of a post's text."""
    own = BlueskyPostOptions.model_validate(dict(post.options)).languages
    return config.languages if own is None else own


def timestamp(seconds: float) -> str:
    """Return a time as Bluesky's own programs write it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def post_text(post: Post, job: Job, config: BlueskyConfig) -> str:
    """Return the text: the template, shortened to leave room for the disclosure, which is never cut."""
    # The lexicons (atproto 0.0.73) have no field or label for it: the words are all that tells that this is AI.
    body = filled(config.text, post, job)
    words = disclosure(post, config.disclosure)
    if not words or words.casefold() in body.casefold():
        kept = shortened(body, TEXT_LIMIT, TEXT_BYTES)
        if not words or words.casefold() in kept.casefold():
            return kept
    tail = f"\n\n{words}" if body else words
    return shortened(body, TEXT_LIMIT - length(tail), TEXT_BYTES - len(tail.encode())) + tail


def alt_text(post: Post, job: Job, config: BlueskyConfig) -> str:
    """Return the alternative text, which says what the video shows."""
    return shortened(post.alt_text or filled(config.alt, post, job), ALT_LIMIT, ALT_BYTES)


def _embed(video: Asset, uploaded: Uploaded, alt: str) -> dict[str, Any]:
    embed: dict[str, Any] = {"$type": "app.bsky.embed.video", "video": dict(uploaded.video)}
    if uploaded.captions:
        embed["captions"] = [dict(one) for one in uploaded.captions]
    if alt:
        embed["alt"] = alt
    if video.width and video.height:
        embed["aspectRatio"] = {"width": video.width, "height": video.height}
    return embed
