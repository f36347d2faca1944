"""The body of a request: from memory, from files or from an iterator, sent piece by piece."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from reelwork.net.addresses import RequestRefused
from reelwork_hooks.http import FileSlice, HttpBody, HttpFiles, HttpProgress

PIECE = 1024 * 1024
"""Bytes handed over at once; measured fastest, and a time limit for each piece instead of one for the whole."""

Part = bytes | FileSlice | AsyncIterable[bytes]


class FileUnfit(RequestRefused):
    """A file cannot be sent, or changed while it was being sent."""


@dataclass(frozen=True)
class Body:
    """The body that a request sends, before it is opened."""

    parts: tuple[Part, ...]
    media_type: str = ""
    """The header Content-Type that belongs to it, unless the caller gives another."""

    @property
    def once(self) -> bool:
        """True if it cannot be sent a second time."""
        return not all(isinstance(part, bytes | FileSlice) for part in self.parts)

    @asynccontextmanager
    async def opened(self, progress: HttpProgress | None) -> AsyncIterator[Opened]:
        """Open its files, as they are now. Raises `FileUnfit`."""
        async with AsyncExitStack() as stack:
            readers = [await _reader(part, stack) for part in self.parts]
            sizes = [_size(reader) for reader in readers]
            length = None if None in sizes else sum(size or 0 for size in sizes)
            pieces = await stack.enter_async_context(aclosing(_pieces(readers, length, progress)))
            yield Opened(pieces, length)


@dataclass(frozen=True)
class Opened:
    """A body whose files are open."""

    pieces: AsyncIterator[bytes]
    length: int | None
    """In bytes; None when it is not known."""


def body_of(
    content: HttpBody | None,
    json: Any,
    data: Mapping[str, str] | None,
    files: HttpFiles | None,
    media_type: str | None,
) -> Body | None:
    """Return the body of a request; None if it has none.

    `media_type` is the header that the caller gives. Raises `RequestRefused` when it cannot be written down.
    """
    if content is not None:
        return Body((_part(content),))
    placed: list[tuple[bytes, FileSlice]] = []
    headers = {"Content-Type": media_type} if media_type else {}
    try:
        plain = {name: _without_files(given, placed) for name, given in files.items()} if files else None
        # httpx knows the rules of forms, and holds each file in memory: it writes a mark in its place.
        written = httpx.Request("POST", "http://body.invalid/", json=json, data=data, files=plain, headers=headers)
        rest = written.read()
    except (TypeError, ValueError) as error:
        raise RequestRefused("its body cannot be written down") from error
    parts: list[Part] = []
    for mark, part in placed:
        before, _, rest = rest.partition(mark)
        parts += [before, part]
    return Body((*parts, rest), written.headers.get("content-type", "")) if parts or rest else None


def _part(content: HttpBody) -> Part:
    if isinstance(content, bytearray | memoryview):
        return bytes(content)
    if isinstance(content, Path):
        return FileSlice(content)
    if isinstance(content, bytes | FileSlice | AsyncIterable):
        return content
    kinds = "bytes, a Path, a FileSlice or an async iterable"
    raise RequestRefused(f"its body cannot be written down: content is {kinds}, not {type(content).__name__}")


def _without_files(
    given: tuple[str | None, bytes | str | Path | FileSlice, str | None], placed: list[tuple[bytes, FileSlice]]
) -> tuple[str | None, bytes | str, str | None]:
    name, content, media_type = given
    if isinstance(content, bytes | str):
        return name, content, media_type
    mark = secrets.token_hex(16).encode()
    placed.append((mark, FileSlice(content) if isinstance(content, Path) else content))
    return name, mark, media_type


@dataclass(frozen=True)
class _OpenFile:
    """An open file, and how it was when it was opened."""

    file: BinaryIO
    path: Path
    offset: int
    length: int
    state: tuple[int, int]


async def _reader(part: Part, stack: AsyncExitStack) -> bytes | _OpenFile | AsyncIterable[bytes]:
    if not isinstance(part, FileSlice):
        return part
    try:
        opened = await asyncio.to_thread(_open, part)
    except OSError as error:
        raise FileUnfit(f"{part.path} cannot be read: {error.strerror or error}") from error
    stack.callback(opened.file.close)
    return opened


def _open(part: FileSlice) -> _OpenFile:
    # Asked first: opening a pipe would wait for its other end, and a device may have no end.
    if not stat.S_ISREG(part.path.stat().st_mode):
        raise FileUnfit(f"{part.path} is not a file")
    file = part.path.open("rb")
    state = _state(file)
    length = max(state[0] - part.offset, 0) if part.length is None else part.length
    if part.offset + length > state[0]:
        file.close()
        wanted = f"{length} from byte {part.offset} on were to be sent"
        raise FileUnfit(f"{part.path} has {state[0]} bytes, and {wanted}")
    return _OpenFile(file, part.path, part.offset, length, state)


def _state(file: BinaryIO) -> tuple[int, int]:
    seen = os.fstat(file.fileno())
    return seen.st_size, seen.st_mtime_ns


def _size(reader: bytes | _OpenFile | AsyncIterable[bytes]) -> int | None:
    if isinstance(reader, bytes):
        return len(reader)
    return reader.length if isinstance(reader, _OpenFile) else None


async def _pieces(
    readers: list[bytes | _OpenFile | AsyncIterable[bytes]], length: int | None, progress: HttpProgress | None
) -> AsyncGenerator[bytes, None]:
    sent = 0
    for reader in readers:
        async for piece in _each(reader):
            yield piece
            # Asked for the next one: the last was taken by the connection.
            sent += len(piece)
            if progress is not None:
                progress(sent, length)


async def _each(reader: bytes | _OpenFile | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(reader, bytes):
        for start in range(0, len(reader), PIECE):
            yield reader[start : start + PIECE]
    elif isinstance(reader, _OpenFile):
        for start in range(0, reader.length, PIECE):
            yield await asyncio.to_thread(_read, reader, start, min(PIECE, reader.length - start))
    else:
        async for piece in reader:
            yield piece


def _read(reader: _OpenFile, start: int, size: int) -> bytes:
    """Return a piece of the file. Raises `FileUnfit` when the file is no longer as it was opened."""
    try:
        reader.file.seek(reader.offset + start)
        piece = reader.file.read(size)
    except OSError as error:
        raise FileUnfit(f"{reader.path} cannot be read: {error.strerror or error}") from error
    # Before the piece is handed over: while the last one is missing, no server takes the body for whole.
    if len(piece) != size or _state(reader.file) != reader.state:
        raise FileUnfit(f"{reader.path} changed while it was being sent")
    return piece
