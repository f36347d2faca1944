"""Counting and shortening text the way Bluesky's servers do: by grapheme clusters, what a person sees as one sign.

The rules are those of Unicode's UAX #29. Where they need tables that Python does not have (jamo, conjuncts of
Indic scripts, rare prefixes) more clusters are counted than a server would, never fewer: a text that fits here
fits there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

ELLIPSIS = "…"
ZERO_WIDTH_JOINER = "\u200d"

_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_TAGS = range(0xE0020, 0xE0080)
_EXTENDING = "\u200c\u200d\uff9e\uff9f"
# Marks that follow a letter and yet begin a cluster of their own: GraphemeBreakProperty.txt leaves them out.
_APART = frozenset((
    0x102B, 0x102C, 0x1038, 0x1083, 0x108F, 0x1A61, 0x1A63, 0x1A64, 0xAA7B, 0xAA7D, 0x11720, 0x11721,
    *range(0x1062, 0x1065), *range(0x1067, 0x106E), *range(0x1087, 0x108D), *range(0x109A, 0x109D),
))  # fmt: skip
# Signs that a joiner combines, of those in emoji-zwj-sequences.txt which are not wide by themselves.
_NARROW_PICTURES = frozenset((
    0x2194, 0x2195, 0x2620, 0x2640, 0x2642, 0x2695, 0x2696, 0x26A7, 0x26D3, 0x26F9, 0x2708, 0x2744, 0x2764, 0x27A1,
    0x2B1B, 0x1F32B, 0x1F3CB, 0x1F3CC, 0x1F3F3, 0x1F441, 0x1F575, 0x1F5E8,
))  # fmt: skip


def clusters(text: str) -> Iterator[str]:
    """The grapheme clusters of a text, in order."""
    start = 0
    for at in range(1, len(text)):
        if not _joined(text, start, at):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def length(text: str) -> int:
    """Return the number of grapheme clusters in a text, or a few more; never fewer."""
    return sum(1 for _ in clusters(text))


def shortened(text: str, most: int, most_bytes: int) -> str:
    """The text, or as many of its first words as fit, with an ellipsis.

    `most` is counted in grapheme clusters, `most_bytes` in UTF-8. A word that alone is too long is cut.
    """
    parts = list(clusters(text))
    if len(parts) <= most and _bytes(text) <= most_bytes:
        return text
    # Room for the ellipsis, and for a space that keeps it off a tag or a link.
    kept, room = 0, most_bytes - _bytes(" " + ELLIPSIS)
    while kept < min(len(parts), most - 2) and (room := room - _bytes(parts[kept])) >= 0:
        kept += 1
    start = "".join(parts[:kept])
    rest = "".join(parts[kept:])
    at_a_word = start if rest[:1].isspace() else start[: _last_space(start)]
    words = (at_a_word if len(at_a_word) * 2 >= len(start) else start).rstrip().rstrip(",;:–—-").rstrip()
    last = words.rsplit(None, 1)[-1] if words else ""
    return words + (" " if last.startswith(("#", "http")) else "") + ELLIPSIS


def _last_space(text: str) -> int:
    return max((at for at, character in enumerate(text) if character.isspace()), default=0)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8"))


def _joined(text: str, start: int, at: int) -> bool:
    """Return whether the character at `at` belongs to the cluster that begins at `start`."""
    before, here = text[at - 1], text[at]
    if before == "\r" and here == "\n":
        return True
    if _is_control(before) or _is_control(here):
        return False
    if _extends(here):
        return True
    if before == ZERO_WIDTH_JOINER:
        return _is_picture(here) and _ends_in_picture(text[start : at - 1])
    return ord(here) in _FLAG_LETTERS and ord(before) in _FLAG_LETTERS and at - start == 1


def _is_control(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cf":
        return character not in "\u200c\u200d" and ord(character) not in _TAGS
    # What this Python does not know yet is kept apart: it may be anything.
    return category in ("Cc", "Zl", "Zp", "Cs", "Cn")


def _extends(character: str) -> bool:
    code = ord(character)
    category = unicodedata.category(character)
    if category == "Mc":
        return code not in _APART
    return category in ("Mn", "Me") or character in _EXTENDING or code in _SKIN_TONES or code in _TAGS


def _is_picture(character: str) -> bool:
    code = ord(character)
    if code in _NARROW_PICTURES:
        return True
    return (
        code >= 0x1F300
        and code not in _SKIN_TONES
        and unicodedata.east_asian_width(character) == "W"
        and unicodedata.category(character) == "So"
    )


def _ends_in_picture(text: str) -> bool:
    """Return whether its last sign is a picture, perhaps coloured or varied."""
    for character in reversed(text):
        if not _varies(character):
            return _is_picture(character)
    return False


def _varies(character: str) -> bool:
    return character != ZERO_WIDTH_JOINER and unicodedata.category(character) != "Mc" and _extends(character)
