"""The words of a captions file."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from itertools import zip_longest
from pathlib import Path

MOST_BYTES = 2_000_000
"""Of a captions file whose words are read: hours of speech are less."""
_TIME = re.compile(r"\s*(\d+:)?\d+:\d+[.,]\d+\s*-->")
_TAG = re.compile(r"</?[a-zA-Z][^>]*>|\{\\[^}]*\}")


class UnreadableCaptions(ValueError):
    """The file is no text that can be judged."""


def caption_text(path: Path) -> str:
    """Return the words of WebVTT, SubRip or other captions, without times and marks.

    Raises `UnreadableCaptions` when it is no text in UTF-8 or UTF-16, or far too long, `OSError` when it cannot be
    read.
    """
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableCaptions(f"{path.name} is larger than {MOST_BYTES // 1_000_000} MB")
    lines = _decoded(path).splitlines()
    said = (line for line, after in zip_longest(lines, lines[1:], fillvalue="") if not _is_timing(line, after))
    return "\n".join(_TAG.sub("", line) for line in said).removeprefix("WEBVTT").strip()


def _is_timing(line: str, following: str) -> bool:
    """Return whether a line is the time of a cue, or its number."""
    # Nothing that is said, and they look like telephone numbers.
    return bool(_TIME.match(line) or (line.strip().isdigit() and _TIME.match(following)))


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8"
    try:
        return data.removeprefix(BOM_UTF8).decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableCaptions(f"{path.name} is no text in UTF-8 or UTF-16") from None
