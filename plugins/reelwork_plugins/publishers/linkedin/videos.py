"""A video on its way to LinkedIn, in parts, and how far LinkedIn is with it. Nobody sees it yet.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/videos-api
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from reelwork_hooks import (
    Answer,
    Asset,
    FileSlice,
    HttpProgress,
    Rejected,
    Service,
    Unavailable,
    number_of,
    text_at,
    value_at,
)
from reelwork_plugins.publishers.linkedin.api import Api, refusal
from reelwork_plugins.publishers.linkedin.config import NOTHING_POSTED

PART_SECONDS = 300.0
"""Seconds for which LinkedIn may stay silent after a part."""
_HOSTS = (".linkedin.com", ".licdn.com")

Word = Literal["waiting", "working", "ready", "failed"]
_WORDS: dict[str, Word] = {"WAITING_UPLOAD": "waiting", "AVAILABLE": "ready", "PROCESSING_FAILED": "failed"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a video. Whoever has its address can send it: it is shown nowhere."""

    first: int
    last: int
    """The first byte and the last one, as LinkedIn wants them."""
    address: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that has begun."""

    video: str
    """The video's URN."""
    token: str
    ends: float
    """When its addresses end, in seconds since the epoch; 0 where LinkedIn does not say."""
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class State:
    """How far LinkedIn is with a video."""

    word: Word
    why: str = ""


@dataclass(frozen=True, slots=True)
class Videos:
    """The videos of one author. Every call raises as `refusal` says."""

    api: Api
    author: str
    service: str = ""
    """The address of a simulator; empty for LinkedIn."""

    async def begin(self, video: Asset) -> Upload:
        """Begin an upload."""
        asked = {
            "owner": self.author,
            "fileSizeBytes": video.bytes,
            "uploadCaptions": False,
            "uploadThumbnail": False,
        }
        answer = await self._act("initializeUpload", {"initializeUploadRequest": asked})
        urn, parts = answer.text_at("value", "video"), _parts(answer.at("value", "uploadInstructions"))
        if not answer.ok or not urn:
            raise refusal(answer, "beginning the upload")
        if not covers(parts, video.bytes):
            raise Unavailable("linkedin: the parts of the upload that it asks for are not those of the video")
        ends = number_of(answer.at("value", "uploadUrlsExpireAt")) or 0.0
        return Upload(urn, answer.text_at("value", "uploadToken"), ends / 1000, parts)

    async def send(self, part: Part, video: Asset, progress: HttpProgress) -> str:
        """Send one part, and return its ETag. It may come twice. Raises `Rejected` where its address has ended."""
        address = upload_address(self.service, part.address)
        # Without the account's token, which is not asked for there.
        answer = await Service(self.api.context, [address]).request(
            "PUT",
            address,
            content=FileSlice(video.path, part.first, part.last - part.first + 1),
            headers={"Content-Type": "application/octet-stream"},
            timeout=PART_SECONDS,
            progress=progress,
            repeatable=True,
        )
        etag = answer.headers.get("etag", "")
        if answer.refused:
            # Also a 403 is about the address here, which has ended, and not about the account.
            raise Rejected(f"linkedin: the upload was answered {answer.words}", money=NOTHING_POSTED)
        if not answer.ok or not etag:
            raise refusal(answer, "the upload")
        return etag

    async def finish(self, urn: str, token: str, etags: Sequence[str]) -> None:
        """Say that every part was sent."""
        asked = {"video": urn, "uploadToken": token, "uploadedPartIds": list(etags)}
        answer = await self._act("finalizeUpload", {"finalizeUploadRequest": asked})
        # An empty answer is one, too; a web page is not.
        if not answer.ok or answer.is_html:
            raise refusal(answer, "the end of the upload")

    async def state(self, urn: str) -> State:
        """Ask how far LinkedIn is with a video."""
        answer = await self.api.call("GET", f"/rest/videos/{quote(urn, safe='')}")
        said = answer.text_at("status")
        if not answer.ok or not said:
            raise refusal(answer, "the state of the video")
        return State(_WORDS.get(said, "working"), answer.text_at("processingFailureReason"))

    async def _act(self, action: str, body: dict[str, Any]) -> Answer:
        return await self.api.call("POST", f"/rest/videos?action={action}", json=body, repeatable=True)


def _parts(listed: Any) -> tuple[Part, ...]:
    found = []
    for one in listed if isinstance(listed, list) else []:
        first, last = value_at(one, "firstByte"), value_at(one, "lastByte")
        if not isinstance(first, int) or not isinstance(last, int) or not text_at(one, "uploadUrl"):
            return ()
        found.append(Part(first, last, text_at(one, "uploadUrl")))
    return tuple(found)


def covers(parts: Sequence[Part], size: int) -> bool:
    """Return whether the parts, one after the other, are all of a video."""
    at = 0
    for part in parts:
        if part.first != at or part.last < part.first:
            return False
        at = part.last + 1
    return at == size


def upload_address(service: str, address: str) -> str:
    """Return the address of a part if it is LinkedIn's own, or the simulator's. Raises `Unavailable`."""
    there = urlsplit(address)
    if there.scheme == "https" and (there.hostname or "").endswith(_HOSTS):
        return address
    # A simulator is reached as it was configured, also through a proxy.
    if service and there.path:
        return f"{service}{there.path}{'?' if there.query else ''}{there.query}"
    raise Unavailable("linkedin: the upload was sent to an address that is not LinkedIn's")
