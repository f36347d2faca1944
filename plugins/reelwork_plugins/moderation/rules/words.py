"""Finds words in whatever form people write them: case, width, look-alike letters and s p a c i n g."""

from __future__ import annotations

import re
import unicodedata
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

SIGNS_BETWEEN = ".,_*-"
BETWEEN_LETTERS = f"[ {re.escape(SIGNS_BETWEEN)}]"
BETWEEN_WORDS = rf"[\s{re.escape(SIGNS_BETWEEN)}]{{1,3}}"
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


def bare(text: str) -> str:
    """Return the letters of a `readable` text, alike where they look alike, without what stands between them.

    Wherever `find_word` finds a word, the bare text holds the bare word.
    """
    return "".join(text.split()).translate(_ONE_FOR_ALIKE)


def _one_for_alike() -> dict[int, str | None]:
    table: dict[str, str | None] = dict.fromkeys(SIGNS_BETWEEN)
    for letter, others in LOOK_ALIKES.items():
        # A sign may stand for two letters, as `1` does for i and l: then these two are alike as well.
        one = next((table[other] for other in others if other in table), letter)
        table |= dict.fromkeys((letter, *others), one)
    return str.maketrans(table)


_ONE_FOR_ALIKE = _one_for_alike()


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
    # A word of invisible characters alone is in no text.
    if not word:
        return re.compile(r"(?!)")
    before = "" if UNSPACED.match(word[0]) else LETTER_BEFORE
    whole = BETWEEN_WORDS.join("".join(map(_letter, part)) for part in word.split())
    after = "" if UNSPACED.match(word[-1]) else LETTER_AFTER
    spaced = _spaced(word)
    return re.compile(f"{before}(?:{whole}{f'|{spaced}' if spaced else ''}){after}")


def _spaced(word: str) -> str:
    if len(word) < 3 or not word.isalpha():
        return ""
    first, second, *rest = map(_letter, word)
    return f"{first}(?P<apart>{BETWEEN_LETTERS}){second}" + "".join(f"(?P=apart){letter}" for letter in rest)


def _letter(character: str) -> str:
    others = LOOK_ALIKES.get(character, "")
    return f"[{re.escape(character + others)}]" if others else re.escape(character)


def _is_itself(word: str, match: str) -> bool:
    wanted = [character for character in word if character.isalnum()]
    written = [character for character in match if not re.match(r"[\s.,_*\-]", character)]
    same = sum(one == other for one, other in zip(wanted, written, strict=False))
    return same == len(wanted) or (same >= 2 and 2 * same >= len(wanted))
