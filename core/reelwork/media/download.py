"""Brings a finished video onto this machine: streamed, limited, resumed, hashed, and named by its hash."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from reelwork.backoff import backoff
from reelwork.errors import NoVideo
from reelwork.media.partial_file import PartialFile, Version
from reelwork.media.stream_writer import BATCH, Incoming, OnProgress, quoted
from reelwork.net.addresses import place
from reelwork.net.client import Http, Interrupted
from reelwork.net.messages import Stream
from reelwork_hooks.errors import Expired, Unavailable
from reelwork_hooks.provider import BytesSource, FileSource, HttpSource, Source

STALL_SECONDS = 60.0
"""Seconds for which a download may stand still before it is broken off and resumed."""
# A trickle breaks no limit on silence, and would keep a job for days.
LEAST_SPEED = 1024
"""Bytes a second, over as long as a download may stand still."""
ATTEMPTS = 4
LONGEST_WAIT = 60.0
"""Seconds between two attempts."""
SAFE = "The render is paid for and not lost: the provider still has it."
FRESH = "`reelwork jobs retry` asks the provider for a fresh link."
GONE = "The render was paid for, but its video is no longer at this address."

# S3 and CloudFront answer an expired link with 403 and GCS with 400, as they do a wrong one: the words tell. "Not
# valid in the specified time frame" is Azure's.
_EXPIRY_WORDS = re.compile(rb"expire|not valid in the specified time frame", re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d+)-\d+/(\d+|\*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A downloaded file."""

    path: Path
    sha256: str
    bytes: int
    media_type: str
    """By its first bytes, whatever it was called."""


class _Broken(Exception):
    """This attempt did not bring everything; another one may resume. The text is safe to show."""


async def download(
    source: Source,
    *,
    into: Path,
    temp_dir: Path,
    http: Http,
    part_name: str,
    limit_bytes: int,
    on_progress: OnProgress | None = None,
    retry_wait: float = 1.0,
    stall: float = STALL_SECONDS,
) -> Downloaded:
    """Bring a video to `into/HASH[:2]/HASH.mp4` (or `.webm`, …), through `temp_dir/PART_NAME.part`.

    `part_name` is the engine's own name for this render: a later call with the same name resumes where this one
    was cut off. `on_progress` gets the bytes so far, and the total when known. `retry_wait` (doubled each time) and
    `stall` are seconds. Raises `Unavailable` when a later call may succeed, `NoVideo` when there was an answer and
    it is no video, `Expired` when the answer says that the video is not there.
    """
    part = PartialFile(temp_dir, part_name)
    incoming = Incoming(part, limit_bytes, on_progress or _no_progress)
    try:
        with closing(part):
            await part.open()
            if isinstance(source, HttpSource):
                await _over_http(source, incoming, http, retry_wait, stall)
            else:
                await part.restart(Version())
                async with aclosing(_pieces(source)) as pieces:
                    await incoming.take(pieces)
            return await _finish(part, into, limit_bytes)
    except Unavailable as error:
        error.money = error.money or SAFE
        raise


async def _finish(part: PartialFile, into: Path, limit: int) -> Downloaded:
    if not part.size:
        part.remove()
        raise NoVideo("the video that arrived is empty (0 bytes)")
    kept = await part.keep_as(into, limit)
    return Downloaded(kept.path, kept.sha256, kept.bytes, kept.media_type)


async def _over_http(source: HttpSource, incoming: Incoming, http: Http, retry_wait: float, stall: float) -> None:
    part, where, last = incoming.part, place(source.url), ""
    for attempt in range(ATTEMPTS):
        # All there since an earlier call, which was cut off before it could move the file.
        if part.size and part.size == part.version.total and _is_from(part, _origin(source.url)):
            return
        if attempt:
            await asyncio.sleep(backoff(retry_wait, attempt - 1, LONGEST_WAIT))
        try:
            await _attempt(source, incoming, http, stall)
            return
        except (Interrupted, _Broken) as error:
            last = str(error)
    total = f" of {part.version.total}" if part.version.total else ""
    raise Unavailable(
        f"the download from {where} was cut off {ATTEMPTS} times, last at {part.size}{total} bytes: {last}",
        hint="What has arrived is kept, and the next attempt resumes there.",
    )


async def _attempt(source: HttpSource, incoming: Incoming, http: Http, stall: float) -> None:
    part, origin = incoming.part, _origin(source.url)
    # Without a validator the other side cannot say that its bytes have changed: two films would be joined.
    offset = part.size if part.version.validator and _is_from(part, origin) else 0
    opening = http.stream_get(
        source.url,
        headers={name: value.get_secret_value() for name, value in source.headers.items()},
        trust=[source.trusted_origin] if source.trusted_origin else [],
        offset=offset,
        if_range=part.version.validator,
        timeout=stall,
    )
    async with opening as stream:
        await _check_status(stream, place(source.url), part)
        await _prepare_part(stream, part, offset, origin)
        incoming.content_type = stream.headers.get("content-type", "")
        await incoming.take(_steady(stream.chunks, stall))
    total = part.version.total
    if total is not None and part.size < total:
        raise _Broken(f"it ended at {part.size} of {total} bytes")
    if total is not None and part.size > total:
        # What is there belongs to no version any more. The next attempt begins with nothing.
        await part.restart(Version())
        raise _Broken(f"more came than the {total} bytes announced")


async def _steady(chunks: AsyncIterator[bytes], seconds: float) -> AsyncGenerator[bytes, None]:
    """Yield the pieces as they arrive. Raises `Interrupted` when they trickle."""
    clock = asyncio.get_running_loop().time
    began, arrived = clock(), 0
    async for chunk in chunks:
        yield chunk
        arrived += len(chunk)
        passed = clock() - began
        if passed < seconds:
            continue
        if arrived < LEAST_SPEED * passed:
            raise Interrupted(f"only {arrived:,} bytes came in {passed:.0f} s")
        began, arrived = clock(), 0


async def _check_status(stream: Stream, where: str, part: PartialFile) -> None:
    if stream.status_code in (200, 206):
        return
    if stream.status_code == 416:
        await part.restart(Version())
        raise _Broken("it no longer has the bytes that are missing here")
    status = f"{where} answered {stream.status_code} instead of the video"
    words = await _first_words(stream)
    if stream.status_code in (404, 410) or (stream.status_code in (400, 401, 403) and _EXPIRY_WORDS.search(words)):
        why = "it is not there" if stream.status_code in (404, 410) else "the link has expired"
        raise Expired(f"{status}: {why}", money=GONE, hint=FRESH)
    raise NoVideo(status + quoted(words))


async def _first_words(stream: Stream) -> bytes:
    words = b""
    try:
        async for chunk in stream.chunks:
            words += chunk
            if len(words) > 2048:
                break
    except Interrupted:
        pass
    return words[:2048]


async def _prepare_part(stream: Stream, part: PartialFile, offset: int, origin: str) -> None:
    """Prepare the part for this answer: for its end, or for all of it from the start."""
    version = Version(_validator(stream.headers), _length(stream.headers.get("content-length")), origin)
    given = _CONTENT_RANGE.fullmatch(stream.headers.get("content-range", ""))
    if stream.status_code == 206 and given is not None and int(given[1]):
        changed = version.validator and version.validator != part.version.validator
        if int(given[1]) != offset or changed:
            await part.restart(Version())
            raise _Broken("it sent another range than was requested")
        return
    # A 206 that begins at the beginning, or does not say where, is the video like any 200: what plays decides.
    whole = _length(given[2]) if given is not None else version.total
    await part.restart(Version(version.validator, whole, origin))


def _origin(url: str) -> str:
    """Return a short hash of the address, the same for each link that is signed for it."""
    # A new signature changes the query only, and leads to the same bytes.
    parts = urlsplit(url)
    return hashlib.sha256(f"{parts.hostname}{parts.path}".encode()).hexdigest()[:16]


def _is_from(part: PartialFile, origin: str) -> bool:
    # Earlier versions did not write down where a part came from, and knew one way only.
    return part.version.origin in ("", origin)


def _validator(headers: Mapping[str, str]) -> str:
    etag = headers.get("etag", "")
    # A weak tag does not promise the same bytes, so If-Range does not take it.
    return etag if etag.startswith('"') else headers.get("last-modified", "")


def _length(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _no_progress(received: int, total: int | None) -> None:
    """Report to nobody."""


async def _pieces(source: FileSource | BytesSource) -> AsyncGenerator[bytes, None]:
    if isinstance(source, BytesSource):
        for start in range(0, len(source.content), BATCH):
            yield source.content[start : start + BATCH]
        return
    file = await asyncio.to_thread(_open_made, source.path)
    with file:
        while piece := await asyncio.to_thread(file.read, BATCH):
            yield piece


def _open_made(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise Expired(f"the provider's file no longer exists: {path}", money=GONE) from error
    except OSError as error:
        raise Unavailable(f"the file the provider made cannot be read: {path}: {error.strerror}") from error
