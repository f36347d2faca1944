"""Finds a secret in the forms it takes: in another case, broken over lines, encoded, or in part.

Servers echo what they were sent: a debug page shows the header in base64, a proxy writes it in capitals, a log
breaks it into lines, and whoever cuts a text leaves the head of a key. All of these can be turned back.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote, quote_plus

# Encodings of anything shorter turn up in ordinary text.
SHORTEST_ENCODED = 6
"""Characters."""
# Ordinary words would make up a shorter one across the spaces between them.
SHORTEST_BROKEN = 12
"""Characters of a secret that is looked for across spaces."""
SHORTEST_PART = 8
"""Characters of a random secret that are enough to be hidden."""
# Every run of `SHORTEST_PART` characters holds a piece of 6 that begins at a multiple of 3.
_GRAM, _STEP = 6, 3
_RANDOM = re.compile(r"[A-Za-z0-9+/_=-]{16,}")
_RANDOM_IN_ADDRESS = re.compile(r"[A-Za-z0-9+_=-]{16,}")
# Changes between small letters, capitals and digits that tell a random text from words.
_FEWEST_TURNS = 4

_INVISIBLE = "\xad\u200b\u200c\u200d\u2060\ufeff"
# Line breaks as JSON and URLs write them, and the soft one of quoted-printable (RFC 2045, 6.7).
_WRITTEN_BREAK = re.compile(r"\\(?:[nrt]|u000[9ad])|%0[9ad]|=\r?\n", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]*")

Span = tuple[int, int]
Parts = dict[str, tuple[tuple[str, int], ...]]
# Characters searched at once: a text of ten million must not take a hundred times its size in memory.
_BLOCK, _OVERLAP = 65_536, 16_384


@dataclass(frozen=True)
class Forms:
    """The forms of secrets to look for. Texts are compared in small letters, without separators."""

    plain: tuple[str, ...] = ()
    """As written, longest first: a secret that contains another one is found whole."""
    folded: frozenset[str] = frozenset()
    """To be found in any case, in one piece."""
    broken: frozenset[str] = frozenset()
    """To be found across separators, too."""
    encoded: frozenset[str] = frozenset()
    """Base64: what is joined to it belongs to the same text."""
    parts: Parts = field(default_factory=dict)
    """For each piece of a random secret, where it stands in which form."""

    def adding(self, secret: str) -> Forms:
        """Return the same forms with those of another secret."""
        spelled = written(secret)
        plain = tuple(sorted({*self.plain, *spelled}, key=lambda form: (-len(form), form)))
        if len(secret) < SHORTEST_ENCODED:
            return Forms(plain, self.folded, self.broken, self.encoded, self.parts)
        folded = {_squeezed(_small(form)) for form in (*spelled, secret.encode().hex())}
        encoded = {form.lower() for form in _in_base64(secret) if len(form) >= SHORTEST_ENCODED}
        broken = {form for form in folded if len(form) >= SHORTEST_BROKEN}
        return Forms(
            plain,
            self.folded | folded,
            self.broken | broken,
            self.encoded | encoded,
            _with_parts(self.parts, secret),
        )

    def hide(self, text: str, mask: str) -> str:
        """Return the text with a mask in the place of each form, and of each part of one."""
        for form in self.plain:
            text = text.replace(form, mask)
        parts, end = [], 0
        for start, stop in self.spans(text):
            parts += [text[end:start], mask]
            end = stop
        return "".join((*parts, text[end:]))

    def spans(self, text: str) -> list[Span]:
        """Return where the text holds a form or a part of one, apart from `plain`."""
        if not self.folded and not self.encoded:
            return []
        found: list[Span] = []
        for first in range(0, len(text), _BLOCK):
            # Each reaches into the next one, for what stands across the border.
            block = text[first : first + _BLOCK + _OVERLAP]
            found += [(first + start, first + end) for start, end in self._spans(block)]
        return _merged(found)

    def _spans(self, text: str) -> list[Span]:
        even = text
        if "\\" in text or "%0" in text or "=" in text:
            even = _WRITTEN_BREAK.sub(lambda found: " " * len(found[0]), text)
        lowered = _small(even)
        squeezed = _squeezed(lowered)
        if not self._may_hold(lowered, squeezed):
            return []
        places = [
            place
            for place, character in enumerate(lowered)
            if not character.isspace() and character not in _INVISIBLE
        ]
        return [*self._whole(lowered, text), *self._broken(squeezed, places), *self._partly(squeezed, places)]

    def _may_hold(self, lowered: str, squeezed: str) -> bool:
        pieces = {squeezed[start : start + _GRAM] for start in range(0, len(squeezed) - _GRAM + 1, _STEP)}
        return (
            not pieces.isdisjoint(self.parts)
            or any(form in lowered for form in self.folded)
            or any(form in squeezed for form in self.broken)
            or any(form in squeezed for form in self.encoded)
        )

    def _whole(self, lowered: str, text: str) -> Iterator[Span]:
        for form in self.folded:
            yield from _found(form, lowered)
        for form in self.encoded:
            for start, end in _found(form, lowered):
                yield _widened(text, start, end)

    def _broken(self, squeezed: str, places: list[int]) -> Iterator[Span]:
        for form in (*self.broken, *(form for form in self.encoded if len(form) >= SHORTEST_BROKEN)):
            for start, end in _found(form, squeezed):
                yield places[start], places[end - 1] + 1

    def _partly(self, squeezed: str, places: list[int]) -> Iterator[Span]:
        for start in range(0, len(squeezed) - _GRAM + 1, _STEP):
            for form, place in self.parts.get(squeezed[start : start + _GRAM], ()):
                before = _shared(squeezed[max(0, start - place) : start][::-1], form[:place][::-1])
                after = _shared(squeezed[start : start + len(form) - place], form[place:])
                if before + after >= SHORTEST_PART:
                    yield places[start - before], places[start + after - 1] + 1


def _small(text: str) -> str:
    small = text.lower()
    # Very few letters become two when they are made small, and every place must stay where it is.
    return small if len(small) == len(text) else text.translate(_LOWER)


def _squeezed(small: str) -> str:
    """Return the text without spaces, line breaks and invisible characters."""
    squeezed = "".join(small.split())
    if not squeezed.isascii():
        for character in _INVISIBLE:
            squeezed = squeezed.replace(character, "")
    return squeezed


_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def written(secret: str) -> set[str]:
    """Return the secret as itself, and as it stands in addresses and JSON."""
    as_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), *as_json}


def _in_base64(secret: str) -> Iterator[str]:
    """Yield the base64 forms of a secret within a longer text, such as `Bearer KEY` or `user:PASSWORD`."""
    raw = secret.encode()
    # Base64 takes three bytes at a time: within a longer text, a secret has three spellings.
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        # The first and the last character may hold bits of what stands beside it.
        first = (8 * before + 5) // 6
        last = len(whole) if (before + len(raw)) % 3 == 0 else len(whole) - 1
        inner = whole[first:last]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _with_parts(parts: Parts, secret: str) -> Parts:
    forms: list[str] = []
    # The parts of an address are words more often than not.
    pattern = _RANDOM_IN_ADDRESS if "://" in secret else _RANDOM
    for found in pattern.finditer(secret):
        if _turns(found[0]) >= _FEWEST_TURNS:
            forms += [found[0].lower(), *(form.lower() for form in _in_base64(found[0]))]
    added = dict(parts)
    for form in dict.fromkeys(forms):
        for place in range(len(form) - _GRAM + 1):
            piece = form[place : place + _GRAM]
            added[piece] = (*added.get(piece, ()), (form, place))
    return added


def _turns(text: str) -> int:
    """Count the changes between small letters, capitals and digits in a text."""
    kinds = [letter.isdigit() * 2 + letter.isupper() for letter in text if letter.isalnum()]
    return sum(one != other for one, other in pairwise(kinds))


def _shared(one: str, other: str) -> int:
    """Return the number of characters that both texts begin with."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _found(form: str, text: str) -> Iterator[Span]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _widened(text: str, start: int, end: int) -> Span:
    while start > 0 and _BASE64.fullmatch(text[start - 1]):
        start -= 1
    found = _BASE64.match(text, end)
    return start, found.end() if found else end


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
