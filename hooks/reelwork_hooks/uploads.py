"""Uploads in pieces that go on after any interruption, and whose last piece makes what is uploaded."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic

from reelwork_hooks.answers import Answer
from reelwork_hooks.clips import Asset
from reelwork_hooks.errors import NotSent, OutcomeUnknown, ReelworkError, Unavailable, errors_as
from reelwork_hooks.http import FileSlice, HttpProgress
from reelwork_hooks.service import Service

_SEND_SECONDS = 300.0
"""Seconds for which a service may stay silent after a piece."""
_RANGE = re.compile(r"bytes=0-(\d+)")


@dataclass(frozen=True, slots=True)
class UploadOpen:
    """The upload continues from this byte."""

    offset: int
    """The first byte that has not arrived, counted from 0."""


@dataclass(frozen=True, slots=True)
class UploadDone:
    """All bytes are there, and the service has made of them what it makes."""

    answer: Answer
    """Its answer to the last piece, or to the question."""


@dataclass(frozen=True, slots=True)
class UploadGone:
    """The session is no longer known, so what it made is not known either."""


UploadStatus = UploadOpen | UploadDone | UploadGone


@dataclass(frozen=True, slots=True)
class ResumableUpload:
    """An upload into one session, in pieces with `Content-Range`, as Google's services take it.

    The service answers 308 with a `Range` while bytes are missing, a success when it has all, and 404 or 410 when
    it does not know the session. Whatever is lost on the way is asked of the session, which makes one thing only:
    so send all but the last piece in `prepare_publish`, and the last in `publish`.
    """

    service: Service
    """Where it goes, with its key or account."""
    address: str
    """The session's address, which is often a credential: show it nowhere."""
    asset: Asset
    """The file."""
    name: str
    """The plugin's name, for messages."""
    progress: Callable[[float], None] = lambda percent: None
    """Called with per cent while bytes are sent."""
    repeatable: bool = False
    """True outside of `publish` and `submit`: the client then repeats requests as it does reads."""
    made: Callable[[Answer], bool] = lambda answer: answer.ok
    """True for an answer of success that is the service's own, such as one with an id, and no proxy's page."""

    async def ask(self, *, refused: bool = False) -> UploadStatus:
        """Return how far it is. Raises `Unavailable`.

        `refused`: a refusal of this question counts as `UploadGone`: the session is of no more use.
        """
        with errors_as(Unavailable, (NotSent, OutcomeUnknown)):
            answer = await self._put(b"", f"bytes */{self.asset.bytes}")
        status = self._status(answer)
        if status is None and refused and answer.status in (400, 403):
            return UploadGone()
        if status is None:
            raise Unavailable(f"{self.name}: the upload's session answered {answer.status}")
        return status

    async def send(self, start: int, end: int) -> UploadStatus | Answer:
        """Send the bytes up to `end`; return where it stands then, or an answer that does not say it.

        Raises `NotSent` and `OutcomeUnknown`; with `repeatable`, `Unavailable` in place of both.
        """
        total = self.asset.bytes
        answer = await self._put(
            FileSlice(self.asset.path, start, end - start),
            f"bytes {start}-{end - 1}/{total}",
            lambda sent, _: self.progress(100 * (start + sent) / total),
        )
        return self._status(answer) or answer

    async def up_to_last(
        self, offset: int, piece: int, refusal: Callable[[Answer], ReelworkError], *, seconds: float = inf
    ) -> UploadStatus:
        """Send all pieces but the last, without which nothing is made; return where it stands then.

        After `seconds` it returns as well, and is to be called again. Raises `Unavailable`, or what `refusal`
        returns for an answer that does not say how far it is.
        """
        last = self.last(piece)
        # Each turn ends a piece or is counted: a server that takes nothing must not be asked for ever.
        turns, ends = 3 + last // piece, monotonic() + seconds
        while offset < last and turns:
            if monotonic() > ends:
                return UploadOpen(offset)
            turns -= 1
            with errors_as(Unavailable, (NotSent, OutcomeUnknown)):
                status = await self.send(offset, min(offset - offset % piece + piece, last))
            if isinstance(status, Answer):
                raise refusal(status)
            if not isinstance(status, UploadOpen):
                return status
            offset = status.offset
        if offset < last:
            raise Unavailable(f"{self.name}: the service stopped taking the upload")
        return UploadOpen(offset)

    def last(self, piece: int) -> int:
        """Return the byte at which the last piece begins, in pieces of this size."""
        return (self.asset.bytes - 1) // piece * piece

    async def _put(self, content: bytes | FileSlice, span: str, progress: HttpProgress | None = None) -> Answer:
        return await self.service.request(
            "PUT", self.address, content=content, timeout=_SEND_SECONDS, progress=progress,
            headers={"Content-Range": span, "Content-Type": self.asset.media_type}, repeatable=self.repeatable,
        )  # fmt: skip

    def _status(self, answer: Answer) -> UploadStatus | None:
        if answer.status == 308:
            known = _RANGE.fullmatch(answer.headers.get("range", "").strip())
            return UploadOpen(int(known[1]) + 1 if known else 0)
        if answer.status in (200, 201) and self.made(answer):
            return UploadDone(answer)
        return UploadGone() if answer.status in (404, 410) else None
