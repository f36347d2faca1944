"""Writes a download: hashes and writes one batch while the next arrives, and refuses what is no video."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from reelwork.errors import NoVideo, TooLarge
from reelwork.media.container import HEAD, UNKNOWN, container_of, is_picture
from reelwork.media.partial_file import PartialFile
from reelwork.media.probe import text_instead_of_video
from reelwork.media.unpacking import is_packed
from reelwork.net.client import Interrupted
from reelwork.redaction.redactor import mask
from reelwork.text import shown

# A kill loses at most a batch or two, and a megabyte makes the change of threads cost nothing beside its hash.
BATCH = 1024 * 1024
"""Bytes hashed and written in one go, in a thread."""

_TEXTUAL = re.compile(r"\s*(text/|application/(json|xml|problem\+json|xhtml\+xml))", re.IGNORECASE)

OnProgress = Callable[[int, int | None], None]


class Incoming:
    """Writes what arrives into the part, a batch at a time, and refuses what cannot be a video."""

    def __init__(self, part: PartialFile, limit: int, on_progress: OnProgress) -> None:
        self.part = part
        self.content_type = ""
        self._limit = limit
        self._on_progress = on_progress
        self._writing: asyncio.Task[None] | None = None

    async def take(self, pieces: AsyncIterator[bytes]) -> None:
        """Write every piece. What came before a break is kept. Raises `Unavailable` for text or too much."""
        # A video that is announced as too large is refused before its bytes come.
        self._check_limit(self.part.version.total or 0)
        batches = _Batches(pieces, self.part.size)
        try:
            async with aclosing(batches.each()) as each:
                async for batch in each:
                    # One write at a time: batches stay in order, and memory holds two of them at most.
                    await self._written()
                    self._check_limit(batches.arrived)
                    if not self.part.size:
                        self._check_kind(b"".join(batch)[:HEAD])
                    self._writing = asyncio.create_task(self._write(batch))
            await self._written()
        except BaseException:
            # The thread cannot be stopped, and nobody may take up or remove the file while it writes.
            if self._writing is not None:
                await asyncio.gather(self._writing, return_exceptions=True)
            raise
        if batches.broken is not None:
            raise batches.broken

    async def _write(self, batch: list[bytes]) -> None:
        await self.part.append(batch)
        self._on_progress(self.part.size, self.part.version.total)

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    def _check_kind(self, head: bytes) -> None:
        text = text_instead_of_video(head)
        # The label counts only where the bytes tell nothing: some storages send a film as text/plain.
        if not text and _TEXTUAL.match(self.content_type) and container_of(head) is UNKNOWN and not is_packed(head):
            text = quoted(head).removeprefix(": ") or shown(mask(self.content_type), 80)
        if text or is_picture(head):
            self.part.remove()
            raise NoVideo(f"what arrived is not a video but text: {text}" if text else "what arrived is a picture")

    def _check_limit(self, size: int) -> None:
        if size > self._limit:
            self.part.remove()
            raise TooLarge(
                f"the video is larger than the {self._limit / 1e6:g} MB allowed",
                hint="To allow more: reelwork resume --set limits.largest_download=MEGABYTES",
            )


class _Batches:
    """Joins pieces into batches. The last one ends where the pieces do, also where they break off."""

    def __init__(self, pieces: AsyncIterator[bytes], arrived: int) -> None:
        self.arrived = arrived
        """Bytes, with those that an earlier attempt brought."""
        self.broken: Interrupted | None = None
        self._pieces = pieces

    async def each(self) -> AsyncGenerator[list[bytes], None]:
        """Yield batches of about `BATCH` bytes."""
        batch: list[bytes] = []
        waiting = 0
        try:
            async for piece in self._pieces:
                batch.append(piece)
                waiting += len(piece)
                self.arrived += len(piece)
                if waiting >= BATCH:
                    yield batch
                    batch, waiting = [], 0
        except Interrupted as error:
            # Raised once the last batch is written: an attempt that breaks off must not lose what it brought.
            self.broken = error
        if batch:
            yield batch


def quoted(words: bytes) -> str:
    """Return the first of these words after a colon, for a message; empty when they are no plain text."""
    text = shown(mask(words.decode("utf-8", errors="replace")), 80)
    return f": {text}" if text.isprintable() and text else ""
