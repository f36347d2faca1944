"""Finds the links to videos in a service's answer, whatever its form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

_ENDINGS = (".mp4", ".webm", ".mov", ".mkv", ".m4v")
# Uploads of unknown kind are called so. With no link taken, a paid video would be given up.
_ANY_KIND = ("", "application/octet-stream", "binary/octet-stream")
_FIELD = re.compile(r"(?i)(?:output_|result_|generated_|final_)?videos?(?:_urls?)?")
_MOST, _DEEPEST = 8, 6


def video_links(data: Any) -> tuple[str, ...]:
    """Return the links to videos in a result, those in its fields `video` and `videos` first.

    A link counts when its ending, its `content_type` or the field it is in says that it is a video's: a thumbnail
    beside the video is not taken for it.

    >>> video_links({"video": {"url": "https://f.example/1"}, "picture": {"url": "https://f.example/1.png"}})
    ('https://f.example/1',)
    """
    if not isinstance(data, dict):
        return ()
    first = [*_links(data.get("video"), _DEEPEST, sure=True), *_links(data.get("videos"), _DEEPEST, sure=True)]
    return tuple(dict.fromkeys([*first, *_links(data, _DEEPEST)]))[:_MOST]


def _links(value: Any, deepest: int, *, sure: bool = False) -> Iterator[str]:
    if deepest == 0:
        return
    if isinstance(value, str):
        if _is_link(value) and (sure or _names_video(value)):
            yield value
    elif isinstance(value, list):
        for one in value:
            yield from _links(one, deepest - 1, sure=sure)
    elif isinstance(value, dict):
        url, kind = value.get("url"), str(value.get("content_type") or "")
        # A picture beside the video, such as a thumbnail, must not be taken for it.
        if (
            isinstance(url, str)
            and _is_link(url)
            and (kind.startswith("video/") or _names_video(url) or (sure and kind in _ANY_KIND))
        ):
            yield url
        for name, one in value.items():
            if name != "url":
                yield from _links(one, deepest - 1, sure=bool(_FIELD.fullmatch(name)))


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _names_video(url: str) -> bool:
    try:
        return urlsplit(url).path.lower().endswith(_ENDINGS)
    except ValueError:
        return False
