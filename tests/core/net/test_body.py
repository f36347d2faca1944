from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.net.body import MOST_PARTS, BodyUnfit, Unpacking, as_json, as_text

LIMIT = 1_000_000


def unpacked(encodings: str, body: bytes, limit: int = LIMIT, size: int = 1000) -> bytes:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    async def read() -> bytes:
        return b"".join([piece async for piece in Unpacking(encodings, limit).each(pieces())])

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("encodings", "pack"),
    [
        ("", bytes),
        ("identity", bytes),
        ("aws-chunked", bytes),
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("identity, gzip", gzip.compress),
        ("gzip", bytes),
        ("deflate", zlib.compress),
        ("deflate", lambda raw: zlib.compress(raw)[2:-4]),
    ],
)
def test_bodies_are_read_as_they_are_packed_whatever_the_label_says(encodings: str, pack: Any) -> None:
    body = b'{"id": "video_1"}' * 500
    assert unpacked(encodings, pack(body)) == body


@pytest.mark.parametrize("encodings", ["gzip, gzip", "deflate,gzip", "gzip, identity, gzip"])
def test_what_is_packed_more_than_once_is_not_unpacked(encodings: str) -> None:
    with pytest.raises(BodyUnfit, match="2 times over"):
        unpacked(encodings, gzip.compress(gzip.compress(b"x")))


def test_a_small_answer_cannot_fill_the_memory() -> None:
    bomb = gzip.compress(bytes(200 * LIMIT))
    tracemalloc.start()
    try:
        with pytest.raises(BodyUnfit, match="larger than"):
            unpacked("gzip", bomb, size=len(bomb))
        assert tracemalloc.get_traced_memory()[1] < 10 * LIMIT
    finally:
        tracemalloc.stop()


def test_what_cannot_be_unpacked_is_said() -> None:
    with pytest.raises(BodyUnfit, match="cannot be unpacked"):
        unpacked("gzip", b"\x1f\x8b\x08 not really")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_are_not_given(number: str) -> None:
    assert as_json(f'{{"n": {number}, "id": "a"}}'.encode()) == {"n": None, "id": "a"}


@pytest.mark.parametrize("body", [b"[" * 100_000, b"[" * 500 + b"]" * 500, b'{"a":' * 500 + b"1" + b"}" * 500, b""])
def test_deep_or_broken_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"deep|levels|Expecting"):
        as_json(body)


@pytest.mark.parametrize("part", [b'{"a":1}', b"[]", b"1", b'{"a":[1,2]}'])
def test_more_parts_than_fit_in_memory_are_not_read(part: bytes) -> None:
    with pytest.raises(ValueError, match="parts"):
        as_json(b"[" + b",".join([part] * (MOST_PARTS + 1)) + b"]")
    assert len(as_json(b"[" + b",".join([part] * 10_000) + b"]")) == 10_000


def test_halves_of_characters_are_replaced_in_names_and_texts() -> None:
    assert as_json(rb'{"a\ud800": ["\udc00", "\ud83e\udd8a \\ud800"]}') == {"a�": ["�", "🦊 \\ud800"]}
    assert as_json(b'{"a": "\xed\xa0\x80"}')["a"].encode()


@given(
    st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(), lambda one: st.lists(one))
)
def test_sound_json_is_read_as_it_is(value: Any) -> None:
    assert as_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("charset", ["punycode", "unicode_escape", "utf-7", "rot13", "no-such", "idna"])
def test_no_text_is_read_in_what_is_no_character_set(charset: str) -> None:
    assert as_text(rb"\ud800 fox", charset) == r"\ud800 fox"


def test_a_named_character_set_is_used() -> None:
    assert as_text("Füchse".encode("latin-1"), "ISO-8859-1") == "Füchse"
    assert as_text(b"\xff", "utf-8") == "�"
