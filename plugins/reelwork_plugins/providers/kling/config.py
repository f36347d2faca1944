"""Settings, options, and what is known of Kling's models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import (
    Capabilities,
    Config,
    Idempotency,
    KnownModel,
    PriceList,
    ProviderConfig,
    SecretRef,
    http_address,
    origin_of,
)

MODES: Mapping[str, str] = {"720p": "std", "1080p": "pro"}
"""Kling's mode for each height."""
# Kling itself counts in units, whose price depends on the pack.
_PRICES = PriceList(
    per_second={"720p": Decimal("0.126"), "1080p": Decimal("0.168")},
    silent={"720p": Decimal("0.084"), "1080p": Decimal("0.112")},
    as_of=date(2026, 5, 1),
    source="Comfy's price list for its Kling nodes (Comfy-Org/docs#971)",
)
UNKNOWN = KnownModel(
    inputs={
        "duration": "duration", "aspect_ratio": "aspect_ratio", "negative_prompt": "negative_prompt",
        "first_frame": "image", "last_frame": "image_tail",
    },
    length="text", durations=(5.0, 10.0), aspect_ratios=("16:9", "9:16", "1:1"), resolutions=tuple(MODES),
    longest_prompt=2500,
)  # fmt: skip
"""What all models of Kling take."""
MODELS: Mapping[str, KnownModel] = {
    "kling-v3": replace(UNKNOWN, durations=tuple(map(float, range(3, 16))), prices=_PRICES),
    "kling-v2-6": UNKNOWN,
}
NOTES = (
    "Kling deletes a finished video after 30 days.",
    f"Kling counts in units. Estimates in dollars are from {_PRICES.source}, {_PRICES.as_of}.",
    "Kling cannot stop a render.",
)


def _above_v1(value: str) -> str:
    return http_address(value).removesuffix("/v1")


class KlingConfig(ProviderConfig):
    """Settings of one account at Kling."""

    model: str | None = "kling-v3"
    """Kling's name of a model."""
    access_key: SecretRef = "env:KLING_ACCESS_KEY"
    """The account's access key."""
    secret_key: SecretRef = "env:KLING_SECRET_KEY"
    """The account's secret key. It signs a token for each request, and is never sent."""
    base_url: Annotated[str, AfterValidator(_above_v1)] = "https://api-singapore.klingai.com"
    """Kling's address; `https://api-beijing.klingai.com` for accounts made in China."""
    durations: tuple[float, ...] | None = None
    """Possible lengths in seconds, when you know better than the model data."""
    # Too short a time lets a request that is still on its way look as if it had never arrived.
    submit_timeout: Annotated[float, Field(gt=0)] = 120
    """Seconds to wait for the answer to a create."""
    settle_seconds: Annotated[float, Field(ge=0)] = 15
    """Seconds a request may take to show up in Kling's lists."""

    # Whoever gets a token can spend with it at Kling, for half an hour.
    @model_validator(mode="after")
    def _keys_are_named_for_others(self) -> Self:
        host = urlsplit(self.base_url).hostname or ""
        if not host.endswith(".klingai.com") and not {"access_key", "secret_key"} <= self.model_fields_set:
            raise ValueError(
                "name access_key and secret_key: Kling's own are not used for another base_url unasked"
            )
        return self

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return origin_of(self.base_url)


class KlingOptions(Config):
    """Kling's own parameters of a brief."""

    sound: bool = False
    """True for a video with sound, which costs more."""
    cfg_scale: Annotated[float, Field(ge=0, le=1)] | None = None
    """Faithfulness to the prompt. Only the models `kling-v1…` take it."""
    camera_control: Mapping[str, str | Mapping[str, float]] | None = None
    """A movement of the camera: its `type`, and for `type = "simple"` its `config`. Few models take it."""
    watermark: bool = False
    """True for the copy of the video with Kling's watermark."""


def model_data(config: KlingConfig, model: str | None) -> KnownModel:
    """Return what is known of this model (None: the configured one); the settings go first."""
    known = MODELS.get(model or config.model or "", UNKNOWN)
    return replace(known, durations=config.durations or known.durations)


def capabilities_of(config: KlingConfig, model: str | None) -> Capabilities:
    """Return the capabilities with this model (None: the configured one)."""
    name = model or config.model or ""
    strange = f"nothing is known here of a model {name!r}: Kling may refuse its lengths"
    return model_data(config, model).capabilities(
        # A task is found by our own id. That a second one of that id is refused is not certain: it is no key.
        Idempotency.LOOKUP,
        reference_types=("image/jpeg", "image/png"),
        webhook=True,
        settle_seconds=config.settle_seconds,
        note="" if name in MODELS else strange,
    )
