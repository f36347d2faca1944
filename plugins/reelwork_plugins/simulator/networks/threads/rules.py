"""The rules for a post's container at Threads, and what is shown of containers and posts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reelwork_plugins.simulator.networks.meta.store import Container, Published, time_text
from reelwork_plugins.simulator.refusals import Refused

LONGEST, LONGEST_ALT, LONGEST_TOPIC = 500, 1000, 50
POSTS_A_DAY = 250
UNUSABLE, NOT_FETCHED = "FAILED_PROCESSING_VIDEO", "FAILED_DOWNLOADING_VIDEO"
REPLIES = ("everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only")
_KNOWN = frozenset({
    "media_type", "video_url", "image_url", "text", "alt_text", "reply_control", "topic_tag", "auto_publish_text",
    "access_token", "link_attachment", "is_carousel_item",
})  # fmt: skip
CONTAINER_FIELDS = frozenset({"id", "status", "error_message"})
POST_FIELDS = frozenset({
    "alt_text", "has_replies", "id", "is_quote_post", "media_product_type", "media_type", "media_url", "owner",
    "permalink", "reply_audience", "shortcode", "text", "thumbnail_url", "timestamp", "topic_tag", "username",
})  # fmt: skip


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a container. Raises `Refused` with Meta's codes."""
    fields = {name: str(value) for name, value in given.items() if name != "access_token"}
    if unknown := [name for name in given if name not in _KNOWN]:
        raise Refused(400, f"(#100) Unexpected parameter {unknown[0][:40]}", code="100")
    if fields.get("media_type") not in ("VIDEO", "TEXT"):
        raise Refused(400, "The simulator takes media_type VIDEO and TEXT only.", code="100")
    text, topic = fields.get("text", ""), fields.get("topic_tag", "")
    if counted(text) > LONGEST:
        raise Refused(400, "Param text must be at most 500 characters long.", code="100")
    if len(fields.get("alt_text", "")) > LONGEST_ALT:
        raise Refused(400, "Param alt_text must be at most 1000 characters long.", code="100")
    if len(topic) > LONGEST_TOPIC or "." in topic or "&" in topic:
        raise Refused(400, "Param topic_tag is not valid.", code="100")
    if fields.get("reply_control", "everyone") not in REPLIES:
        raise Refused(400, "Param reply_control is not valid.", code="100")
    if fields["media_type"] == "TEXT" and not text:
        raise Refused(400, "The parameter text is required", code="100")
    is_address = urlsplit(fields.get("video_url", "")).scheme in ("http", "https")
    if fields["media_type"] == "VIDEO" and not is_address:
        raise Refused(400, "The parameter video_url is required", code="100")
    return fields


# Counted here anew, not by the publisher's own function: a mistake in that must show.
def counted(text: str) -> int:
    """Return the characters of a text, of which an emoji counts as its bytes."""
    marks = ("So", "Sk", "Cf", "Cn")
    return sum(
        len(one.encode()) if one == "\ufe0f" or (ord(one) > 127 and unicodedata.category(one) in marks) else 1
        for one in text
    )


def container_json(container: Container, fields: frozenset[str], now: float) -> dict[str, Any]:
    """Return these fields of a container."""
    shown = {"id": container.id, "status": container.status(now)}
    if shown["status"] == "ERROR" and "error_message" in fields:
        shown["error_message"] = container.failure
    return shown


def post_json(post: Published, fields: frozenset[str], here: str) -> dict[str, Any]:
    """Return these fields of a post."""
    given = post.container.fields
    every: dict[str, Any] = {
        "media_product_type": "THREADS",
        "media_type": "VIDEO" if given["media_type"] == "VIDEO" else "TEXT_POST",
        "timestamp": time_text(post.at),
        "permalink": f"{here}/@{post.account}/post/{post.id}",
        "username": post.account,
        **{name: given[name] for name in ("text", "alt_text", "topic_tag") if name in given},
    }
    return {**{name: value for name, value in every.items() if name in fields}, "id": post.id}
