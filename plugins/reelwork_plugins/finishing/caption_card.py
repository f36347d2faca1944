"""Captions drawn: lines within safe margins, in one font that has all their letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reelwork_plugins.finishing.overlays import Overlay
from reelwork_plugins.finishing.pixels import Size

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

_SMALLEST = 0.65
"""Of the size: smaller is not read on a phone."""
_SIDES = {True: 0.12, False: 0.08}
"""Margins at both sides, as a part of the width. Upright, the networks' buttons stand there."""
_EDGES = {True: 0.18, False: 0.07}
"""Margins at top and bottom, as a part of the height. Upright, names and texts of the networks stand there."""
_MOST_LETTERS = 1000
"""Of what is shown at a time: more do not fit, and are not measured."""
_OUTLINE = 0.12
"""Of the size."""
_BOX_ALPHA, _SHADOW_ALPHA = 190, 170


@dataclass(frozen=True)
class Look:
    """The settings of how captions are drawn."""

    font: Path | None
    size: float
    lines: int
    position: Literal["bottom", "top"]
    margin: float | None
    style: Literal["outline", "box"]


class NotDrawable(ValueError):
    """Words cannot be drawn as they should be."""


@dataclass(frozen=True)
class Fitted:
    """Lines, and the font in which they fit."""

    face: FreeTypeFont
    lines: tuple[str, ...]
    direction: str | None


def overlay(words: str, size: Size, look: Look) -> Overlay:
    """Return the words as a picture, and where it stands on a video of this size. Raises `NotDrawable`."""
    from PIL import Image, ImageDraw, ImageFilter

    found = fitted(words, size, look)
    face, pixels = found.face, found.face.size
    ascent, descent = face.getmetrics()
    leading = round((ascent + descent) * 1.04)
    stroke = max(round(pixels * _OUTLINE), 1) if look.style == "outline" else 0
    pad = round(pixels * 0.35) + stroke
    wide = max(_width(face, line, found.direction) for line in found.lines)
    width, height = round(wide) + 2 * pad, leading * len(found.lines) + 2 * pad
    # On one colour, so that no edge shows another through it.
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    if look.style == "box":
        draw.rounded_rectangle((0, 0, width - 1, height - 1), round(pixels * 0.25), fill=(0, 0, 0, _BOX_ALPHA))
    else:
        shade = Image.new("L", (width, height))
        _write(shade, found, pad, leading, fill=_SHADOW_ALPHA, stroke=stroke)
        picture.putalpha(shade.filter(ImageFilter.GaussianBlur(stroke * 1.2)))
    letters = Image.new("L", (width, height))
    if stroke:
        _write(letters, found, pad, leading, fill=255, stroke=stroke)
        picture.paste((0, 0, 0, 255), (0, 0), letters)
        letters = Image.new("L", (width, height))
    _write(letters, found, pad, leading, fill=255, stroke=0)
    picture.paste((255, 255, 255, 255), (0, 0), letters)
    return _placed(picture, size, look, pad)


def _write(mask: Image, found: Fitted, pad: int, leading: int, *, fill: int, stroke: int) -> None:
    from PIL import ImageDraw

    draw, middle = ImageDraw.Draw(mask), mask.width / 2
    for number, line in enumerate(found.lines):
        baseline = pad + number * leading + found.face.getmetrics()[0]
        draw.text(
            (middle, baseline),
            line,
            fill=fill,
            font=found.face,
            anchor="ms",
            direction=found.direction,
            stroke_width=stroke,
        )


def _placed(picture: Image, size: Size, look: Look, pad: int) -> Overlay:
    edge = round(size.height * _edge(size, look))
    x = (size.width - picture.width) // 2
    y = edge - pad if look.position == "top" else size.height - edge - picture.height + pad
    return Overlay(picture, max(x - x % 2, 0), max(y - y % 2, 0))


def fitted(words: str, size: Size, look: Look, *, balanced: bool = True) -> Fitted:
    """Return the words in lines that stay within the margins, and are about as long as each other.

    They take more time `balanced`, and no other room. Raises `NotDrawable`.
    """
    words = unicodedata.normalize("NFC", "".join(sign for sign in words if not "\ufe00" <= sign <= "\ufe0f"))
    if len(words) > _MOST_LETTERS:
        raise _too_long(look)
    path, direction = _font_for(words, look.font), _direction(words)
    largest = min(size.width, size.height) * look.size
    upright = size.height > size.width
    width = size.width * (1 - 2 * _SIDES[upright])
    height = size.height * (1 - 2 * _edge(size, look))
    for part in (1.0, 0.9, 0.8, 0.72, _SMALLEST):
        face = _face(path, max(round(largest * part), 6))
        lines = _lines(words, face, direction, width, balanced=balanced)
        if lines is not None and len(lines) <= look.lines and len(lines) * sum(face.getmetrics()) <= height:
            return Fitted(face, tuple(lines), direction)
    raise _too_long(look)


def _too_long(look: Look) -> NotDrawable:
    many = "1 line" if look.lines == 1 else f"{look.lines} lines"
    return NotDrawable(f"its words do not fit into {many} at a size that can be read. Split it into several")


def _edge(size: Size, look: Look) -> float:
    return look.margin if look.margin is not None else _EDGES[size.height > size.width]


def _lines(
    words: str, face: FreeTypeFont, direction: str | None, width: float, *, balanced: bool
) -> list[str] | None:
    """Return the words in lines; None where a word is too long for one."""
    lines: list[str] = []
    for paragraph in words.split("\n"):
        widest = _broken(paragraph, face, direction, width)
        if widest is None:
            return None
        lines += _balanced(paragraph, widest, face, direction, width) if balanced else widest
    return lines


def _balanced(text: str, widest: list[str], face: FreeTypeFont, direction: str | None, width: float) -> list[str]:
    """Return as many lines of the text, in the least width that they need."""
    narrow, wide = width / len(widest) * 0.8, width
    while len(widest) > 1 and wide - narrow > face.size / 4:
        middle = (narrow + wide) / 2
        tried = _broken(text, face, direction, middle)
        if tried is not None and len(tried) == len(widest):
            widest, wide = tried, middle
        else:
            narrow = middle
    return widest


def _broken(text: str, face: FreeTypeFont, direction: str | None, width: float) -> list[str] | None:
    from reelwork_plugins.letters import pieces

    lines, current = [], ""
    for piece in pieces(text):
        if _width(face, (current + piece).strip(), direction) <= width:
            current += piece
            continue
        if current.strip():
            lines.append(current.strip())
        current = piece.lstrip()
        if _width(face, current, direction) > width:
            return None
    return [*lines, current.strip()] if current.strip() else lines


def _width(face: FreeTypeFont, text: str, direction: str | None) -> float:
    return face.getlength(text, direction=direction)


def _direction(words: str) -> str | None:
    """Return the direction of the words by their first letter; None where the machine has no means for it."""
    from PIL import features

    if features.check("raqm"):
        strong = (unicodedata.bidirectional(sign) for sign in words)
        return "rtl" if next((one for one in strong if one in ("L", "R", "AL")), "L") != "L" else "ltr"
    if any(_needs_shaping(sign) for sign in words):
        raise NotDrawable(
            "Pillow cannot set its script on this machine: it finds no FriBiDi. Install it (Debian and Ubuntu: "
            "apt install libfribidi0; macOS: brew install fribidi)"
        )
    return None


def _needs_shaping(sign: str) -> bool:
    return unicodedata.bidirectional(sign) in ("R", "AL") or unicodedata.category(sign) in ("Mn", "Mc")


def _font_for(words: str, own: Path | None) -> Path | None:
    """Return the font of all these words; None for the one that comes along. Raises `NotDrawable`."""
    candidates: Sequence[Path | None] = (own, None) if own else (None,)
    lacking = [next((sign for sign in words if not _has(path, sign)), "") for path in candidates]
    for path, sign in zip(candidates, lacking, strict=True):
        if not sign:
            return path
    sign = lacking[0]
    name = own.name if own else "DejaVu Sans"
    other = "" if own else ". Set `font` to a font that has it"
    called = unicodedata.name(sign, "a character").lower()
    raise NotDrawable(f"the font {name} has no {sign} (U+{ord(sign):04X}, {called}){other}")


@lru_cache(maxsize=8192)
def _has(path: Path | None, sign: str) -> bool:
    from reelwork_plugins.letters import draws

    # Joiners and marks of direction are not drawn, they are obeyed.
    return unicodedata.category(sign) == "Cf" or sign == "\n" or draws(_face(path, 16), sign)


@lru_cache(maxsize=32)
def _face(path: Path | None, pixels: int) -> FreeTypeFont:
    from PIL import ImageFont

    from reelwork_plugins.letters import font

    if path is None:
        return font(pixels)
    try:
        return ImageFont.truetype(str(path), pixels)
    except OSError as error:
        raise NotDrawable(f"the font {path} cannot be read: give a TTF, OTF or TTC file") from error
