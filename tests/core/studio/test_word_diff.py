"""The changes of a text by words."""

from __future__ import annotations

import random

import pytest

from reelwork.studio.word_diff import MOST_WORDS, Kind, diff, words_of


def told(before: str, after: str) -> str:
    marks = {Kind.SAME: "{}", Kind.GONE: "[-{}]", Kind.NEW: "[+{}]"}
    return "".join(marks[one.kind].format(one.text) for one in diff(before, after))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("A red fox", "A red fox", "A red fox"),
        ("A red fox", "A blue fox", "A [-red][+blue] fox"),
        ("A red fox", "A red fox, at dawn", "A red fox[+, at dawn]"),
        ("", "Rain", "[+Rain]"),
        ("Rain", "", "[-Rain]"),
        ("", "", ""),
        # Two words that follow each other are one change.
        ("It was a dark night", "It was one bright night", "It was [-a dark][+one bright] night"),
        ("don't stop", "don’t stop", "[-don't][+don’t] stop"),
        # Without spaces each sign is a word, also between words of another script.
        ("夜の灯台と海", "朝の灯台と海", "[-夜][+朝]の灯台と海"),
        ("红色的狐狸", "蓝色的小狐狸", "[-红][+蓝]色的[+小]狐狸"),
        ("Cafe東京へ", "Cafe京都へ", "Cafe[-東]京[+都]へ"),
        # A mark stays with its letter, and a picture of several signs is one.
        ("บ้าน", "บาน", "[-บ้][+บ]าน"),
        ("e\u0301t\u00e9", "et\u00e9", "[-e\u0301t\u00e9][+et\u00e9]"),
        ("👩‍🚀 and 👍🏽", "👩 and 👍🏿", "[-👩‍🚀][+👩] and [-👍🏽][+👍🏿]"),
        ("🇩🇪🇫🇷", "🇩🇪🇮🇹", "🇩🇪[-🇫🇷][+🇮🇹]"),
        ("한국어 영상", "한국어 사진", "한국어 [-영상][+사진]"),
        ("one\ntwo", "one\n\ntwo", "one[-\n][+\n\n]two"),
    ],
)
def test_what_changed_is_told_by_words(before: str, after: str, shown: str) -> None:
    assert told(before, after) == shown


def test_both_texts_can_be_read_from_it_whatever_they_are() -> None:
    chance = random.Random(7)
    alphabet = "ab é\u0301\u200d👍🏽🇩🇪東京า้ \n,<>&'\ud7ff"
    for _ in range(500):
        before, after = ("".join(chance.choices(alphabet, k=chance.randrange(30))) for _ in range(2))
        pieces = diff(before, after)
        assert "".join(one.text for one in pieces if one.kind != Kind.NEW) == before
        assert "".join(one.text for one in pieces if one.kind != Kind.GONE) == after
        assert "".join(words_of(before)) == before


def test_a_long_text_is_one_change() -> None:
    before, after = ("東京" * MOST_WORDS + end for end in "ab")
    assert [one.kind for one in diff(before, after)] == [Kind.GONE, Kind.NEW]
    assert [one.kind for one in diff(before, before)] == [Kind.SAME]
