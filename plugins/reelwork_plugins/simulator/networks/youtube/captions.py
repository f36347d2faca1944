"""The body of a request that adds captions: a resource and a file.

https://developers.google.com/youtube/v3/docs/captions/insert
"""

from __future__ import annotations

import json
from email import message_from_bytes
from typing import Any

from reelwork_plugins.simulator.refusals import Refused

LONGEST_NAME = 150


def captions_of(body: bytes, content_type: str) -> tuple[dict[str, Any], bytes]:
    """Return what is said of captions, and the file. Raises `Refused`."""
    whole = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = list(whole.walk())[1:] if whole.get_content_type() == "multipart/related" else []
    if len(parts) != 2:
        raise Refused(400, "Multipart must have two parts.", code="badRequest")
    told, file = (part.get_payload(decode=True) for part in parts)
    if not isinstance(file, bytes) or not file.strip():
        raise Refused(400, "The request does not contain the caption track contents.", code="contentRequired")
    return _snippet(told), file


def _snippet(told: Any) -> dict[str, Any]:
    try:
        snippet = json.loads(told)["snippet"]
        given = {name: snippet[name] for name in ("videoId", "language", "name")}
    except (ValueError, TypeError, KeyError):
        given = {}
    right = given and all(isinstance(value, str) for value in given.values())
    if not right or not given["language"] or len(given["name"]) > LONGEST_NAME:
        raise Refused(400, "The request contains invalid metadata values.", code="invalidMetadata")
    return given
