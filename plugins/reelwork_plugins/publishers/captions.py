"""The captions of a post, for networks that show them with the video."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from reelwork_hooks import Asset, Post

_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Captions:
    """A file of captions, and its language."""

    asset: Asset
    language: str
    """Such as `en` or `pt-BR`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The captions that a network takes."""

    network: str
    """Its name in messages."""
    media_types: Collection[str]
    bytes: int
    """The most bytes of a file."""
    most: int = 100
    """The most files of a post."""


LEFT_OUT = "left_out"
"""Among the details of a receipt: a sentence for each thing that the network did not take with the video."""


def to_send(post: Post, limits: Limits, languages: Sequence[str]) -> tuple[list[Captions], list[str]]:
    """Return the captions to send, one file for each language, and a sentence for each file that is left out.

    `languages` are those of the post. The first one is taken for a file whose name says none.
    """
    found: dict[str, Captions] = {}
    left_out = []
    for asset in post.captions:
        language = language_of(asset.path) or next(iter(languages), "")
        problem = _problem(asset, language, limits, found)
        if problem:
            left_out.append(f"{limits.network} gets no captions from {asset.path.name}: {problem}.")
        else:
            found[language] = Captions(asset, language)
    return list(found.values()), left_out


def language_of(path: Path) -> str:
    """Return the language in a file's name, such as `en` in `words.en.vtt`; empty if there is none."""
    said = path.with_suffix("").suffix[1:]
    return said if _LANGUAGE.fullmatch(said) else ""


def related(resource: JsonValue, file: Asset) -> tuple[bytes, str]:
    """Return JSON and a small file as one body, and its media type (RFC 2387)."""
    # A file does not contain its own hash.
    mark = file.sha256
    head = f"--{mark}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(resource)}\r\n"
    head += f"--{mark}\r\nContent-Type: {file.media_type}\r\n\r\n"
    body = head.encode() + file.path.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    return body, f"multipart/related; boundary={mark}"


def _problem(asset: Asset, language: str, limits: Limits, found: Collection[str]) -> str:
    if asset.media_type not in limits.media_types:
        return f"it does not take {asset.media_type}"
    if asset.bytes > limits.bytes:
        return f"it takes at most {limits.bytes:,} bytes, and these are {asset.bytes:,}"
    if not language:
        return "their language is not known; set `language` of the plugin that made them"
    if language in found:
        return f"there are others in {language!r}"
    if len(found) == limits.most:
        return f"a post has at most {limits.most} of them"
    return ""
