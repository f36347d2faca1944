"""The rules for publishing a video, and what is shown of one."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from reelwork_plugins.simulator.networks.facebook.store import Video
from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.networks.meta.store import DAY, time_text
from reelwork_plugins.simulator.refusals import Refused

SOONEST, LATEST = 600.0, 30 * DAY
"""Seconds ahead of the time of a scheduled post."""
LONGEST = {"reel": 2200, "video": 63_206}
LONGEST_TITLE = 255
MOST_CAPTIONS = 200_000
"""Bytes of a file of captions."""
_CAPTIONS_NAME = re.compile(r"[^/]+\.([a-z]{2}_[A-Z]{2})\.srt")
SHORTEST_REEL, LONGEST_REEL = 3.0, 90.0
_MOMENT = 0.2
_SHARED = frozenset({
    "access_token", "description", "feed_targeting", "is_ai_generated", "scheduled_publish_time", "targeting",
    "title", "upload_phase",
})  # fmt: skip
KNOWN = {
    "reel": _SHARED | {"place", "video_id", "video_state"},
    "video": _SHARED
    | {
        "content_category", "content_tags", "embeddable", "end_offset", "file_size", "no_story", "published",
        "secret", "start_offset", "unpublished_content_type", "upload_session_id", "video_file_chunk",
    },
}  # fmt: skip
"""The parameters that are taken, by the kind of post."""
STATES = ("PUBLISHED", "SCHEDULED")
VIDEO_FIELDS = frozenset({
    "created_time", "description", "from", "id", "is_ai_generated", "length", "permalink_url", "post_id",
    "published", "scheduled_publish_time", "source", "status", "title", "updated_time",
})  # fmt: skip


def check_known(kind: str, given: Mapping[str, Any]) -> None:
    """Raise `Refused` for a parameter that there is not."""
    if unknown := [name for name in given if name not in KNOWN[kind]]:
        raise Refused(400, f"(#100) Unexpected parameter {unknown[0][:40]}", code="100")


def checked_finish(kind: str, given: Mapping[str, Any]) -> float | None:
    """Check the fields of a post; return the time for which it is scheduled. Raises `Refused` with Meta's codes."""
    for name, longest in (("description", LONGEST[kind]), ("title", LONGEST_TITLE)):
        # Counted here anew, not by the publisher's own functions: a mistake in those must show.
        if len(str(given.get(name, "")).encode("utf-16-le")) // 2 > longest:
            raise Refused(400, f"(#100) The {name} is too long", code="100")
    flags = ("is_ai_generated", "published")
    if any(str(given.get(name, "true")).lower() not in ("true", "false") for name in flags):
        raise Refused(400, "(#100) A flag must be a boolean", code="100")
    if kind == "reel" and given.get("video_state") not in STATES:
        raise Refused(400, f"(#100) The simulator takes video_state {' or '.join(STATES)}", code="100")
    later = (
        given.get("video_state") == "SCHEDULED"
        if kind == "reel"
        else str(given.get("published")).lower() == "false"
    )
    if not later:
        return None
    at, ahead = str(given.get("scheduled_publish_time", "")), 0.0
    if at.isascii() and at.isdecimal():
        ahead = int(at[:12]) - time.time()
    if not SOONEST <= ahead <= LATEST:
        words = "(#100) The specified scheduled publish time is invalid: 10 minutes to 30 days from now"
        raise Refused(400, words, code="100")
    return time.time() + ahead


def check_reel(film: Film | None) -> None:
    """Raise `Refused` for a video that is no reel."""
    if film is None:
        raise Refused(400, "(#100) The video has not been uploaded", code="100")
    if film.seconds + _MOMENT < SHORTEST_REEL or film.seconds > LONGEST_REEL + _MOMENT:
        raise Refused(400, "(#100) A reel has between 3 and 90 seconds", code="100.2207082")
    if abs(film.width / film.height * 16 / 9 - 1) > 0.03:
        raise Refused(400, "(#100) The aspect ratio of a reel is 9:16", code="100.2207009")


def checked_captions(name: str, content: bytes) -> str:
    """Return the locale of a file of captions. Raises `Refused`."""
    found = _CAPTIONS_NAME.fullmatch(name)
    if found is None:
        raise Refused(400, "(#100) The name of captions_file must be filename.locale.srt", code="100.1363105")
    if len(content) > MOST_CAPTIONS:
        raise Refused(400, "(#100) captions_file has more than 200 KB", code="100.1363107")
    text = content.decode("utf-8-sig", "replace")
    if "\ufffd" in text or not re.search(r"^\d+\s*\n\d\d:\d\d:\d\d,\d{3} --> ", text, re.MULTILINE):
        raise Refused(400, "(#100) captions_file is no SubRip file", code="100.1363106")
    return found[1]


def status_json(video: Video, now: float) -> dict[str, Any]:
    """Return the status of a video."""
    up: dict[str, Any] = {"status": "complete", "bytes_transferred": video.received}
    work: dict[str, Any] = {"status": "not_started"}
    out: dict[str, Any] = {"status": "not_started", "publish_status": "draft"}
    word = "upload_complete"
    if video.finished_at is not None:
        word, work, out = _published(video, now)
    elif now > video.at + DAY:
        word = "expired"
    elif video.unreadable:
        word, up = "upload_failed", {**up, "status": "error", "errors": [{"message": "The file is no video."}]}
    elif not video.is_whole:
        word, up = "uploading", {**up, "status": "in_progress" if video.received else "not_started"}
    return {"video_status": word, "uploading_phase": up, "processing_phase": work, "publishing_phase": out}


def _published(video: Video, now: float) -> tuple[str, dict[str, Any], dict[str, Any]]:
    told: dict[str, Any] = {"publish_status": "published" if video.due is None else "scheduled"}
    if video.due is not None:
        told["publish_time"] = time_text(video.due)
    assert video.finished_at is not None
    if now < video.finished_at + video.seconds:
        return "processing", {"status": "in_progress"}, {"status": "not_started", **told}
    if video.failure:
        wrong = {"status": "error", "errors": [{"message": video.failure}]}
        return "error", wrong, {"status": "not_started", **told}
    if not video.is_public(now):
        return "ready", {"status": "complete"}, {"status": "not_started", **told}
    done = {"status": "complete", "publish_status": "published", "publish_time": time_text(video.finished_at)}
    return "ready", {"status": "complete"}, done


def video_json(id_: str, video: Video, fields: frozenset[str]) -> dict[str, Any]:
    """Return these fields of a video."""
    now, given = time.time(), video.form
    every: dict[str, Any] = {
        "status": status_json(video, now),
        "published": video.is_public(now),
        "created_time": time_text(video.finished_at or video.at),
        "permalink_url": f"/{'reel' if video.kind == 'reel' else 'videos'}/{id_}/",
        "length": video.film.seconds if video.film else 0.0,
        "is_ai_generated": given.get("is_ai_generated", "false") == "true",
        **{name: given[name] for name in ("title", "description") if given.get(name)},
    }
    return {**{name: value for name, value in every.items() if name in fields}, "id": id_}
