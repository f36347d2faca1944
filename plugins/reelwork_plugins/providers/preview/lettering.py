"""Text: fonts for any script, line breaking, and the layout of lines."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from reelwork_plugins.letters import draws, font, pieces

_SYSTEM_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "DroidSansFallbackFull.ttf",
    "wqy-microhei.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "Nirmala.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "Arial Unicode.ttf",
    "NotoEmoji-Regular.ttf",
    "Symbola.ttf",
    "unifont.otf",
)
"""Fonts an operating system may have for scripts the bundled one lacks, such as Chinese or Hindi."""
_BREAKS = re.compile(r"\s+")
_WORD_LIMIT = 700


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text at a place: `x` is its left edge, `y` its baseline, both in pixels."""

    text: str
    x: float
    y: float


@lru_cache(maxsize=64)
def _system_font(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


@lru_cache(maxsize=4096)
def _font_of(character: str) -> str:
    """Return the font that has this character: empty for the bundled one, or when none has it."""
    if draws(font(16), character):
        return ""
    found = (name for name in _SYSTEM_FONTS if (face := _system_font(name, 16)) and draws(face, character))
    return next(found, "")


def _runs(text: str, size: int) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """Return the text, cut where the font must change."""
    if text.isascii():
        return [(text, font(size))]
    runs: list[tuple[str, str]] = []
    for character in text:
        # An accent must be drawn with the font of its letter, or it stands beside it.
        joins = bool(runs) and (character.isspace() or unicodedata.combining(character) > 0)
        name = runs[-1][1] if joins else _font_of(character)
        if runs and runs[-1][1] == name:
            runs[-1] = (runs[-1][0] + character, name)
        else:
            runs.append((character, name))
    return [(part, (_system_font(name, size) if name else None) or font(size)) for part, name in runs]


def width_of(text: str, size: int, tracking: float = 0.0) -> float:
    """Return the width of a text in pixels. `tracking` is extra space between letters, in pixels."""
    if tracking:
        return sum(font(size).getlength(letter) for letter in text) + tracking * (len(text) - 1)
    return sum(face.getlength(part) for part, face in _runs(text, size))


def draw_line(mask: Image.Image, line: Line, size: int, opacity: int, tracking: float = 0.0) -> None:
    """Write a line into a mask, `opacity` 0 to 255."""
    draw = ImageDraw.Draw(mask)
    parts = [(letter, font(size)) for letter in line.text] if tracking else _runs(line.text, size)
    x = line.x
    for part, face in parts:
        draw.text((x, line.y), part, fill=opacity, font=face, anchor="ls")
        x += face.getlength(part) + tracking


def printable(text: str) -> str:
    """Return text for one paragraph: composed, with control characters and white space made single spaces."""
    # Cut first: a prompt may have 32,000 characters, and only the first 700 are drawn.
    text = unicodedata.normalize("NFC", text[: 4 * _WORD_LIMIT])
    # Variation selectors (FE00 to FE0F) have no picture of their own: fonts draw a box for those they do not know.
    kept = (" " if unicodedata.category(c) in ("Cc", "Cs", "Co") else c for c in text)
    clean = _BREAKS.sub(" ", "".join(c for c in kept if not "\ufe00" <= c <= "\ufe0f")).strip()
    return clean if len(clean) <= _WORD_LIMIT else clean[:_WORD_LIMIT].rstrip() + "…"


def wrap(text: str, size: int, width: float) -> list[str]:
    """Return the text in lines no wider than `width` pixels. A word that is wider is cut."""
    lines: list[str] = []
    current = ""
    for piece in pieces(text):
        if width_of((current + piece).rstrip(), size) <= width:
            current += piece
            continue
        if current.strip():
            lines.append(current.strip())
        *full, current = _cut(piece.lstrip(), size, width)
        lines += full
    return [*lines, current.strip()] if current.strip() else lines


def _cut(word: str, size: int, width: float) -> list[str]:
    parts = [""]
    for character in word:
        if parts[-1] and width_of(parts[-1] + character, size) > width:
            parts.append("")
        parts[-1] += character
    return parts


def fit(
    text: str, width: float, height: float, largest: int, smallest: int, lines: int, most_lines: int
) -> tuple[int, list[str]]:
    """Return the largest size at which the text takes no more than `lines`, and its lines.

    At the smallest size `most_lines` are allowed, as far as the height goes; then an ellipsis cuts the text.
    """
    size = largest
    while size > smallest:
        wrapped = wrap(text, size, width)
        if len(wrapped) <= lines and len(wrapped) * leading(size) <= height:
            return size, wrapped
        size = max(smallest, min(size - 1, round(size * 0.92)))
    room = max(min(most_lines, int(height / leading(smallest))), 0)
    wrapped = wrap(text, smallest, width)
    if len(wrapped) > room > 0:
        wrapped = [*wrapped[: room - 1], _shortened(wrapped[room - 1], smallest, width)]
    return smallest, wrapped[:room]


def _shortened(line: str, size: int, width: float) -> str:
    while line and width_of(line + "…", size) > width:
        line = line[:-1].rstrip()
    return line + "…"


def leading(size: int) -> float:
    """Return the distance between baselines, in pixels."""
    return size * 1.32
