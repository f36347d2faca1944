"""The posts of everybody at the simulated TikTok, from their first byte on.

https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide
"""

from __future__ import annotations

import hashlib
import itertools
import math
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelwork_plugins.simulator.refusals import Refused

DAY = 86_400.0
POSTS_A_DAY, PENDING_DRAFTS = 15, 5
"""Of one account in a day."""
ADDRESS_SECONDS = 3600.0
"""For which the address of an upload is good."""
PUBLIC = "PUBLIC_TO_EVERYONE"


@dataclass(frozen=True, slots=True)
class Source:
    """The pieces of a video, as they were announced."""

    size: int
    chunk: int
    count: int


@dataclass(frozen=True, slots=True)
class Post:
    """A post, or a draft."""

    id: str
    """Its publish id."""
    account: str
    at: float
    info: Mapping[str, Any] | None
    """What was said of the post; None for a draft."""
    source: Source
    token: str
    path: Path
    received: int = 0
    whole_at: float | None = None
    """The time at which its last byte came: then it was posted."""
    seconds: float = math.inf
    """The time for which it is worked on then, and once more for which it is looked at before everybody sees it."""
    failure: str = ""
    """The reason for which it fails then."""
    number: str = ""
    """The id of the post that people see."""

    @property
    def is_public(self) -> bool:
        """True if everybody is to see it."""
        return self.info is not None and self.info.get("privacy_level") == PUBLIC

    def status(self, now: float) -> dict[str, Any]:
        """Return what is told of it."""
        told: dict[str, Any] = {"status": "PROCESSING_UPLOAD", "uploaded_bytes": self.received}
        if self.whole_at is None or now < self.whole_at + self.seconds:
            return told
        if self.failure:
            return {**told, "status": "FAILED", "fail_reason": self.failure}
        if self.info is None:
            return {**told, "status": "SEND_TO_USER_INBOX"}
        # Other people's eyes come later: TikTok looks at a public post first.
        shown = self.is_public and now >= self.whole_at + 2 * self.seconds
        return {
            **told,
            "status": "PUBLISH_COMPLETE",
            "publicaly_available_post_id": [int(self.number)] if shown else [],
        }


@dataclass
class Posts:
    """Everybody's posts. May be used from several threads."""

    every: dict[str, Post] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def begin(
        self, account: str, info: Mapping[str, Any] | None, source: Source, folder: Path, *, limited: bool
    ) -> Post:
        """Begin an upload. Raises `Refused` where the day's posts or drafts are used up."""
        # Under the lock: two requests at once must count as two against the limit.
        with self.lock:
            if limited:
                self._check_day(account, is_draft=info is None)
            kind = "pub" if info is not None else "inbox"
            id_ = f"v_{kind}_file~v2-1.{int(time.time() * 1000)}{next(self._numbers):04d}"
            path = folder / f"{len(self.every)}-{secrets.token_hex(4)}.upload"
            path.write_bytes(b"")
            made = Post(id_, account, time.time(), info, source, secrets.token_urlsafe(16), path)
            self.every[id_] = made
            return made

    def _check_day(self, account: str, *, is_draft: bool) -> None:
        since = time.time() - DAY
        mine = [one for one in self.every.values() if one.account == account and one.at > since]
        if is_draft and sum(one.info is None for one in mine) >= PENDING_DRAFTS:
            words = "There may be at most 5 pending shares within any 24-hour period."
            raise Refused(403, words, code="spam_risk_too_many_pending_share")
        if sum(one.whole_at is not None for one in mine) >= POSTS_A_DAY:
            words = "The daily post cap from the API is reached for the current user."
            raise Refused(403, words, code="spam_risk_too_many_posts")

    def change(self, id_: str, **changes: Any) -> Post:
        """Change a post."""
        with self.lock:
            made = self.every[id_] = replace(self.every[id_], **changes)
            return made

    def owned(self, id_: str, account: str) -> Post:
        """Return a post of this account. Raises `Refused`."""
        found = self.every.get(id_)
        if found is None:
            raise Refused(400, "The publish_id does not exist.", code="invalid_publish_id")
        if found.account != account:
            words = "The publish_id was made for another account."
            raise Refused(400, words, code="token_not_authorized_for_specified_publish_id")
        return found

    def of_address(self, id_: str, token: str) -> Post:
        """Return the post of an upload's address. Raises `Refused`."""
        found = self.every.get(id_)
        if found is None or not secrets.compare_digest(token.encode(), found.token.encode()):
            raise Refused(404, "There is no such upload.", code="invalid_params")
        if time.time() > found.at + ADDRESS_SECONDS:
            raise Refused(403, "The upload URL has expired.", code="invalid_params")
        return found

    def receive(self, post: Post, span: tuple[int, int], content: bytes, *, cut: bool) -> Post:
        """Take a piece, or nothing of it. Raises `Refused`."""
        start, end = span
        with self.lock:
            now = self.every[post.id]
            # One after the other, each once: also what comes after the last one is turned away.
            if start != now.received or end > now.source.size:
                words = f"The byte range does not fit: {now.received} bytes are here."
                raise Refused(416, words, code="invalid_params")
            if cut or end - start != len(content):
                raise Refused(400, "The body is not what Content-Range says.", code="invalid_params")
            number = start // now.source.chunk
            # All but the last are of the size that was announced.
            whole = number == now.source.count - 1
            if start % now.source.chunk or end != (now.source.size if whole else start + now.source.chunk):
                raise Refused(400, "The piece is not of the size that was announced.", code="invalid_params")
            with now.path.open("ab") as file:
                file.write(content)
            changes: dict[str, Any] = {"whole_at": time.time(), "number": self._number()} if whole else {}
            return self.change(post.id, received=end, **changes)

    def _number(self) -> str:
        return f"7{int(time.time() * 1000)}{next(self._numbers):05d}"

    def accepted(self) -> list[Post]:
        """Return what was posted, and can be, oldest first."""
        with self.lock:
            return [one for one in self.every.values() if one.whole_at is not None and not one.failure]


def open_id(account: str) -> str:
    """Return the id of an account: the same in every run."""
    return f"-000{hashlib.sha256(account.encode()).hexdigest()[:32]}"
