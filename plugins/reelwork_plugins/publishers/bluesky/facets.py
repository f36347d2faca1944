"""Marks the links and hashtags of a text: facets (https://docs.bsky.app/docs/advanced-guides/post-richtext)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from reelwork_plugins.publishers.bluesky.graphemes import ELLIPSIS, length

LONGEST_TAG = 64
"""Grapheme clusters, without the `#`."""

_WORD = re.compile(r"\S+")
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_AFTER = ".,;:!?'\"”’»"
_CLOSING = {")": "(", "]": "[", "}": "{"}


def facets(text: str) -> list[dict[str, Any]]:
    """Return the facets of a text, with their places counted in bytes of UTF-8."""
    found = []
    for start, end, feature in sorted([*_links(text), *_tags(text)], key=lambda span: span[:2]):
        place = {"byteStart": _bytes(text[:start]), "byteEnd": _bytes(text[:end])}
        found.append({"index": place, "features": [feature]})
    return found


def _links(text: str) -> Iterator[tuple[int, int, dict[str, str]]]:
    for match in _LINK.finditer(text):
        address = _without_tail(match[0])
        # An address that was shortened with the text would lead somewhere else.
        if ELLIPSIS not in match[0] and len(address) > len("https://"):
            feature = {"$type": "app.bsky.richtext.facet#link", "uri": address}
            yield match.start(), match.start() + len(address), feature


def _tags(text: str) -> Iterator[tuple[int, int, dict[str, str]]]:
    for match in _WORD.finditer(text):
        word = _without_tail(match[0])
        tag = word[1:]
        if match[0][0] != "#" or ELLIPSIS in match[0] or "#" in tag or not _says_something(tag):
            continue
        if length(tag) <= LONGEST_TAG:
            feature = {"$type": "app.bsky.richtext.facet#tag", "tag": tag}
            yield match.start(), match.start() + len(word), feature


def _without_tail(word: str) -> str:
    """Return the word without the punctuation of the sentence around it."""
    while word:
        last = word[-1]
        if last in _AFTER or (last in _CLOSING and word.count(last) > word.count(_CLOSING[last])):
            word = word[:-1]
        else:
            break
    return word


def _says_something(tag: str) -> bool:
    """Return whether a tag has more than digits and punctuation."""
    # Bluesky's own programs take no other tag.
    return any(not sign.isdigit() and unicodedata.category(sign)[0] not in "PCZ" for sign in tag)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8"))
