"""The rules for what a post says, for the pieces of its video, and for the video itself.

https://developers.tiktok.com/doc/content-posting-api-reference-direct-post
https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.networks.tiktok.posts import PUBLIC, Source
from reelwork_plugins.simulator.refusals import Refused

MEGABYTE = 1_000_000
LEAST, MOST, MOST_LAST = 5 * MEGABYTE, 64 * MEGABYTE, 128 * MEGABYTE
"""Bytes of a piece, and of the last one."""
LARGEST = 4_000 * MEGABYTE
MOST_PIECES = 1000
LONGEST_TITLE = 2200
FRIENDS, FOLLOWERS, ALONE = "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"
TYPES = ("video/mp4", "video/quicktime", "video/webm")
_FLAGS = (
    "disable_duet", "disable_comment", "disable_stitch", "brand_content_toggle", "brand_organic_toggle", "is_aigc",
)  # fmt: skip
_KNOWN = frozenset({"title", "privacy_level", "video_cover_timestamp_ms", *_FLAGS})
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_MOMENT = 0.2


@dataclass(frozen=True, slots=True)
class Creator:
    """What an account may do."""

    levels: tuple[str, ...] = (PUBLIC, FRIENDS, ALONE)
    closed: bool = False
    """Comments, duets and stitches are switched off."""
    longest: float = 600.0


def source_of(given: Any) -> Source:
    """Return the announced pieces of a video. Raises `Refused`."""
    if not isinstance(given, Mapping):
        raise _wrong("source_info is required")
    if given.get("source") != "FILE_UPLOAD":
        raise _wrong("The simulator takes source FILE_UPLOAD only")
    numbers = [given.get(name) for name in ("video_size", "chunk_size", "total_chunk_count")]
    if not all(isinstance(one, int) and not isinstance(one, bool) and one > 0 for one in numbers):
        raise _wrong("video_size, chunk_size and total_chunk_count are required")
    size, chunk, count = (int(one or 0) for one in numbers)
    if size > LARGEST:
        raise Refused(400, "The video is larger than 4 GB.", code="invalid_file_upload")
    # The bytes that no whole piece takes go with the last one.
    last = size - (count - 1) * chunk
    if count != size // chunk or count > MOST_PIECES:
        raise _wrong("total_chunk_count must be video_size divided by chunk_size, rounded down, and at most 1000")
    if size < LEAST and chunk != size:
        raise _wrong("A video of less than 5 MB must be sent as a whole")
    if size >= LEAST and not LEAST <= chunk <= MOST:
        raise _wrong("The chunk_size must be from 5 MB to 64 MB")
    if last > MOST_LAST:
        raise _wrong("The last chunk is larger than 128 MB")
    return Source(size, chunk, count)


def info_of(given: Any, creator: Creator) -> dict[str, Any]:
    """Return what is said of a post. Raises `Refused`."""
    if not isinstance(given, Mapping):
        raise _wrong("post_info is required")
    if unknown := [name for name in given if name not in _KNOWN]:
        raise _wrong(f"post_info has an unknown field {unknown[0][:40]}")
    title, cover = given.get("title", ""), given.get("video_cover_timestamp_ms", 0)
    # Counted here anew, not by the publisher's own functions: a mistake in those must show.
    if not isinstance(title, str) or len(title.encode("utf-16-le", "replace")) // 2 > LONGEST_TITLE:
        raise _wrong("The title has at most 2200 UTF-16 units")
    if not isinstance(cover, int) or isinstance(cover, bool) or cover < 0:
        raise _wrong("video_cover_timestamp_ms is a number of milliseconds")
    if any(not isinstance(given.get(name, False), bool) for name in _FLAGS):
        raise _wrong("A flag is neither true nor false")
    level = given.get("privacy_level")
    if not isinstance(level, str) or level not in creator.levels:
        words = "The privacy_level is not among those of creator_info."
        raise Refused(403, words, code="privacy_level_option_mismatch")
    # An advertisement that nobody sees is none.
    if given.get("brand_content_toggle") and level == ALONE:
        raise _wrong("Branded content cannot be private")
    return dict(given)


def span_of(header: str, content_type: str, size: int) -> tuple[int, int]:
    """Return where a piece begins and ends. Raises `Refused`."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or int(match[3]) != size or int(match[2]) < int(match[1]):
        raise _wrong("Content-Range does not fit the upload")
    if content_type not in TYPES:
        raise _wrong("Content-Type is one of video/mp4, video/quicktime and video/webm")
    return int(match[1]), int(match[2]) + 1


def failure_of(film: Film | None, creator: Creator) -> str:
    """Return the reason for which a video cannot be posted; empty where it can."""
    if film is None:
        return "file_format_check_failed"
    if not 360 <= min(film.width, film.height) <= max(film.width, film.height) <= 4096:
        return "picture_size_check_failed"
    if not 22.9 <= film.frame_rate <= 60.1:
        return "frame_rate_check_failed"
    return "duration_check_failed" if film.seconds > creator.longest + _MOMENT else ""


def _wrong(words: str) -> Refused:
    return Refused(400, f"{words}.", code="invalid_params")
