"""Finds words in whatever form people write them: case, width, look-alike letters and s p a c i n g."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

LOOK_ALIKES = {
    "a": "4@а",
    "b": "8",
    "c": "с",
    "e": "3е",
    "g": "9",
    "i": "1!|і",
    "l": "1|",
    "o": "0оο",
    "p": "р",
    "s": "5$",
    "t": "7+",
    "x": "х",
    "y": "у",
}
"""Digits and signs used in place of a Latin letter, and Cyrillic and Greek letters that look like it."""

BETWEEN_LETTERS = r"[ .,_*\-]"
BETWEEN_WORDS = r"[\s.,_*\-]{1,3}"
LETTER_BEFORE, LETTER_AFTER = r"(?<![^\W_])", r"(?![^\W_])"
# Chinese, Japanese, Thai, Lao, Burmese and Khmer are written without spaces: a word has no edge to look for.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def readable(text: str) -> str:
    """Return the text as a person reads it: NFKC, case folded, invisible characters taken out."""
    # The same for ASCII, and much faster.
    if text.isascii():
        return text.casefold()
    composed = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in composed if unicodedata.category(character) != "Cf")


def find_word(word: str, text: str) -> str | None:
    """Find a whole word or phrase in a `readable` text. Return the words found, or None.

    Letters may be replaced by their look-alikes as long as half of them, and two, are themselves (`b0mb`, but
    not `50s` for "sos"), or all be separated by the same sign (`b-o-m-b`).
    """
    folded, expression = _sought(word)
    for match in expression.finditer(text):
        if _is_itself(folded, match.group()):
            return match.group()
    return None


@cache
def _sought(word: str) -> tuple[str, re.Pattern[str]]:
    folded = readable(word).strip()
    return folded, _expression(folded)


def _expression(word: str) -> re.Pattern[str]:
    return re.compile(f"{_before(word)}{_body(word)}")


def _before(word: str) -> str:
    return "" if UNSPACED.match(word[0]) else LETTER_BEFORE


def _body(word: str) -> str:
    whole = BETWEEN_WORDS.join("".join(map(_letter, part)) for part in word.split())
    after = "" if UNSPACED.match(word[-1]) else LETTER_AFTER
    spaced = _spaced(word)
    return f"(?:{whole}{f'|{spaced}' if spaced else ''}){after}"


class AnyWord:
    """Finds out in one search that none of many words is in a text, as in nearly every text."""

    def __init__(self, words: Iterable[str]) -> None:
        bodies: dict[str, list[str]] = {LETTER_BEFORE: [], "": []}
        first = dict.fromkeys(bodies, "")
        for number, word in enumerate(filter(None, (readable(word).strip() for word in words))):
            # Each word's expression brings a group along, and group names must differ within one expression.
            first[_before(word)] += word[0]
            bodies[_before(word)].append(_body(word).replace("apart", f"apart{number}"))
        self._expressions = [
            # Where no word begins with such a letter, none of them has to be tried.
            re.compile(f"(?={_any_letter(first[before])}){before}(?:{'|'.join(some)})")
            for before, some in bodies.items()
            if some
        ]

    def may_be_in(self, text: str) -> bool:
        """Return whether one of the words may be in a `readable` text."""
        return any(expression.search(text) for expression in self._expressions)


def _spaced(word: str) -> str:
    if len(word) < 3 or not word.isalpha():
        return ""
    first, second, *rest = map(_letter, word)
    return f"{first}(?P<apart>{BETWEEN_LETTERS}){second}" + "".join(f"(?P=apart){letter}" for letter in rest)


def _letter(character: str) -> str:
    others = LOOK_ALIKES.get(character, "")
    return f"[{re.escape(character + others)}]" if others else re.escape(character)


def _any_letter(characters: str) -> str:
    """Return an expression for one of these characters or what is used in its place."""
    others = "".join(LOOK_ALIKES.get(character, "") for character in characters)
    return f"[{re.escape(''.join(sorted({*characters, *others})))}]"


def _is_itself(word: str, match: str) -> bool:
    wanted = [character for character in word if character.isalnum()]
    written = [character for character in match if not re.match(r"[\s.,_*\-]", character)]
    same = sum(one == other for one, other in zip(wanted, written, strict=False))
    return same == len(wanted) or (same >= 2 and 2 * same >= len(wanted))
