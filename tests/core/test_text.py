from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.text import (
    DEEPEST_JSON,
    LARGEST_INTEGER,
    LARGEST_JSON,
    LONGEST_COPY,
    LONGEST_ID,
    copy_problem,
    cut,
    escaped,
    fit_entries,
    json_problem,
    name_problem,
    shown,
    shown_json,
    storable,
    unfit_place,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))
ANY_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


@given(ANY_TEXT, st.integers(1, 50))
def test_what_is_shown_is_short_storable_and_steers_nothing(text: str, limit: int) -> None:
    fit = shown(text, limit)
    assert len(fit) <= limit
    fit.encode()
    assert all(character.isprintable() or character.isspace() or ord(character) > 127 for character in fit)
    assert shown(fit, limit) == fit


@given(ANY_JSON)
def test_json_that_has_no_problem_can_be_stored_and_read(value: Any) -> None:
    if not json_problem(value):
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        assert text.encode()
        assert json.loads(text) == value


@given(ANY_JSON)
def test_shown_json_can_always_be_stored(value: Any) -> None:
    assert not json_problem(shown_json(value))


@given(ANY_TEXT)
def test_an_escaped_json_document_says_the_same(text: str) -> None:
    document = json.dumps({"text": text}, ensure_ascii=False)
    assert json.loads(escaped(document)) == {"text": text}
    escaped(document).encode()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([float("nan")], "nan in it is no number"),
        ({"a": float("-inf")}, "-inf in it is no number"),
        ([LARGEST_INTEGER + 1], "more digits than can be stored"),
        ({"\ud800": 1}, "half of a character"),
        ("nul \0", "control character (U+0000)"),
        ({1: "a"}, "a name in it is no text"),
        ([b"bytes"], "it holds a bytes"),
        ("x" * (LARGEST_JSON + 1), "larger than"),
        ([0] * (LARGEST_JSON + 1), "larger than"),
    ],
)
def test_what_cannot_be_stored_is_said(value: Any, problem: str) -> None:
    assert problem in json_problem(value)


def test_deep_nesting_is_found_without_going_down() -> None:
    deep: Any = 0
    for _ in range(100_000):
        deep = [deep]
    assert f"more than {DEEPEST_JSON} levels" in json_problem(deep)
    endless: list[Any] = []
    endless.append(endless)
    assert "levels" in json_problem(endless)
    assert not json_problem(shown_json(endless))


def test_entries_that_cannot_be_stored_are_left_out() -> None:
    assert fit_entries({"a": 1, "b": "\ud800", "c": float("nan"), "d": ["x"]}) == {"a": 1, "d": ["x"]}


def test_names_are_strict_and_copy_keeps_its_bidi_marks() -> None:
    assert not name_problem("video_1/a=b c")
    assert "control character" in name_problem("a\nb")
    assert "U+202E" in name_problem("a\u202eb")
    assert "characters, more than" in name_problem("x" * (LONGEST_ID + 1))
    assert not copy_problem("two\r\nlines\tand \u202bעברית\u202c, too")
    assert "ESCAPE" in copy_problem("\x1b[31m") or "U+001B" in copy_problem("\x1b[31m")
    assert "lone surrogate U+D83D" in copy_problem("fox \ud83d")
    assert "more than" in copy_problem("x" * (LONGEST_COPY + 1))


def test_the_place_of_what_is_unfit_is_named() -> None:
    settings = {"brief": {"prompt": "ok", "metadata": {"a": 1, "b": "\ud800"}}}
    assert unfit_place(settings) == ("brief.metadata.b", copy_problem("\ud800"))
    assert unfit_place({"metadata": {"x": float("inf")}}) == ("metadata.x", "inf in it is no number")
    assert unfit_place({"a": ["x", "y"], "b": True, "c": None}) is None


def test_cutting_leaves_a_mark_and_half_characters_are_replaced() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"
    assert storable("a\ud83db") == "a\N{REPLACEMENT CHARACTER}b"
