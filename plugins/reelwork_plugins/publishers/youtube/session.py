"""The resumable upload: one session, one video, however often it is continued.

https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from reelwork_hooks import Asset, FileSlice, HttpProgress, HttpResponse, NotSent, OutcomeUnknown, Unavailable
from reelwork_plugins.publishers.youtube.api import Api, body_of, refusal

# A multiple of 256 KiB, as the protocol asks of all requests but the last.
MEBIBYTE = 1 << 20
SEND_SECONDS = 300.0
"""Seconds for which YouTube may stay silent after a piece."""
_RANGE = re.compile(r"bytes=0-(\d+)")


@dataclass(frozen=True)
class Open:
    """The session goes on from this byte."""

    offset: int


@dataclass(frozen=True)
class Done:
    """The session has made its video."""

    video: Mapping[str, Any]


@dataclass(frozen=True)
class Gone:
    """The session is not known any more: what it made is not known either."""


Status = Open | Done | Gone


async def begin(api: Api, made: Mapping[str, Any], video: Asset, *, notify: bool, repeat: bool) -> str:
    """Begin a session and return its address, which is a credential. Begins nothing that anyone sees.

    Raises what `refusal` returns.
    """
    url = f"{api.base_url}/upload/youtube/v3/videos"
    params = {"uploadType": "resumable", "part": "snippet,status", "notifySubscribers": str(notify).lower()}
    given = {"X-Upload-Content-Length": str(video.bytes), "X-Upload-Content-Type": video.media_type}
    for again in (False, True):
        headers = {**await api.bearer(again=again), **given}
        try:
            answer = await api.http.request(
                "POST", url, params=params, json=made, headers=headers, repeatable=repeat
            )
        except (NotSent, OutcomeUnknown) as error:
            raise Unavailable(error.message) from error
        if answer.status_code != 401:
            break
    if answer.status_code not in (200, 201) or not answer.headers.get("location"):
        raise refusal(answer, "beginning the upload")
    return _safe(api.base_url, answer.headers["location"])


def _safe(base_url: str, address: str) -> str:
    """Return the session's address if it is Google's own. Raises `Unavailable`."""
    home, there = urlsplit(base_url), urlsplit(address)
    # Uploads may have a host of their own at Google. A server on this machine is reached as it was configured.
    if there.scheme == "https" and (there.hostname or "").endswith(".googleapis.com"):
        return address
    if home.scheme == "http" and there.path:
        return f"{base_url}{there.path}{'?' if there.query else ''}{there.query}"
    raise Unavailable("youtube: the upload was sent to an address that is not Google's")


@dataclass(frozen=True)
class Session:
    """A session that has begun. `address` opens the upload to anyone: it is never shown."""

    api: Api
    address: str
    video: Asset
    progress: Callable[[float], None]
    repeat: bool
    """Its requests may be repeated by the client, which is so outside of `publish`."""

    async def ask(self, *, refused: bool = False) -> Status:
        """Return how far it is. Raises `Unavailable`.

        `refused`: a refusal of this question counts as `Gone`: the session is of no more use.
        """
        try:
            answer = await self._put(b"", f"bytes */{self.video.bytes}")
        except (NotSent, OutcomeUnknown) as error:
            raise Unavailable(error.message) from error
        status = _status(answer)
        if status is None and refused and answer.status_code in (400, 403):
            return Gone()
        if status is None:
            raise Unavailable(f"youtube: the upload's session answered {answer.status_code}")
        return status

    async def send(self, start: int, end: int) -> Status | HttpResponse:
        """Send the bytes up to `end`; return where it stands then, or an answer that does not say it.

        Raises `NotSent` and `OutcomeUnknown`; with `repeat`, `Unavailable` in place of both.
        """
        total = self.video.bytes
        answer = await self._put(
            FileSlice(self.video.path, start, end - start),
            f"bytes {start}-{end - 1}/{total}",
            lambda sent, _: self.progress(100 * (start + sent) / total),
        )
        return _status(answer) or answer

    async def _put(
        self, content: bytes | FileSlice, span: str, progress: HttpProgress | None = None
    ) -> HttpResponse:
        for again in (False, True):
            answer = await self.api.http.put(
                self.address,
                content=content,
                headers={
                    **await self.api.bearer(again=again),
                    "Content-Range": span,
                    "Content-Type": self.video.media_type,
                },
                timeout=SEND_SECONDS,
                progress=progress,
                repeatable=self.repeat,
            )
            # Turned away for its token alone: nothing of it was taken.
            if answer.status_code != 401:
                break
        return answer

    async def up_to_last(self, offset: int, chunk: int, *, seconds: float = inf) -> int | Status:
        """Send all pieces but the last, without which there is no video; return where the last begins.

        After `seconds` it returns where the session is `Open`. Raises `Unavailable`, or what `refusal` returns.
        """
        last = (self.video.bytes - 1) // chunk * chunk
        # Each turn ends a piece or is counted: a server that takes nothing must not be asked for ever.
        turns, ends = 3 + last // chunk, monotonic() + seconds
        while offset < last and turns:
            if monotonic() > ends:
                return Open(offset)
            turns -= 1
            try:
                status = await self.send(offset, min(offset - offset % chunk + chunk, last))
            except (NotSent, OutcomeUnknown) as error:
                raise Unavailable(error.message) from error
            if not isinstance(status, Open | Done | Gone):
                raise refusal(status, "the upload")
            if not isinstance(status, Open):
                return status
            offset = status.offset
        if offset < last:
            raise Unavailable("youtube: YouTube stopped taking the upload")
        return offset


def _status(answer: HttpResponse) -> Status | None:
    if answer.status_code == 308:
        known = _RANGE.fullmatch(answer.headers.get("range", "").strip())
        return Open(int(known[1]) + 1 if known else 0)
    if answer.status_code in (200, 201) and isinstance(body_of(answer).get("id"), str):
        return Done(body_of(answer))
    return Gone() if answer.status_code in (404, 410) else None
