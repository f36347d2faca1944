"""Reads the body of an answer: unpacked within a limit, as text or as JSON."""

from __future__ import annotations

import codecs
import json
import math
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any

from reelwork.text import DEEPEST_JSON, LARGEST_INTEGER, storable

PACKINGS = ("gzip", "x-gzip", "deflate")
"""The encodings that are unpacked; no others are asked for."""
# Bytes unpacked at once: a packed kilobyte may hold a megabyte.
_PIECE = 256 * 1024
# Python knows others, such as punycode, that are no text or take very long to decode. A server may name any.
_CHARSETS = re.compile(
    r"utf-?8|utf-?16([bl]e)?|us-ascii|ascii|iso-?8859-\d+|latin-?1|windows-\d+|cp\d+|koi8-[ru]|"
    r"shift[_-]jis|euc-(jp|kr)|gb(2312|k|18030)|big5",
    re.IGNORECASE,
)
# Each takes one byte of the answer, and may take hundreds in memory: 8 MB of small objects took 200 MB.
MOST_PARTS = 500_000
"""Commas and brackets of JSON that is read."""
_LONGEST_INTEGER = len(f"-{LARGEST_INTEGER}")


class BodyUnfit(Exception):
    """The body is too large, or packed in a way that is not read."""


class Unpacking:
    """Unpacks one layer of gzip or deflate, a piece at a time, so that a small answer cannot fill the memory."""

    def __init__(self, encodings: str, limit: int) -> None:
        names = [name.strip().lower() for name in encodings.split(",")]
        packings = [name for name in names if name in PACKINGS]
        # No server has a reason to. Each layer multiplies what a small answer unpacks to by a thousand.
        if len(packings) > 1:
            raise BodyUnfit(f"its answer is packed {len(packings)} times over")
        self._packing = packings[0] if packings else ""
        self._limit = limit
        self._unpack: Any = None
        self._begun = False
        self.size = 0

    async def each(self, packed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the unpacked pieces. Raises `BodyUnfit`."""
        async for chunk in packed:
            for piece in self._pieces(chunk):
                self.size += len(piece)
                if self.size > self._limit:
                    raise BodyUnfit(f"its answer is larger than {self._limit} bytes")
                yield piece

    def _pieces(self, chunk: bytes) -> Any:
        if not self._begun and chunk:
            self._begun = True
            # The label alone does not make it so: some servers name a packing and send plain bytes.
            self._unpack = _unpacker(self._packing, chunk)
        if self._unpack is None:
            yield chunk
            return
        try:
            while chunk:
                # Without the length, zlib would unpack the whole chunk before the limit can be checked.
                piece = self._unpack.decompress(chunk, _PIECE)
                chunk = self._unpack.unconsumed_tail
                yield piece
        except zlib.error as error:
            raise BodyUnfit("its answer cannot be unpacked") from error


def _unpacker(packing: str, head: bytes) -> Any:
    if packing in ("gzip", "x-gzip"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16) if head[:1] == b"\x1f" else None
    if packing == "deflate":
        # Sent with the header of zlib (RFC 9110, 8.4.1.2) or, by some, without.
        return zlib.decompressobj() if head[0] & 15 == 8 else zlib.decompressobj(-zlib.MAX_WBITS)
    return None


def as_text(content: bytes, charset: str) -> str:
    """Return the body as text: in its character set, or UTF-8 when it names none that text is sent in."""
    name = charset if _CHARSETS.fullmatch(charset) else "utf-8"
    try:
        codecs.lookup(name)
    except LookupError:
        name = "utf-8"
    return storable(content.decode(name, errors="replace"))


def as_json(content: bytes) -> Any:
    """Return the body as JSON, without halves of characters; a number that none can hold becomes None.

    Raises `ValueError` when it is no JSON, or nested deeper or in more parts than any answer has a reason to be.
    """
    # Counted before `json.loads`, which builds all of it and cannot be stopped halfway.
    if sum(map(content.count, (b",", b"[", b"{"))) > MOST_PARTS:
        raise ValueError(f"it has more than {MOST_PARTS:,} parts")
    # `json.loads(bytes)` decodes strictly: one broken byte in a message would lose the id beside it.
    text = content.decode(json.detect_encoding(content), errors="replace")
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_no_number)
    # The parser recurses in C, and says so with this instead of a `ValueError`.
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    _check_depth(value)
    # Decoding leaves no half of a character. Only an escape can bring one in.
    return _without_halves(value) if "\\ud" in text or "\\uD" in text else value


def _integer(digits: str) -> int | float | None:
    # `int` takes quadratic time, and refuses more than 4,300 digits.
    number = int(digits) if len(digits) <= _LONGEST_INTEGER else LARGEST_INTEGER + 1
    return number if abs(number) <= LARGEST_INTEGER else _float(digits)


def _float(digits: str) -> float | None:
    # `float` reads 1e999 as infinity, which no JSON has and no store takes.
    number = float(digits)
    return number if math.isfinite(number) else None


def _no_number(name: str) -> None:
    """Return None for NaN and Infinity, which JSON does not have."""


def _check_depth(value: Any) -> None:
    # Level by level: deep nesting must not overflow the stack of the check that is to find it.
    level = _holders([value])
    for _ in range(DEEPEST_JSON):
        if not level:
            return
        level = [item for holder in level for item in _holders(holder)]
    raise ValueError(f"it is nested more than {DEEPEST_JSON} levels deep")


def _holders(holder: Any) -> list[Any]:
    items = holder.values() if isinstance(holder, dict) else holder
    return [item for item in items if isinstance(item, dict | list)]


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(name): _without_halves(item) for name, item in value.items()}
    return [_without_halves(item) for item in value] if isinstance(value, list) else value
