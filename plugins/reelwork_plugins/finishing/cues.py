"""Captions as text: SubRip, WebVTT and plain lines read as players read them, and written without surprises."""

from __future__ import annotations

import html
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MOST_BYTES = 2_000_000
"""Of a captions file: hours of speech are less."""
_BREAK = re.compile(r"\r\n|\r|\n")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,3})(?:[.,](\d{1,9}))?")
_SECONDS = re.compile(r"\d{1,7}(?:[.,]\d{1,9})?")
# Bounded throughout: in a file of any kind, a pattern must not try a line in millions of ways.
# With seconds or parts of them: `10:30 - 11:45` may be what is said.
_A_TIME = r"-?\d{1,4}:\d{1,3}(?::\d{1,3}(?:[.,]\d{1,9})?|[.,]\d{1,9})"
_TWO_TIMES = re.compile(rf"\s{{0,9}}{_A_TIME}\s{{0,9}}[^\s\d]{{1,5}}\s{{0,9}}{_A_TIME}")
_PLAIN = re.compile(r"\s*(-?\d[\d:.,]{0,30})\s{0,9}[-–—]\s{0,9}(-?\d[\d:.,]{0,30})\s+(\S.*)")
# Of WebVTT also a time within the words, and of SubRip the marks that it took from another format.
_MARK = re.compile(r"</?[a-zA-Z][^<>\n]*>|<[\d:.]+>|\{\\[^{}\n]*\}")
# Unprintable, and needed: they join letters, keep them apart, and set their direction.
_KEPT = "\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069\u202a\u202b\u202c"
_NO_ARROW = '"-->" is missing between its times'
_WITHOUT_WORDS = ("NOTE", "STYLE", "REGION")


class CaptionsInvalid(ValueError):
    """Captions cannot be read. Says in which line."""

    # Never what stands there: a path that came from elsewhere may lead to something secret.
    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}" if line else why)


@dataclass(frozen=True)
class Cue:
    """Words, and the seconds from and until which they are shown."""

    start: float
    end: float
    text: str
    line: int
    """Where they stand in the file."""


def decoded(data: bytes, encoding: str) -> str:
    """Return the text of a file. A byte order mark goes before `encoding`. Raises `CaptionsInvalid`."""
    if len(data) > MOST_BYTES:
        raise CaptionsInvalid(0, f"it is larger than {MOST_BYTES // 1_000_000} MB")
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(BOM_UTF8):
        data, encoding = data.removeprefix(BOM_UTF8), "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(_BREAK.split(data[: error.start].decode("latin-1")))
        why = f"it is not {encoding.upper()}. Save the file as UTF-8, or set `encoding`"
        raise CaptionsInvalid(line, why) from None
    if "\0" in text:
        raise CaptionsInvalid(1, "it looks like UTF-16 without its mark. Save the file as UTF-8")
    return text


def parsed(text: str) -> tuple[Cue, ...]:
    """Return the cues of a text in order of their times. Raises `CaptionsInvalid`."""
    lines = list(enumerate(_BREAK.split(text.removeprefix("\ufeff")), 1))
    web = bool(re.match(r"WEBVTT(\s|$)", lines[0][1]))
    if web:
        # The head ends at an empty line, or at the first time where that was forgotten.
        head = next((at for at, (_, line) in enumerate(lines) if not line.strip() or "-->" in line), len(lines))
        lines = lines[head:]
    timed = any("-->" in line for _, line in lines)
    plain = not web and not timed and any(_PLAIN.match(line) for _, line in lines)
    found = _plain_cues(lines) if plain else (cue for block in _blocks(lines) for cue in _cues(block, web=web))
    cues = sorted(found, key=lambda cue: cue.start)
    if not cues:
        raise CaptionsInvalid(0, "it holds no captions")
    return tuple(cues)


def as_webvtt(cues: Iterable[Cue]) -> str:
    """Return the cues as WebVTT."""
    shown = (f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_escaped(cue.text)}\n" for cue in cues)
    return "\n".join(("WEBVTT\n", *shown))


def as_subrip(cues: Iterable[Cue]) -> str:
    """Return the cues as SubRip."""
    numbered = enumerate(cues, 1)
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text}\n" for number, cue in numbered
    )


def _clock(seconds: float, point: str) -> str:
    whole = round(seconds * 1000)
    minutes, thousandths = divmod(whole, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{thousandths // 1000:02}{point}{thousandths % 1000:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_Line = tuple[int, str]


def _blocks(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Yield lines that stand together, between empty ones."""
    block: list[_Line] = []
    for number, line in lines:
        if line.strip():
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _cues(block: Sequence[_Line], *, web: bool) -> Iterator[Cue]:
    """Yield the cues of lines that stand together. Where an empty line was forgotten they are several."""
    if web and block[0][1].startswith(_WITHOUT_WORDS) and "-->" not in block[0][1]:
        return
    times = [at for at, (_, line) in enumerate(block) if "-->" in line]
    # Before a time may stand a number, in WebVTT any name.
    before = block[: times[0] if times else len(block)]
    odd = [(number, line) for number, line in before if not line.strip().isdigit()]
    if web and times:
        odd = list(before[:-1])
    if odd:
        raise CaptionsInvalid(odd[0][0], _why_untimed(odd[0][1]))
    if not times:
        return
    for at, after in zip(times, [*times[1:], len(block)], strict=True):
        words = list(block[at + 1 : after])
        if after < len(block) and words and words[-1][1].strip().isdigit():
            words.pop()
        wrong = next((number for number, line in words if _TWO_TIMES.fullmatch(line.strip())), None)
        if wrong is not None:
            raise CaptionsInvalid(wrong, _NO_ARROW)
        text = _cleaned("\n".join(line for _, line in words))
        start, end = _times(*block[at])
        if text:
            yield Cue(start, end, text, block[at][0])


def _why_untimed(line: str) -> str:
    if _TWO_TIMES.match(line):
        return _NO_ARROW
    return "words without a time. Write a line above them such as 00:00:01,000 --> 00:00:02,500"


def _plain_cues(lines: Iterable[_Line]) -> Iterator[Cue]:
    for number, line in lines:
        if not line.strip():
            continue
        found = _PLAIN.fullmatch(line)
        if found is None:
            raise CaptionsInvalid(number, "begin it with two times, such as 0 - 2.5 Good morning")
        start, end = _ordered(number, _moment(number, found[1]), _moment(number, found[2]))
        if text := _cleaned(found[3]):
            yield Cue(start, end, text, number)


def _times(number: int, line: str) -> tuple[float, float]:
    left, _, right = line.partition("-->")
    # What follows the second time is where the cue stands on the screen.
    return _ordered(number, _moment(number, left.strip()), _moment(number, (right.split() or [""])[0]))


def _ordered(number: int, start: float, end: float) -> tuple[float, float]:
    if end <= start:
        raise CaptionsInvalid(number, "it ends before it begins" if end < start else "it is shown for no time")
    return start, end


def _moment(number: int, given: str) -> float:
    """Return a time in seconds."""
    if given.startswith("-"):
        raise CaptionsInvalid(number, "its time is below 0")
    if _SECONDS.fullmatch(given):
        return float(given.replace(",", "."))
    found = _CLOCK.fullmatch(given)
    if found is None:
        raise CaptionsInvalid(number, "its time cannot be read. Write it such as 00:00:01,000 --> 00:00:02,500")
    hours, minutes, seconds = int(found[1] or 0), int(found[2]), int(found[3])
    if seconds > 59 or minutes > 59:
        raise CaptionsInvalid(number, "its time has more than 59 minutes or seconds")
    return hours * 3600 + minutes * 60 + seconds + float(f"0.{found[4] or 0}")


def _cleaned(text: str) -> str:
    """Return the words alone, without marks, control characters and empty lines."""
    said = html.unescape(_MARK.sub("", text)).replace("\xa0", " ").replace("\t", " ")
    kept = "".join(sign for sign in said if sign == "\n" or sign.isprintable() or sign in _KEPT)
    return "\n".join(line.strip() for line in kept.split("\n") if line.strip())
