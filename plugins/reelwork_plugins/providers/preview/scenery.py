"""The background behind the words: hills drifting past under a dusk sky, or the reference picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from reelwork_plugins.providers.preview.colour import RGB, Palette, Planes, to_planes, to_yuv

_BASELINES = (0.60, 0.70, 0.80, 0.905)
_HEIGHTS = (0.17, 0.11, 0.085, 0.06)
_SPEEDS = (0.008, 0.018, 0.038, 0.075)
RIDGES = len(_BASELINES)


class Backdrop(Protocol):
    """A background for every second of the clip."""

    def at(self, seconds: float) -> Planes:
        """Return a picture that the caller may draw on."""
        ...


@dataclass(frozen=True, slots=True)
class _Ridge:
    """One line of hills: a mask twice the width of the picture that wraps around, and its filling."""

    top: int
    mask: Image.Image
    small_mask: Image.Image
    luma: Image.Image
    u: int
    v: int
    speed: float
    period: int

    def paint(self, planes: Planes, seconds: float) -> None:
        width, height = self.luma.size
        left = round(self.speed * seconds) % self.period
        planes.y.paste(self.luma, (0, self.top), self.mask.crop((left, 0, left + width, height)))
        half = (0, self.top // 2, width // 2, (self.top + height) // 2)
        mask = self.small_mask.crop((left // 2, 0, left // 2 + width // 2, height // 2))
        planes.u.paste(self.u, half, mask)
        planes.v.paste(self.v, half, mask)


class Landscape:
    """Ridges moving at different speeds under a still sky: depth for the price of a few pastes a frame."""

    def __init__(self, width: int, height: int, palette: Palette, rng: Random) -> None:
        self._sky = to_planes(_sky(width, height, palette, rng))
        self._ridges = [_ridge(width, height, palette, rng, index) for index in range(RIDGES)]

    def at(self, seconds: float) -> Planes:
        """Return the landscape as it has moved after so many seconds."""
        planes = self._sky.copy()
        for ridge in self._ridges:
            ridge.paint(planes, seconds)
        return planes


class Photograph:
    """A picture, dimmed so that words are legible on it, with a slow pan."""

    def __init__(self, width: int, height: int, picture: Image.Image, tint: RGB, duration: float) -> None:
        self._size = (width, height)
        self._travel = 2 * max(round(width * 0.05), 1)
        self._duration = duration
        wide = ImageOps.fit(picture.convert("RGB"), (width + self._travel, height), Image.Resampling.LANCZOS)
        dimmed = Image.blend(wide, Image.new("RGB", wide.size, tint), 0.5)
        self._planes = to_planes(dimmed)

    def at(self, seconds: float) -> Planes:
        """Return the picture as it has moved after so many seconds."""
        width, height = self._size
        left = min(round(self._travel * seconds / self._duration), self._travel)
        small = (left // 2, 0, left // 2 + width // 2, height // 2)
        return Planes(
            self._planes.y.crop((left, 0, left + width, height)),
            self._planes.u.crop(small),
            self._planes.v.crop(small),
        )


def read_picture(path: Path) -> Image.Image | None:
    """Return a picture file, or the first frame of a clip; None when it is neither."""
    try:
        with Image.open(path) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return _first_frame(path)


def _first_frame(path: Path) -> Image.Image | None:
    import av

    try:
        with av.open(str(path)) as clip:
            frame = next(clip.decode(video=0), None)
            return None if frame is None else frame.to_image()  # type: ignore[no-untyped-call]
    except (OSError, ValueError, IndexError):
        return None


def _sky(width: int, height: int, palette: Palette, rng: Random) -> Image.Image:
    ramp = Image.linear_gradient("L")
    lower = ramp.point([min(round(255 * max(v - 70, 0) / 90), 255) for v in range(256)])
    upper = ramp.point([min(round(255 * v / 110), 255) for v in range(256)])
    size = (width, height)
    sky = Image.new("RGB", size, palette.zenith)
    sky.paste(palette.middle, (0, 0), _stretched(upper, size))
    _add_stars(sky, rng)
    sky.paste(palette.horizon, (0, 0), _stretched(lower, size))
    _add_sun(sky, palette, rng)
    return sky


def _stretched(ramp: Image.Image, size: tuple[int, int]) -> Image.Image:
    return ramp.resize(size, Image.Resampling.BICUBIC)


def _add_stars(sky: Image.Image, rng: Random) -> None:
    width, height = sky.size
    mask = Image.new("L", sky.size)
    draw = ImageDraw.Draw(mask)
    radius = max(min(width, height) / 900, 0.5)
    for _ in range(70):
        x, y, light = rng.random() * width, rng.random() ** 1.7 * height * 0.42, rng.randint(40, 150)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=light)
    sky.paste((255, 255, 255), (0, 0), mask.filter(ImageFilter.GaussianBlur(radius * 0.6)))


def _add_sun(sky: Image.Image, palette: Palette, rng: Random) -> None:
    width, height = sky.size
    side = min(width, height)
    across = rng.choice((rng.uniform(0.14, 0.24), rng.uniform(0.76, 0.86)))
    x, y, radius = across * width, rng.uniform(0.40, 0.50) * height, side * rng.uniform(0.065, 0.09)
    glow = Image.radial_gradient("L").point([round(165 * max(1 - v / 180, 0) ** 2.2) for v in range(256)])
    reach = round(side * 1.1)
    sky.paste(palette.sun, (round(x) - reach, round(y) - reach), glow.resize((2 * reach, 2 * reach)))
    disc = Image.new("L", (256, 256))
    ImageDraw.Draw(disc).ellipse((1, 1, 254, 254), fill=235)
    span = max(round(2 * radius), 4)
    smooth = disc.resize((span, span), Image.Resampling.LANCZOS)
    sky.paste(palette.sun, (round(x - radius), round(y - radius)), smooth)


def _ridge(width: int, height: int, palette: Palette, rng: Random, index: int) -> _Ridge:
    rise = min(height, 0.9 * width) * _HEIGHTS[index] * rng.uniform(0.85, 1.15)
    top = _even(height * _BASELINES[index] - rise)
    bottom = height
    if index + 1 < RIDGES:
        bottom = min(_even(height * _BASELINES[index + 1]) + 2, height)
    period = 2 * max(round(width * 0.9), 2)
    line = _profile(rng, period, rise, roughness=0.62 - 0.09 * index, bumps=rng.randint(5, 8))
    mask = _mask(line, period + width, bottom - top)
    near = palette.ridges[index]
    haze = palette.ridges[max(index - 1, 0)]
    luma = Image.new("L", (width, bottom - top), to_yuv(near)[0])
    fog = Image.linear_gradient("L").point([round(150 * (v / 255) ** 1.6) for v in range(256)])
    if index + 1 < RIDGES:
        luma.paste(to_yuv(haze)[0], (0, 0), fog.resize(luma.size))
    _, u, v = to_yuv(near)
    speed = width * _SPEEDS[index]
    return _Ridge(top, mask, mask.reduce(2), luma, u, v, speed, period)


def _profile(rng: Random, period: int, rise: float, roughness: float, bumps: int) -> list[float]:
    """Return the depth below the top of the band for every column: layered noise that repeats with the period."""
    total = [0.0] * period
    weight, reach, count = 1.0, 0.0, bumps
    for _ in range(5):
        values = [rng.random() for _ in range(count)]
        for x in range(period):
            place = x * count / period
            left = int(place)
            between = place - left
            ease = between * between * (3 - 2 * between)
            total[x] += weight * (values[left % count] * (1 - ease) + values[(left + 1) % count] * ease)
        reach += weight
        weight *= roughness
        count *= 2
    low, high = min(total), max(total)
    return [rise * (high - value) / max(high - low, 1e-9) for value in total]


def _mask(line: list[float], width: int, height: int) -> Image.Image:
    """Return a mask that is white below the line, with soft edges."""
    # Pillow draws hard edges: the mask is drawn at twice the size, then halved.
    period = len(line)
    points = [(2.0 * x, 2.0 * line[x % period]) for x in range(width + 1)]
    large = Image.new("L", (2 * width, 2 * height))
    ImageDraw.Draw(large).polygon([*points, (2 * width, 2 * height), (0, 2 * height)], fill=255)
    return large.reduce(2)


def _even(value: float) -> int:
    return 2 * math.floor(value / 2)
