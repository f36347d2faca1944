"""The rules by which X's API v2 takes uploads and posts, and the words in which it refuses them.

The fields are those of X's OpenAPI description 2.167: what it does not name is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from reelwork_hooks import x_weight
from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.refusals import Refused

SCOPES = frozenset({"tweet.read", "tweet.write", "users.read", "media.write", "offline.access"})
VIDEOS = ("video/mp4", "video/webm", "video/mp2t", "video/quicktime")
SUBTITLES = ("text/srt", "text/vtt")
CATEGORIES = ("amplify_video", "tweet_gif", "tweet_image", "tweet_video", "subtitles")
LARGEST, LARGEST_PREMIUM = 8 << 30, 17_179_869_184
LONGEST, LONGEST_PREMIUM = 1200.0, 7500.0
"""Seconds of a video."""
LONGEST_TEXT, LONGEST_PREMIUM_TEXT, LONGEST_ALT = 280, 25_000, 1000
LAST_PIECE = 999
INITIALIZE = frozenset({"media_type", "total_bytes", "media_category", "additional_owners", "shared"})
POST = frozenset({
    "card_uri", "community_id", "direct_message_deep_link", "edit_options", "for_super_followers_only", "geo",
    "made_with_ai", "media", "nullcast", "paid_partnership", "poll", "quote_tweet_id", "reply", "reply_settings",
    "share_with_followers", "text",
})  # fmt: skip
FLAGS = ("made_with_ai", "paid_partnership", "nullcast", "for_super_followers_only", "share_with_followers")
REPLIES = ("following", "mentionedUsers", "subscribers", "verified")
POST_FIELDS = frozenset({"id", "text", "created_at", "attachments", "paid_partnership", "author_id"})
"""The fields of a post that can be read. Its label for AI is none of them."""
SMALLEST_PAGE, LARGEST_PAGE, MOST_LISTED = 5, 100, 3200


def user_id(account: str) -> str:
    """Return the id of an account: the same in every run, so that a sign-in outlives the simulator."""
    return str(int(hashlib.sha256(f"x {account}".encode()).hexdigest()[:14], 16))


def invalid(message: str, place: str, value: Any = "") -> Refused:
    """Return the refusal of a parameter."""
    return Refused(400, message, code="invalid-request", param=place, data={"value": str(value)[:200]})


def forbidden(message: str) -> Refused:
    """Return the refusal of a post for what it says."""
    return Refused(403, message, code="forbidden")


def checked_upload(asked: Mapping[str, Any]) -> tuple[str, int]:
    """Return the media type and the size of an upload. Raises `Refused`."""
    _check_names(asked, INITIALIZE)
    kind, size, category = asked.get("media_type"), asked.get("total_bytes"), asked.get("media_category")
    taken = SUBTITLES if category == "subtitles" else VIDEOS
    if kind not in taken:
        raise invalid(f"$.media_type: the simulator takes {', '.join(taken)} there", "media_type", kind)
    if category not in CATEGORIES:
        raise invalid("$.media_category: does not have a value in the enumeration", "media_category", category)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= LARGEST_PREMIUM:
        raise invalid(f"$.total_bytes: must be from 1 to {LARGEST_PREMIUM}", "total_bytes", size)
    return str(kind), size


def checked_post(asked: Mapping[str, Any], *, premium: bool) -> tuple[str, tuple[str, ...]]:
    """Return the text and the uploads of a post. Raises `Refused`."""
    _check_names(asked, POST)
    for name in FLAGS:
        if not isinstance(asked.get(name, False), bool):
            raise invalid(f"$.{name}: boolean expected", name, asked[name])
    if asked.get("reply_settings") not in (None, *REPLIES):
        message = "$.reply_settings: does not have a value in the enumeration"
        raise invalid(message, "reply_settings", asked["reply_settings"])
    text, media = asked.get("text", ""), asked.get("media")
    ids = media.get("media_ids") if isinstance(media, dict) else []
    if not isinstance(text, str) or not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise invalid("$.media.media_ids: array of strings expected", "media.media_ids", ids)
    if not text.strip() and not ids:
        raise invalid("You must provide text or media.", "text")
    if x_weight(text) > (LONGEST_PREMIUM_TEXT if premium else LONGEST_TEXT):
        raise forbidden("Your Tweet text is too long.")
    return text, tuple(ids)


def _check_names(asked: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(asked.keys() - known):
        message = (
            f"$.{unknown[0]}: is not defined in the schema and the schema does not allow additional properties"
        )
        raise invalid(message, unknown[0])


def unfit(film: Film | None) -> str:
    """Return why a video cannot be used; empty if it can."""
    if film is None:
        return "The file is no video"
    if not 1 / 3 <= film.width / film.height <= 3:
        return "aspect ratio is not between 1:3 and 3:1"
    # A video that is too long is taken, and refused with the post.
    return f"{film.frame_rate:g} frames a second are too many" if film.frame_rate > 60.5 else ""


def checked_subtitles(asked: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the video, and the track that it gets. Raises `Refused`."""
    _check_names(asked, frozenset({"id", "media_category", "subtitles"}))
    track = asked.get("subtitles")
    if asked.get("media_category") not in ("AmplifyVideo", "TweetVideo") or not isinstance(track, dict):
        raise invalid("$.media_category: does not have a value in the enumeration", "media_category")
    _check_names(track, frozenset({"id", "language_code", "display_name"}))
    told = {name: str(track.get(name) or "") for name in ("id", "language_code", "display_name")}
    if not re.fullmatch(r"[A-Z]{2}", told["language_code"]) or not told["display_name"]:
        raise invalid("$.subtitles.language_code: does not match the pattern", "subtitles", told["language_code"])
    return str(asked.get("id") or ""), told


def unfit_subtitles(content: bytes) -> str:
    """Return why a file has no subtitles; empty if it has."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "The file is no text"
    return "" if re.search(r"\d:\d\d[.,]\d{3} --> ", text) else "The file has no subtitles"


def time_text(at: float) -> str:
    """Return a time as X writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
