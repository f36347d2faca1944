"""Known facts, with dates, about video models at fal.ai: how each takes a length, a shape, pictures, and its price.

The inputs are those of fal's own client (`@fal-ai/client`, commit 381105e of 2026-08-02). A price is given only
where fal's model page or LiteLLM's price map names it for this model at fal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from reelwork_hooks import Price

Length = Literal["number", "text", "seconds"]
"""The form of a length: `8`, `"8"` or `"8s"`."""
_SHAPE = {"duration": "duration", "aspect_ratio": "aspect_ratio", "resolution": "resolution"}


@dataclass(frozen=True, slots=True)
class Model:
    """One model. None and empty mean: not limited, or not known."""

    length: Length | None = None
    inputs: Mapping[str, str] = field(default_factory=lambda: dict(_SHAPE))
    """The model's field for each part of a brief that it takes, and for each role of a reference."""
    durations: tuple[float, ...] | None = None
    aspect_ratios: tuple[str, ...] | None = None
    resolutions: tuple[str, ...] | None = None
    fps: tuple[int, ...] = ()
    needs: tuple[str, ...] = ()
    """Roles of references without which it makes nothing."""
    longest_prompt: int | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    """US dollars a second for each resolution, with audio."""
    silent: Mapping[str, Decimal] = field(default_factory=dict)
    """The same without audio, where that is cheaper."""
    as_of: date = date(2026, 11, 28)
    source: str = ""

    @property
    def price(self) -> Price | None:
        """The price of a second at the dearest resolution; None where one has no price, which may be dearer."""
        if not self.prices or not {*(self.resolutions or ())} <= {*self.prices}:
            return None
        return Price(per_second=max(self.prices.values()), as_of=self.as_of, source=self.source)


def _seconds(first: int, last: int) -> tuple[float, ...]:
    return tuple(float(number) for number in range(first, last + 1))


def _dollars(**prices: str) -> dict[str, Decimal]:
    return {name.removeprefix("_"): Decimal(price) for name, price in prices.items()}


_WIDE_AND_TALL = ("16:9", "9:16")
_FIVE = ("16:9", "9:16", "1:1", "4:3", "3:4")
_FRAMES = {"first_frame": "image_url", "last_frame": "end_image_url"}
_LITELLM = "LiteLLM 1.110.2 price map"


def _veo_lite(needs: tuple[str, ...] = (), *, priced: bool = False, **frames: str) -> Model:
    return Model(
        "seconds", {**_SHAPE, "seed": "seed", "negative_prompt": "negative_prompt", **frames}, (4.0, 6.0, 8.0),
        _WIDE_AND_TALL, ("720p", "1080p"), needs=needs, source="fal.ai/models/fal-ai/veo3.1/lite",
        prices=_dollars(_720p="0.05", _1080p="0.08") if priced else {},
        silent=_dollars(_720p="0.03", _1080p="0.05") if priced else {},
    )  # fmt: skip


def _kling(resolution: str, *, picture: bool) -> Model:
    inputs = {"duration": "duration", "negative_prompt": "negative_prompt"}
    frames = {"first_frame": "start_image_url", "last_frame": "end_image_url"}
    # With a picture, its shape is the video's. The height is the tier's.
    inputs |= frames if picture else {"aspect_ratio": "aspect_ratio"}
    return Model(
        "text", inputs, _seconds(3, 15), ("16:9", "9:16", "1:1"), (resolution,),
        needs=("first_frame",) if picture else (), longest_prompt=2500,
    )  # fmt: skip


def _seedance(resolutions: tuple[str, ...], prices: Mapping[str, Decimal], *, picture: bool) -> Model:
    return Model(
        "text", {**_SHAPE, **(_FRAMES if picture else {})}, _seconds(4, 15), ("21:9", *_FIVE), resolutions,
        needs=("first_frame",) if picture else (), prices=prices, source=_LITELLM,
    )  # fmt: skip


def _alibaba(first: int, ratios: tuple[str, ...], inputs: Mapping[str, str], longest: int) -> Model:
    needs = ("first_frame",) if "first_frame" in inputs else ()
    return Model(
        "number", inputs, _seconds(first, 15), ratios, ("720p", "1080p"), needs=needs, longest_prompt=longest
    )


def _ltx(*, picture: bool) -> Model:
    return Model(
        "number", {**_SHAPE, "fps": "fps", **(_FRAMES if picture else {})}, (6.0, 8.0, 10.0), _WIDE_AND_TALL,
        ("1080p", "1440p", "2160p"), (24, 25, 48, 50), needs=("first_frame",) if picture else (),
    )  # fmt: skip


_SEED = {"seed": "seed"}
_PICTURED = {"duration": "duration", "resolution": "resolution", **_SEED}
_SEEDANCE_2 = _dollars(_480p="0.1346", _720p="0.3034", _1080p="0.682", _4k="1.5552")
_HORSE = (*_FIVE, "21:9", "9:21", "5:4", "4:5")
MODELS: Mapping[str, Model] = {
    "fal-ai/veo3.1/lite": _veo_lite(priced=True),
    "fal-ai/veo3.1/lite/image-to-video": _veo_lite(("first_frame",), first_frame="image_url"),
    "fal-ai/veo3.1/lite/first-last-frame-to-video": _veo_lite(
        ("first_frame", "last_frame"), first_frame="first_frame_url", last_frame="last_frame_url"
    ),
    "fal-ai/kling-video/v3/standard/text-to-video": _kling("720p", picture=False),
    "fal-ai/kling-video/v3/standard/image-to-video": _kling("720p", picture=True),
    "fal-ai/kling-video/v3/pro/text-to-video": _kling("1080p", picture=False),
    "fal-ai/kling-video/v3/pro/image-to-video": _kling("1080p", picture=True),
    "bytedance/seedance-2.0/text-to-video": _seedance(tuple(_SEEDANCE_2), _SEEDANCE_2, picture=False),
    "bytedance/seedance-2.0/image-to-video": _seedance(tuple(_SEEDANCE_2), _SEEDANCE_2, picture=True),
    "bytedance/seedance-2.0/fast/text-to-video": _seedance(("480p", "720p"), {}, picture=False),
    "bytedance/seedance-2.0/fast/image-to-video": _seedance(("480p", "720p"), {}, picture=True),
    "fal-ai/wan/v2.7/text-to-video": _alibaba(
        2, _FIVE, {**_SHAPE, **_SEED, "negative_prompt": "negative_prompt"}, 5000
    ),
    "fal-ai/wan/v2.7/image-to-video": _alibaba(
        2, _FIVE, {**_PICTURED, "negative_prompt": "negative_prompt", **_FRAMES}, 5000
    ),
    "alibaba/happy-horse/v1.1/text-to-video": _alibaba(3, _HORSE, {**_SHAPE, **_SEED}, 2500),
    "alibaba/happy-horse/v1.1/image-to-video": _alibaba(3, _HORSE, {**_PICTURED, "first_frame": "image_url"}, 2500),
    "fal-ai/ltx-2.3/text-to-video": _ltx(picture=False),
    "fal-ai/ltx-2.3/image-to-video": _ltx(picture=True),
}
