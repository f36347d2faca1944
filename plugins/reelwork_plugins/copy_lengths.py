"""The length of a text as each network counts it.

youtube    a title in characters, a description in UTF-8 bytes
           https://developers.google.com/youtube/v3/docs/videos#properties
twitter    weights: 1 for Latin, Greek, Cyrillic and the like, 2 for all else, 23 for an address
           https://docs.x.com/resources/fundamentals/counting-characters (twitter-text, config v3)
others     UTF-16 units, as TikTok counts. They are never fewer than characters.
"""

from __future__ import annotations

import re
import unicodedata

_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_ADDRESS_WEIGHT = 23
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""The code points that X counts as 1."""


def copy_length(text: str, field: str, platform: str) -> int:
    """Return the length of `title` or `caption` as a platform counts it, or more."""
    if platform == "youtube" and field == "caption":
        return len(text.encode("utf-8", "surrogatepass"))
    if platform in ("twitter", "x"):
        return x_weight(text)
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def x_weight(text: str) -> int:
    """Return the length of a text as X counts it, or more: an emoji of several signs counts for each of them."""
    text = unicodedata.normalize("NFC", text)
    rest = _ADDRESS.sub("", text)
    # An address without `https://` becomes one too. It counts as its letters here, and as 23 there.
    return _ADDRESS_WEIGHT * len(_ADDRESS.findall(text)) + sum(map(_weight, rest)) + _bare_addresses(rest)


def has_address(text: str) -> bool:
    """Return whether X may see an address in a text, with or without `https://`."""
    return bool(_ADDRESS.search(text) or _BARE.search(text))


_BARE = re.compile(r"\b(?:[a-z0-9-]+\.)+[a-z]{2,}\b", re.IGNORECASE)


def _bare_addresses(text: str) -> int:
    """Return by how much what may be an address without `https://` counts more than its letters."""
    return sum(max(0, _ADDRESS_WEIGHT - len(found)) for found in _BARE.findall(text))


def _weight(character: str) -> int:
    return 1 if any(first <= ord(character) <= last for first, last in _LIGHT) else 2
