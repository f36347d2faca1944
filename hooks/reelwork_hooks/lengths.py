"""The length of a text as each network counts it: in characters, UTF-16 units, UTF-8 bytes, or by X's weights.

X counts 1 for Latin, Greek, Cyrillic and the like, 2 for all else, and 23 for an address:
https://docs.x.com/resources/fundamentals/counting-characters (twitter-text, config v3)
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Counting = Literal["characters", "utf16", "bytes", "x"]
"""A way to count a text: its characters, its UTF-16 units, its UTF-8 bytes, or X's weights."""
_ADDRESS_WEIGHT = 23
_RUN = re.compile(r"https?://\S+", re.IGNORECASE)
_ADDRESS = re.compile(
    r"""(?ix) (?<! [a-z0-9@＠$\#＃] ) https?://
      (?: [a-z0-9] [a-z0-9-]* \. )+ (?P<top> [a-z]{2,} ) (?! [\w@-] | \.\w ) (?: :\d+ )?
      (?: / (?: [a-z0-9!*';:=+,.$/%\#\[\]_~@|&-]* [a-z0-9=_\#/+-] )? )?
      (?: \? [a-z0-9!?*'@();:&=+$/%\#\[\]_.,~|-]* [a-z0-9_&=\#/-] )?"""
)
"""An address as far as X certainly takes it for one: without a full stop behind it, or a sign of another script."""
_TOPS = frozenset({
    "app", "art", "biz", "blog", "club", "cloud", "com", "design", "dev", "edu", "gov", "info", "int", "link",
    "live", "media", "mil", "net", "news", "online", "org", "page", "shop", "site", "social", "store", "studio",
    "tech", "video", "xyz",
})  # fmt: skip
"""Ends of addresses that X knows for certain, beside the two letters of a country."""
_BARE = re.compile(r"(?P<least>(?:[\w-]+\.)+?[^\W\d_]{2,})(?:\.[\w-]+)*")
"""What may be an address without `https://`; `least` is the shortest part that may be one by itself."""
_HOST = re.compile(r"(?i)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""The code points that X counts as 1."""
_EMOJI = frozenset("©®")
"""Those among them that it takes for emoji."""


def text_length(text: str, counting: Counting) -> int:
    """Return the length of a text counted in this way; by X's weights, that or more.

    >>> [text_length("Grüße 👋", way) for way in ("characters", "utf16", "bytes", "x")]
    [7, 8, 12, 8]
    """
    match counting:
        case "characters":
            return len(text)
        case "bytes":
            return len(text.encode("utf-8", "surrogatepass"))
        case "x":
            return x_weight(text)
        case "utf16":
            return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def x_weight(text: str) -> int:
    """Return the length of a text as X counts it, or more: an emoji of several signs counts for each of them."""
    return _counted(unicodedata.normalize("NFC", text))


def has_address(text: str) -> bool:
    """Return whether X may see an address in a text, with or without `https://`."""
    return bool(_RUN.search(text) or _BARE.search(text))


def _counted(text: str) -> int:
    total = end = 0
    for run in _RUN.finditer(text):
        total += _plain(text[end : run.start()]) + _run(text, run.start(), run.end())
        end = run.end()
    return total + _plain(text[end:])


def _run(text: str, start: int, end: int) -> int:
    """Return how much signs without a space count that begin with `https://`."""
    found = _ADDRESS.match(text, start, end)
    if found is None:
        # One of another script may be in it, and what stands behind it counts as well.
        return _ADDRESS_WEIGHT + _plain(text[start:end])
    # X may not know this end, and count every letter, or those behind a shorter address.
    letters = 0 if _is_known(found["top"]) else len(found[0])
    return _ADDRESS_WEIGHT + letters + _counted(text[found.end() : end])


def _plain(text: str) -> int:
    # An address without `https://` becomes one too. It counts as its letters here, and as 23 there.
    return sum(map(_weight, text)) + sum(map(_more, _BARE.finditer(text)))


def _more(bare: re.Match[str]) -> int:
    """Return by how much an address counts more than its letters."""
    whole = bare[0] if _is_known(bare[0].rpartition(".")[2]) else bare["least"]
    # Among signs of other scripts it may begin or end anywhere.
    return max(0, _ADDRESS_WEIGHT - len(whole)) if _HOST.fullmatch(whole) else _ADDRESS_WEIGHT


def _is_known(top: str) -> bool:
    return top.isascii() and top.isalpha() and (len(top) == 2 or top.lower() in _TOPS)


def _weight(character: str) -> int:
    light = character not in _EMOJI and any(first <= ord(character) <= last for first, last in _LIGHT)
    return 1 if light else 2
