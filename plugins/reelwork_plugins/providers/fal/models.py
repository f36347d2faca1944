"""Known facts, with dates, about video models at fal.ai: how each takes a length, a shape, pictures, and its price.

The inputs are those of fal's own client (`@fal-ai/client`, commit 381105e of 2026-08-02). A price is given only
where fal's model page or LiteLLM's price map names it for this model at fal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from reelwork_hooks import KnownModel, PriceList

_AS_OF = date(2026, 11, 28)


def _seconds(first: int, last: int) -> tuple[float, ...]:
    return tuple(float(number) for number in range(first, last + 1))


def _dollars(**prices: str) -> dict[str, Decimal]:
    return {name.removeprefix("_"): Decimal(price) for name, price in prices.items()}


_WIDE_AND_TALL = ("16:9", "9:16")
_FIVE = ("16:9", "9:16", "1:1", "4:3", "3:4")
_HORSE = (*_FIVE, "21:9", "9:21", "5:4", "4:5")
_SHAPE = {"duration": "duration", "aspect_ratio": "aspect_ratio", "resolution": "resolution"}
_SEED, _NEGATIVE = {"seed": "seed"}, {"negative_prompt": "negative_prompt"}
_PICTURED = {"duration": "duration", "resolution": "resolution", **_SEED}
_FRAMES = {"first_frame": "image_url", "last_frame": "end_image_url"}
_VEO_LITE = PriceList(
    per_second=_dollars(_720p="0.05", _1080p="0.08"), silent=_dollars(_720p="0.03", _1080p="0.05"),
    as_of=_AS_OF, source="fal.ai/models/fal-ai/veo3.1/lite",
)  # fmt: skip
_SEEDANCE_2 = PriceList(
    per_second=_dollars(_480p="0.1346", _720p="0.3034", _1080p="0.682", _4k="1.5552"),
    as_of=_AS_OF, source="LiteLLM 1.110.2 price map",
)  # fmt: skip


def _veo_lite(*needs: str, prices: PriceList | None = None, **frames: str) -> KnownModel:
    return KnownModel(
        length="seconds", inputs={**_SHAPE, **_SEED, **_NEGATIVE, **frames}, durations=(4.0, 6.0, 8.0),
        aspect_ratios=_WIDE_AND_TALL, resolutions=("720p", "1080p"), needs=needs, prices=prices,
    )  # fmt: skip


def _kling(resolution: str, *, picture: bool) -> KnownModel:
    # With a picture, its shape is the video's. The height is the tier's.
    frames = {"first_frame": "start_image_url", "last_frame": "end_image_url"}
    shape = frames if picture else {"aspect_ratio": "aspect_ratio"}
    return KnownModel(
        length="text", inputs={"duration": "duration", **_NEGATIVE, **shape}, durations=_seconds(3, 15),
        aspect_ratios=("16:9", "9:16", "1:1"), resolutions=(resolution,), longest_prompt=2500,
        needs=("first_frame",) if picture else (),
    )  # fmt: skip


def _seedance(*resolutions: str, prices: PriceList | None, picture: bool) -> KnownModel:
    return KnownModel(
        length="text", inputs={**_SHAPE, **(_FRAMES if picture else {})}, durations=_seconds(4, 15),
        aspect_ratios=("21:9", *_FIVE), resolutions=resolutions, prices=prices,
        needs=("first_frame",) if picture else (),
    )  # fmt: skip


def _alibaba(first: int, ratios: tuple[str, ...], longest: int, **inputs: str) -> KnownModel:
    return KnownModel(
        inputs=inputs, durations=_seconds(first, 15), aspect_ratios=ratios, resolutions=("720p", "1080p"),
        needs=("first_frame",) if "first_frame" in inputs else (), longest_prompt=longest,
    )  # fmt: skip


def _ltx(*, picture: bool) -> KnownModel:
    return KnownModel(
        inputs={**_SHAPE, "fps": "fps", **(_FRAMES if picture else {})}, durations=(6.0, 8.0, 10.0),
        aspect_ratios=_WIDE_AND_TALL, resolutions=("1080p", "1440p", "2160p"), fps=(24, 25, 48, 50),
        needs=("first_frame",) if picture else (),
    )  # fmt: skip


_ALL = tuple(_SEEDANCE_2.per_second)
MODELS: Mapping[str, KnownModel] = {
    "fal-ai/veo3.1/lite": _veo_lite(prices=_VEO_LITE),
    "fal-ai/veo3.1/lite/image-to-video": _veo_lite("first_frame", first_frame="image_url"),
    "fal-ai/veo3.1/lite/first-last-frame-to-video": _veo_lite(
        "first_frame", "last_frame", first_frame="first_frame_url", last_frame="last_frame_url"
    ),
    "fal-ai/kling-video/v3/standard/text-to-video": _kling("720p", picture=False),
    "fal-ai/kling-video/v3/standard/image-to-video": _kling("720p", picture=True),
    "fal-ai/kling-video/v3/pro/text-to-video": _kling("1080p", picture=False),
    "fal-ai/kling-video/v3/pro/image-to-video": _kling("1080p", picture=True),
    "bytedance/seedance-2.0/text-to-video": _seedance(*_ALL, prices=_SEEDANCE_2, picture=False),
    "bytedance/seedance-2.0/image-to-video": _seedance(*_ALL, prices=_SEEDANCE_2, picture=True),
    "bytedance/seedance-2.0/fast/text-to-video": _seedance("480p", "720p", prices=None, picture=False),
    "bytedance/seedance-2.0/fast/image-to-video": _seedance("480p", "720p", prices=None, picture=True),
    "fal-ai/wan/v2.7/text-to-video": _alibaba(2, _FIVE, 5000, **_SHAPE, **_SEED, **_NEGATIVE),
    "fal-ai/wan/v2.7/image-to-video": _alibaba(2, _FIVE, 5000, **_PICTURED, **_NEGATIVE, **_FRAMES),
    "alibaba/happy-horse/v1.1/text-to-video": _alibaba(3, _HORSE, 2500, **_SHAPE, **_SEED),
    "alibaba/happy-horse/v1.1/image-to-video": _alibaba(3, _HORSE, 2500, **_PICTURED, first_frame="image_url"),
    "fal-ai/ltx-2.3/text-to-video": _ltx(picture=False),
    "fal-ai/ltx-2.3/image-to-video": _ltx(picture=True),
}
