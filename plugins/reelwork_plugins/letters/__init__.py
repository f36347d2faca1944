"""The font that comes along, DejaVu Sans; what a font can draw; and where a line may break, in any script."""

from __future__ import annotations

import io
import unicodedata
from functools import lru_cache
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

# The last character for private use, which no font has: fonts show their box for a missing one.
_MISSING = "\U0010fffd"


@lru_cache(maxsize=1)
def _bundled() -> bytes:
    return (files("reelwork_plugins.letters") / "DejaVuSans.ttf").read_bytes()


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the bundled font, DejaVu Sans, `size` pixels high."""
    return ImageFont.truetype(io.BytesIO(_bundled()), size)


def draws(face: ImageFont.FreeTypeFont, character: str) -> bool:
    """Return whether the font has the character."""
    # Pillow cannot be asked. A missing character looks like one that no font has.
    return character.isspace() or _drawn(face, character) != _drawn(face, _MISSING)


def _drawn(face: ImageFont.FreeTypeFont, character: str) -> bytes:
    picture = Image.new("L", (48, 48))
    ImageDraw.Draw(picture).text((12, 32), character, fill=255, font=face, anchor="ls")
    return picture.tobytes()


def pieces(text: str) -> list[str]:
    """Return the pieces between which a line may break: words, and single characters in scripts without spaces."""
    found: list[str] = []
    word = ""
    for character in text:
        if character == " " or unicodedata.east_asian_width(character) in ("W", "F"):
            found += [word, character] if word else [character]
            word = ""
        else:
            word += character
    return [*found, word] if word else found
