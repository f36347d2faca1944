"""Captions are read as players read them, or refused with the line that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from reelwork.media.caption_text import caption_text
from reelwork_plugins.finishing.cues import CaptionsInvalid, Cue, as_subrip, as_webvtt, decoded, parsed

SUBRIP = "1\n00:00:01,000 --> 00:00:02,500\nGood morning\n\n2\n00:00:03,000 --> 00:00:04,000\nThe ferry\nleaves\n"
FOUND = (Cue(1.0, 2.5, "Good morning", 2), Cue(3.0, 4.0, "The ferry\nleaves", 6))


def read(data: bytes, encoding: str = "utf-8") -> tuple[Cue, ...]:
    return parsed(decoded(data, encoding))


@pytest.mark.parametrize(
    "data",
    [
        SUBRIP.encode(),
        b"\xef\xbb\xbf" + SUBRIP.encode(),
        SUBRIP.encode("utf-16"),
        SUBRIP.replace("\n", "\r\n").encode(),
        SUBRIP.replace("\n", "\r").encode(),
        SUBRIP.rstrip().encode(),
        SUBRIP.replace(",", ".").encode(),
        SUBRIP.replace(" --> ", "-->").encode(),
        SUBRIP.replace("02,500", "02,500  X1:40 X2:600 Y1:20 Y2:50").encode(),
        SUBRIP.replace("Good", "<i>Good</i>").replace("leaves", "{\\an8}leaves").encode(),
        SUBRIP.replace("Good morning", '<font color="#ff0000">Good</font> morning').encode(),
        SUBRIP.replace("morning\n\n2\n", "morning\n\n").replace("1\n00", "7\n00", 1).encode(),
        SUBRIP.encode() + b"\n3\n",
    ],
    ids=[
        "plain",
        "BOM",
        "UTF-16",
        "CRLF",
        "CR",
        "cut",
        "points",
        "tight",
        "place",
        "tags",
        "font",
        "number",
        "tail",
    ],
)
def test_what_players_read_is_read(data: bytes) -> None:
    assert [(cue.start, cue.end, cue.text) for cue in read(data)] == [(c.start, c.end, c.text) for c in FOUND]


def test_a_forgotten_empty_line_does_not_show_a_time() -> None:
    found = read(SUBRIP.replace("\n\n2\n", "\n2\n").encode())
    assert [cue.text for cue in found] == ["Good morning", "The ferry\nleaves"]


def test_cues_out_of_order_and_overlapping_are_sorted_and_kept() -> None:
    text = "1\n00:00:03,000 --> 00:00:04,000\nb\n\n2\n00:00:01,000 --> 00:00:03,500\na\n"
    assert [(cue.text, cue.line) for cue in read(text.encode())] == [("a", 6), ("b", 2)]


def test_hours_may_have_three_digits_and_one() -> None:
    [cue] = read(b"1\n100:00:00,000 --> 100:00:01,000\nlate\n")
    assert (cue.start, cue.end) == (360_000, 360_001)
    assert read(b"0:00:01.5 --> 0:00:02\nx\n")[0].start == 1.5


def test_webvtt_is_read_without_what_nobody_says() -> None:
    text = (
        "WEBVTT - a title\nKind: captions\nLanguage: en\n\n"
        "STYLE\n::cue { color: red }\n\n"
        "NOTE said by\nnobody\n\n"
        "intro\n00:01.000 --> 00:02.000 line:0 align:start\n<v Ann>Fish &amp; <c.loud>chips</c> &lt;3\n\n"
        "00:00:03.000 --> 00:00:04.000\nOne <00:00:03.500>two\n"
    )
    assert [(cue.start, cue.text) for cue in read(text.encode())] == [(1.0, "Fish & chips <3"), (3.0, "One two")]
    assert read(b"WEBVTT\n00:01.000 --> 00:02.000\nx\n")[0].text == "x", "its empty line was forgotten"


@pytest.mark.parametrize("dash", [" - ", "-", " – ", " — "])
def test_lines_with_times_are_read(dash: str) -> None:
    text = f"\n0{dash}2.5 Good morning\n\n2,5{dash}0:04 The ferry - leaves\n"
    assert [(c.start, c.end, c.text) for c in parsed(text)] == [
        (0, 2.5, "Good morning"),
        (2.5, 4, "The ferry - leaves"),
    ]


@pytest.mark.parametrize(
    ("data", "line", "why"),
    [
        (b"", 0, "it holds no captions"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", 0, "it holds no captions"),
        (b"Once upon a time\n", 1, "words without a time"),
        (SUBRIP.replace("03,000 -->", "03,000 ->").encode(), 6, '"-->" is missing'),
        (SUBRIP.replace("03,000 -->", "03,000 –>").encode(), 6, '"-->" is missing'),
        (SUBRIP.replace("\n\n2\n", "\n2\n").replace("03,000 -->", "03,000 ->").encode(), 5, '"-->" is missing'),
        (SUBRIP.replace("The ferry", "The\n\nferry").encode(), 9, "words without a time"),
        (SUBRIP.replace("00:00:03", "-00:00:03").encode(), 6, "its time is below 0"),
        (SUBRIP.replace("00:00:04", "00:00:02").encode(), 6, "it ends before it begins"),
        (SUBRIP.replace("00:00:04", "00:00:03").encode(), 6, "it is shown for no time"),
        (SUBRIP.replace("00:00:04", "00:60:04").encode(), 6, "more than 59"),
        (SUBRIP.replace("00:00:04", "soon").encode(), 6, "its time cannot be read"),
        (SUBRIP.replace("00:00:04,000", "").encode(), 6, "its time cannot be read"),
        (SUBRIP.replace("ferry", "fähre").encode("latin-1"), 7, "it is not UTF-8"),
        (SUBRIP.encode("utf-16-le"), 1, "UTF-16 without its mark"),
        (b"0 - 1 one\ntwo\n", 2, "begin it with two times"),
        (b"0 - 1 one\n-2 - 3 two\n", 2, "its time is below 0"),
        (b"x" * 2_000_001, 0, "larger than 2 MB"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(data: bytes, line: int, why: str) -> None:
    with pytest.raises(CaptionsInvalid) as told:
        read(data)
    assert why in str(told.value)
    assert str(told.value).startswith(f"line {line}: ") == bool(line)


@pytest.mark.parametrize(
    "text",
    [
        "1\n" + "9" * 5000 + ":00:00,0 --> 00:00:02,000\nx",
        "9" * 1_000_000 + " - 2 x",
        "0 - 1" + " " * 1_000_000,
        "1\n00:00:01,000 -> " + "1:" * 900_000,
        "[Script Info]\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hi",
    ],
    ids=["hours", "seconds", "spaces", "colons", "another format"],
)
def test_what_is_no_captions_at_all_is_refused_at_once(text: str) -> None:
    with pytest.raises(CaptionsInvalid):
        parsed(text)


@pytest.mark.parametrize(
    "words",
    ["1:" + "1" * 900_000, "<a" * 400_000, "{\\" * 400_000, "x" * 1_900_000],
    ids=["time", "tag", "mark", "word"],
)
def test_words_of_any_length_are_read(words: str) -> None:
    [cue] = parsed(f"1\n00:00:01,000 --> 00:00:02,000\n{words}\n")
    assert cue.text == words


@pytest.mark.parametrize("words", ["42", "10:30 - 11:45", "at 10:30:00 - 11:45:00", "3 2 1", "- Where?\n- Home."])
def test_numbers_and_times_of_day_may_be_said(words: str) -> None:
    assert [cue.text for cue in parsed(f"1\n00:00:01,000 --> 00:00:02,000\n{words}\n")] == [words]


def test_what_stands_in_a_file_is_never_repeated() -> None:
    for secret in ("KEY=hunter2\n", "1\nhunter2 --> hunter2\nx\n", "WEBVTT\n\nhunter2\n\n", "1\n0:0 -> hunter2\n"):
        with pytest.raises(CaptionsInvalid) as told:
            parsed(secret)
        assert "hunter2" not in str(told.value)


def test_another_encoding_is_read_when_it_is_said() -> None:
    assert read("0 - 1 Füße".encode("latin-1"), "latin-1")[0].text == "Füße"
    assert read("0 - 1 Паром".encode("cp1251"), "windows-1251")[0].text == "Паром"
    assert read(b"\xef\xbb\xbf" + "0 - 1 Füße".encode(), "latin-1")[0].text == "Füße", "its mark says more"


@pytest.mark.parametrize("write", [as_webvtt, as_subrip])
def test_what_is_written_is_read_as_the_same(write: Callable[[Iterable[Cue]], str], tmp_path: Path) -> None:
    cues = (Cue(0.0, 1.001, "Füße & <3", 1), Cue(59.9996, 7261.25, "שלום\nעולם", 1), Cue(360_000, 360_001, "x", 1))
    text = write(cues)
    assert [(round(c.start, 3), round(c.end, 3), c.text) for c in parsed(text)] == [
        (0, 1.001, "Füße & <3"),
        (60, 7261.25, "שלום\nעולם"),
        (360_000, 360_001, "x"),
    ]
    path = tmp_path / "words.vtt"
    path.write_text(text, encoding="utf-8")
    assert "עולם" in caption_text(path), "moderation sees the words"


def test_control_characters_are_dropped_and_joiners_kept() -> None:
    assert parsed("0 - 1 a\x07b\u200fc\u200d\u00a0d")[0].text == "ab\u200fc\u200d d"
