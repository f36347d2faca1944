"""Calls of the Mastodon API, and the meaning of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork_hooks import Answer, Context, Meaning, Refusals, Service, Unavailable, value_at

UPLOAD_SECONDS = 300.0
"""Seconds for which a server may stay silent after an upload, while it looks at the video."""
# https://docs.joinmastodon.org/entities/Instance/, for an instance that does not say.
LONGEST_TEXT, PER_URL, LONGEST_ALT = 500, 23, 1500
ITS_SOURCE = "https://github.com/mastodon/mastodon"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an instance."""

    text: int
    per_url: int
    alt: int
    video_bytes: int | None
    types: tuple[str, ...]
    honours_key: bool
    """True if it is Mastodon itself, which knows a repeated post by its key for an hour."""
    software: str


NOTHING_POSTED = "Nothing was posted; the video is kept."
MEDIA_GONE = "media gone"
REFUSALS = Refusals(
    codes={MEDIA_GONE: Meaning("exists")},
    statuses={401: Meaning("lasting", hint="Sign in again: reelwork accounts add mastodon --replace")},
    no_funds=None,
    pause=60.0,
    money=NOTHING_POSTED,
)
"""What an instance's answers mean for a post."""


class Server(Service):
    """One instance, with a token."""

    def __init__(self, context: Context, address: str, token: str = "") -> None:
        super().__init__(context, [address], auth={"Authorization": f"Bearer {token}"} if token else None)
        self.address = address

    async def read(self, path: str, **query: str | int) -> Answer:
        """Read, with retries. Raises `Unavailable` when no answer came."""
        return await self.get(f"{self.address}{path}", query)

    async def post(self, path: str, body: Mapping[str, Any], **headers: str) -> Answer:
        """Write, once. Raises `NotSent` or `OutcomeUnknown`."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request("POST", f"{self.address}{path}", json=dict(body), headers=more)

    async def upload(self, name: str, video: Path, media_type: str, description: str) -> Answer:
        """Give it the video, which posts nothing and may be repeated. Raises `Unavailable`."""
        form, files = {"description": description} if description else {}, {"file": (name, video, media_type)}
        url = f"{self.address}/api/v2/media"
        return await self.request("POST", url, data=form, files=files, timeout=UPLOAD_SECONDS, repeatable=True)

    async def limits(self) -> Limits:
        """Return what the instance takes. Raises `Unavailable`."""
        answer = await self.read("/api/v2/instance")
        # Older and smaller servers have the first version only, with the same configuration.
        if not answer.ok:
            answer = await self.read("/api/v1/instance")
        if not answer.ok or not answer.object:
            raise Unavailable(f"mastodon: {self.address} did not say what it takes: {answer.words}")
        return limits_of(answer.object)


def limits_of(body: Mapping[str, Any]) -> Limits:
    """Return what an instance says of itself, with Mastodon's own defaults for what it leaves out."""
    types = value_at(body, "configuration", "media_attachments", "supported_mime_types")
    version = body.get("version")
    # Other software calls itself Mastodon too, to please clients, and forks may have changed what counts here.
    is_mastodon = body.get("source_url") == ITS_SOURCE and "(" not in str(version)
    return Limits(
        _number(body, "statuses", "max_characters") or LONGEST_TEXT,
        _number(body, "statuses", "characters_reserved_per_url") or PER_URL,
        _number(body, "media_attachments", "description_limit") or LONGEST_ALT,
        _number(body, "media_attachments", "video_size_limit"),
        tuple(map(str, types)) if isinstance(types, list) else (),
        is_mastodon,
        " ".join(str(version or "").split())[:60],
    )


def _number(body: Mapping[str, Any], *steps: str) -> int | None:
    value = value_at(body, "configuration", *steps)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
