"""Colour: palettes chosen by a hash, and pictures turned into BT.709 video planes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from PIL import Image

RGB = tuple[int, int, int]

_DUSKS = (
    *((262, 408), (285, 402), (300, 425), (245, 362), (225, 352)),
    *((275, 345), (255, 205), (195, 262), (215, 300)),
)
"""Hues of the sky and, further round the colour wheel, of the horizon: pairs without muddy colours between."""
# BT.709 in limited range: the weights of red, green and blue, and the offset.
_LUMA = (0.18259, 0.61423, 0.06201, 16.0)
_BLUE = (-0.10064, -0.33857, 0.43922, 128.0)
_RED = (0.43922, -0.39894, -0.04027, 128.0)


@dataclass(frozen=True, slots=True)
class Planes:
    """One picture as video stores it: full-size luma, half-size chroma, limited range."""

    y: Image.Image
    u: Image.Image
    v: Image.Image

    def copy(self) -> Planes:
        """Return planes that can be drawn on without changing these."""
        return Planes(self.y.copy(), self.u.copy(), self.v.copy())


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one clip, from the sky downwards. `ridges` runs from the farthest to the nearest."""

    zenith: RGB
    middle: RGB
    horizon: RGB
    sun: RGB
    ridges: tuple[RGB, ...]
    accent: RGB


def oklch(lightness: float, chroma: float, hue: float) -> RGB:
    """Return an sRGB colour from OKLCH (hue in degrees), clipped to a screen's range."""
    # Equal lightness looks equally light whatever the hue, so white text is legible on every palette.
    # The matrices are Björn Ottosson's, https://bottosson.github.io/posts/oklab/.
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _gamma(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _gamma(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _gamma(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _gamma(linear: float) -> int:
    linear = min(max(linear, 0.0), 1.0)
    value = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * value)


def choose_palette(rng: Random, ridges: int) -> Palette:
    """Return a dusk in colours of its own: a dark sky, a warm or cool horizon, ridges fading into haze."""
    start, end = rng.choice(_DUSKS)
    sky, glow = start + rng.uniform(-12, 12), end + rng.uniform(-14, 14)
    depth = [index / max(ridges - 1, 1) for index in range(ridges)]
    return Palette(
        zenith=oklch(0.25, 0.07, sky),
        middle=oklch(0.40, 0.10, sky + (glow - sky) * 0.35),
        horizon=oklch(0.66, 0.125, glow),
        sun=oklch(0.84, 0.095, glow + 8),
        ridges=tuple(oklch(0.50 - 0.36 * far, 0.09 - 0.055 * far, glow + (sky - glow) * far) for far in depth),
        accent=oklch(0.82, 0.13, glow),
    )


def to_planes(picture: Image.Image) -> Planes:
    """Return an RGB picture with even sides as limited-range BT.709 4:2:0."""
    small = picture.reduce(2)
    return Planes(picture.convert("L", _LUMA), small.convert("L", _BLUE), small.convert("L", _RED))


def to_yuv(colour: RGB) -> tuple[int, int, int]:
    """Return one colour as limited-range BT.709."""
    red, green, blue = colour
    return (
        round(_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue + _LUMA[3]),
        round(_BLUE[0] * red + _BLUE[1] * green + _BLUE[2] * blue + _BLUE[3]),
        round(_RED[0] * red + _RED[1] * green + _RED[2] * blue + _RED[3]),
    )
