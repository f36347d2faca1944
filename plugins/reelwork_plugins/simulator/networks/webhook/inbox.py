"""What the simulated receiver has got, and the rules by which it takes a post.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.webhooks import sign

LARGEST_BODY = 512 << 20
TOLERANCE = 300.0
"""Seconds by which the time of a request may differ from now."""
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Got:
    """A post that was taken."""

    id: str
    key: str
    """Its `webhook-id`."""
    at: float
    body: bytes
    data: Mapping[str, Any]
    path: Path
    film: Film


@dataclass
class Inbox:
    """The posts that were taken. May be used from several threads."""

    posts: list[Got] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def new_id(self) -> str:
        """Return an id that nobody guesses."""
        return f"post_{secrets.token_hex(8)}"

    def add(self, got: Got) -> None:
        """Take a post."""
        with self.lock:
            self.posts.append(got)

    def by_key(self, key: str) -> Got | None:
        """Return the first post with a `webhook-id`."""
        with self.lock:
            return next((one for one in self.posts if one.key == key), None)

    def get(self, id_: str) -> Got:
        """Return a post by the id it was given. Raises `Refused` with 404."""
        with self.lock:
            found = next((one for one in self.posts if one.id == id_), None)
        if found is None:
            raise Refused(404, "There is no such post.")
        return found


def check_signature(secret: str, headers: Mapping[str, str], body: bytes, skew: float) -> str:
    """Return the `webhook-id` of a request that is genuine and new. Raises `Refused` with 401.

    `skew` is the number of seconds by which the receiver's clock is ahead.
    """
    id_, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (id_ and given and _SECONDS.fullmatch(at)):
        raise Refused(401, "The headers webhook-id, webhook-timestamp and webhook-signature are needed.")
    if abs(time.time() + skew - float(at)) > TOLERANCE:
        raise Refused(401, "The time in webhook-timestamp is too far from now.")
    expected = sign(secret, id_, at, body).encode()
    if not any(hmac.compare_digest(one.encode("utf-8", "replace"), expected) for one in given.split()):
        raise Refused(401, "The signature does not fit: another secret, or another body.")
    return id_


def check_fields(fields: Any) -> Mapping[str, Any]:
    """Return the post that a body has. Raises `Refused` with 422."""
    data = fields.get("data") if isinstance(fields, dict) and fields.get("type") == "post" else None
    if not isinstance(data, dict) or not isinstance(data.get("video"), dict):
        raise Refused(422, "The body is no post: it needs type = post, and data with a video.")
    missing = [name for name in ("destination", "job", "title", "caption", "privacy") if name not in data]
    if missing:
        raise Refused(422, f"The post has no {missing[0]}.")
    return data
