"""The rules for a reel's container, and what is shown of containers and posts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from reelwork_plugins.simulator.networks.meta.store import Container, Published, time_text
from reelwork_plugins.simulator.refusals import Refused

LONGEST, MOST_HASHTAGS, MOST_MENTIONS = 2200, 30, 20
POSTS_A_DAY = 100
SHORTEST = 2.9
"""Seconds of a reel, and a little less: a file may say a frame too few."""
UNUSABLE = "Error: Media upload has failed with error code 2207026"
NOT_FETCHED = "Error: Media upload has failed with error code 2207052"
_KNOWN = frozenset({
    "alt_text", "audio_name", "branded_content_sponsor_ids", "caption", "children", "collaborators", "cover_url",
    "cross_post_to_threads", "image_url", "is_ai_generated", "is_carousel_item", "is_paid_partnership",
    "location_id", "media_type", "product_tags", "share_to_feed", "thumb_offset", "title", "trial_params",
    "upload_type", "user_tags", "video_url", "access_token",
})  # fmt: skip
_FLAGS = ("is_ai_generated", "is_paid_partnership", "share_to_feed", "cross_post_to_threads")
CONTAINER_FIELDS = frozenset({"id", "status", "status_code", "copyright_check_status", "video_status"})
POST_FIELDS = frozenset({
    "alt_text", "caption", "comments_count", "id", "ig_id", "is_ai_generated", "is_comment_enabled",
    "is_shared_to_feed", "like_count", "media_product_type", "media_type", "media_url", "owner", "permalink",
    "shortcode", "thumbnail_url", "timestamp", "username",
})  # fmt: skip


def checked(given: Mapping[str, Any], *, takes_bytes: bool) -> dict[str, Any]:
    """Return the fields of a container. Raises `Refused` with Meta's codes."""
    if unknown := [name for name in given if name not in _KNOWN]:
        raise Refused(400, f"(#100) Unexpected parameter {unknown[0][:40]}", code="100")
    if given.get("media_type") != "REELS":
        raise Refused(400, "The simulator takes media_type REELS only.", code="100.2207023")
    _check_caption(str(given.get("caption", "")))
    if any(str(given.get(name, "true")).lower() not in ("true", "false") for name in _FLAGS):
        raise Refused(400, "(#100) A flag must be a boolean", code="100")
    offset = str(given.get("thumb_offset", "0"))
    if not (offset.isascii() and offset.isdecimal()):
        raise Refused(400, "Thumbnail offset must be greater than or equal to 0", code="1.2207057")
    if given.get("upload_type") == "resumable":
        if not takes_bytes:
            raise Refused(400, "(#100) upload_type is only for apps with Facebook Login", code="100")
    elif urlsplit(str(given.get("video_url", ""))).scheme not in ("http", "https"):
        raise Refused(400, "(#100) The parameter video_url is required", code="100")
    return {name: str(value) for name, value in given.items() if name != "access_token"}


# Counted here anew, not by the publisher's own functions: a mistake in those must show.
def _check_caption(text: str) -> None:
    too_long = len(text.encode("utf-16-le")) // 2 > LONGEST
    tags, named = len(re.findall(r"(?<![\w&/])#\w+", text)), len(re.findall(r"(?<![\w./@])@\w[\w.]*", text))
    if too_long or tags > MOST_HASHTAGS or named > MOST_MENTIONS:
        words = "The caption was too long. It must be less than 2200 characters, 30 hashtags and 20 mentions."
        raise Refused(400, words, code="100.2207010")


def container_json(container: Container, fields: frozenset[str], now: float) -> dict[str, Any]:
    """Return these fields of a container."""
    code = container.status(now)
    words = {
        "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
        "IN_PROGRESS": "In Progress: Media is still being processed.",
        "PUBLISHED": "Published: Media has been published.",
        "EXPIRED": "Expired: The container was not published within 24 hours.",
        "ERROR": container.failure,
    }
    every = {"status_code": code, "status": words[code]}
    return {**{name: value for name, value in every.items() if name in fields}, "id": container.id}


def post_json(post: Published, fields: frozenset[str], here: str) -> dict[str, Any]:
    """Return these fields of a post."""
    given = post.container.fields
    every: dict[str, Any] = {
        "media_type": "VIDEO",
        "media_product_type": "REELS",
        "timestamp": time_text(post.at),
        "permalink": f"{here}/reel/{post.id}/",
        "media_url": f"{here}/media/{post.id}",
        "username": post.account,
        "is_ai_generated": given.get("is_ai_generated", "false") == "true",
        "is_shared_to_feed": given.get("share_to_feed", "true") == "true",
    }
    if given.get("caption"):
        every["caption"] = given["caption"]
    return {**{name: value for name, value in every.items() if name in fields}, "id": post.id}
