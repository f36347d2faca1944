"""The pieces in which a video is sent to TikTok, one after the other; the last one posts it.

https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from reelwork_hooks import Answer, Asset, Context, FileSlice, HttpProgress, Service, Unavailable

MEBIBYTE = 1 << 20
EXPIRES = 3600.0
"""Seconds for which the address of an upload is good."""
SEND_SECONDS = 300.0
"""Seconds for which TikTok may stay silent after a piece."""
_HOST = ".tiktokapis.com"


@dataclass(frozen=True, slots=True)
class Chunks:
    """The pieces of one video."""

    size: int
    chunk: int
    """Bytes of a piece. The last one has what is left, too: up to twice as many, less one."""

    @classmethod
    def of(cls, size: int, chunk: int) -> Chunks:
        """Return the pieces of a video: one piece where it is no larger."""
        return cls(size, min(size, chunk))

    @property
    def count(self) -> int:
        """The number of pieces: rounded down, as TikTok asks."""
        return self.size // self.chunk

    @property
    def last(self) -> int:
        """The byte at which the last piece begins."""
        return (self.count - 1) * self.chunk

    def spans(self, received: int) -> Iterator[tuple[int, int]]:
        """Yield start and end of each piece that is missing where so many bytes are there."""
        # A piece that came in part is sent as a whole.
        for number in range(min(received // self.chunk, self.count - 1), self.count):
            start = number * self.chunk
            yield start, self.size if number == self.count - 1 else start + self.chunk


class Upload:
    """An upload that has begun. Whoever has its address can end it: it is shown nowhere."""

    def __init__(self, context: Context, service: str, address: str, video: Asset) -> None:
        self._address, self._video = upload_address(service, address), video
        # Without the account's token, which is not asked for there.
        self._http = Service(context, [self._address])

    async def send(self, start: int, end: int, progress: HttpProgress, *, repeatable: bool = False) -> Answer:
        """Send one piece. Raises what `Service.request` raises."""
        return await self._http.request(
            "PUT",
            self._address,
            content=FileSlice(self._video.path, start, end - start),
            headers={
                "Content-Range": f"bytes {start}-{end - 1}/{self._video.bytes}",
                "Content-Type": self._video.media_type,
            },
            timeout=SEND_SECONDS,
            progress=progress,
            repeatable=repeatable,
        )


def upload_address(service: str, address: str) -> str:
    """Return the address of an upload if it is TikTok's own, or the simulator's. Raises `Unavailable`."""
    there = urlsplit(address)
    if there.scheme == "https" and (there.hostname or "").endswith(_HOST):
        return address
    # A simulator is reached as it was configured, also through a proxy.
    if service and there.path:
        return f"{service}{there.path}{'?' if there.query else ''}{there.query}"
    raise Unavailable("tiktok: the upload was sent to an address that is not TikTok's")
