"""Unpacks a film that arrived as gzip, deflate or chunks, whatever its label says."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from reelwork.errors import TooLarge
from reelwork.media.container import HEAD, UNKNOWN, container_of
from reelwork_hooks.errors import Unavailable

# Each layer can make a thousand bytes of one.
LAYERS = 2
"""The layers in which a film may be packed."""
_PIECE = 256 * 1024
_GZIP = b"\x1f\x8b\x08"
# The line before a piece, as uploads to S3 are framed (`aws-chunked`): some storages store it with the bytes.
_CHUNK = re.compile(rb"[0-9a-fA-F]{1,8}(?:;chunk-signature=[0-9a-f]{64})?\r\n")
# Where no line is, `readline` would read the whole film into memory.
_LONGEST_LINE = 256


def is_packed(head: bytes) -> bool:
    """Return whether these first bytes are not a video, but something that a video may be packed in."""
    if container_of(head) is not UNKNOWN:
        return False
    return head.startswith(_GZIP) or _is_zlib(head) or _is_chunked(head)


def unpack(packed: Path, into: Path, limit: int) -> None:
    """Write the film within `packed` to `into`. Blocks.

    Raises `TooLarge` when it is larger than `limit` bytes, `Unavailable` when it cannot be unpacked.
    """
    for layer in range(LAYERS):
        source = packed if layer == 0 else into.with_suffix(".outer")
        if layer:
            into.replace(source)
        try:
            _one_layer(source, into, limit)
        finally:
            if layer:
                source.unlink(missing_ok=True)
        with into.open("rb") as file:
            if not is_packed(file.read(HEAD)):
                return
    into.unlink(missing_ok=True)
    raise Unavailable(f"what arrived is packed more than {LAYERS} times, which no video is")


def _one_layer(packed: Path, into: Path, limit: int) -> None:
    written = 0
    try:
        with into.open("wb") as out:
            for piece in _pieces(packed):
                written += len(piece)
                if written > limit:
                    raise TooLarge(
                        f"the video is larger than the {limit / 1e6:g} MB allowed once it is unpacked",
                        hint="To allow more: reelwork resume --set limits.largest_download=MEGABYTES",
                    )
                out.write(piece)
    except (zlib.error, _Unframed) as error:
        into.unlink(missing_ok=True)
        raise Unavailable(f"what arrived is compressed and cannot be unpacked: {error}") from error
    except TooLarge:
        into.unlink(missing_ok=True)
        raise


class _Unframed(Exception):
    """The chunks are not as their lines say."""


def _pieces(packed: Path) -> Iterator[bytes]:
    with packed.open("rb") as file:
        chunked = _is_chunked(file.read(HEAD))
    return _unchunked(packed) if chunked else _unpacked(packed)


def _unchunked(packed: Path) -> Iterator[bytes]:
    with packed.open("rb") as file:
        while _CHUNK.fullmatch(line := file.readline(_LONGEST_LINE)):
            left = int(line.split(b";")[0], 16)
            if not left:
                return
            while left:
                piece = file.read(min(left, _PIECE))
                if not piece:
                    raise _Unframed("it ends within a chunk")
                left -= len(piece)
                yield piece
            file.read(2)
    raise _Unframed("a chunk is not as long as it says")


def _unpacked(packed: Path) -> Iterator[bytes]:
    # 32 more than the largest window: zlib tells gzip from deflate by itself.
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)
    with packed.open("rb") as file:
        while piece := file.read(_PIECE):
            while piece:
                # Never more than a piece at once, however well it was compressed.
                yield unpacking.decompress(piece, _PIECE)
                if unpacking.eof:
                    return
                piece = unpacking.unconsumed_tail
    if not unpacking.eof:
        raise zlib.error("it ends too early")


def _is_chunked(head: bytes) -> bool:
    line = _CHUNK.match(head)
    # Hex digits and a line end may begin any text. Only a film behind them makes it chunks.
    return line is not None and (inner := head[line.end() :]) != b"" and _is_film(inner)


def _is_film(head: bytes) -> bool:
    return container_of(head) is not UNKNOWN or head.startswith(_GZIP)


def _is_zlib(head: bytes) -> bool:
    # RFC 1950, 2.2: the first two bytes are a multiple of 31.
    return len(head) > 1 and head[0] == 0x78 and (head[0] * 256 + head[1]) % 31 == 0
