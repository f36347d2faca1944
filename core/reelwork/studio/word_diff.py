"""Changes of a text by words: what is gone, what is new, and what stayed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

# Comparing takes a time that grows with the square of the words; longer texts are shown as one change.
MOST_WORDS = 3000
"""Words of both texts together that are compared one by one."""
_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "YI ")
"""Beginnings of the names of letters of scripts that put no spaces between words: each sign is a word."""
_JOINER = "\u200d"
_TONES = range(0x1F3FB, 0x1F400)
"""Colours of skin: they belong to the sign before."""
_FLAGS = range(0x1F1E6, 0x1F200)
"""Letters of which two make a flag."""


class Kind(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, and what became of it."""

    kind: Kind
    text: str


def diff(before: str, after: str) -> tuple[Piece, ...]:
    """Return the pieces from which both texts can be read: all but the new ones make up `before`."""
    old, new = words_of(before), words_of(after)
    if len(old) + len(new) > MOST_WORDS:
        return tuple(_pieces(((Kind.GONE, old), (Kind.NEW, new)) if old != new else ((Kind.SAME, new),)))
    return tuple(_pieces(_parts(old, new)))


def _parts(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Kind, Sequence[str]]]:
    # Without its shortcut for frequent words: in a text of a thousand signs each of them is one.
    for tag, i, to_i, j, to_j in _joined(SequenceMatcher(None, old, new, autojunk=False).get_opcodes(), old):
        if tag == "equal":
            yield Kind.SAME, new[j:to_j]
            continue
        yield Kind.GONE, old[i:to_i]
        yield Kind.NEW, new[j:to_j]


Opcode = tuple[str, int, int, int, int]


def _joined(found: Sequence[Opcode], old: Sequence[str]) -> Iterator[Opcode]:
    """Take spaces between two changes into them: else a sentence that was rewritten is torn into words."""
    last: Opcode | None = None
    for number, one in enumerate(found):
        tag, i, to_i, j, to_j = one
        between = 0 < number < len(found) - 1 and tag == "equal" and not "".join(old[i:to_i]).strip()
        if tag != "equal" or between:
            last = (tag, i, to_i, j, to_j) if last is None else ("replace", last[1], to_i, last[3], to_j)
            continue
        if last is not None:
            yield last
        last = None
        yield one
    if last is not None:
        yield last


def _pieces(parts: Sequence[tuple[Kind, Sequence[str]]] | Iterator[tuple[Kind, Sequence[str]]]) -> Iterator[Piece]:
    for kind, words in parts:
        if words:
            yield Piece(kind, "".join(words))


def words_of(text: str) -> list[str]:
    """Return a text in words, spaces and signs. Put together, they are the text again."""
    found: list[str] = []
    kind = ""
    for sign in _signs(text):
        now = _kind(sign)
        if now == kind and now in ("word", "space"):
            found[-1] += sign
        else:
            found.append(sign)
        kind = now
    return found


def _signs(text: str) -> Iterator[str]:
    """Yield what a person sees as one sign, near enough: no mark is torn from its letter, and no picture apart."""
    sign = ""
    for letter in text:
        flag = len(sign) == 1 and ord(sign) in _FLAGS and ord(letter) in _FLAGS
        belongs = unicodedata.category(letter).startswith("M") or letter == _JOINER or ord(letter) in _TONES
        if sign and (belongs or flag or sign.endswith(_JOINER)):
            sign += letter
            continue
        if sign:
            yield sign
        sign = letter
    if sign:
        yield sign


def _kind(sign: str) -> str:
    first = sign[0]
    if first.isspace():
        return "space"
    if not (first.isalnum() or first in "_'’") or unicodedata.name(first, "").startswith(_WITHOUT_SPACES):
        return "sign"
    return "word"
