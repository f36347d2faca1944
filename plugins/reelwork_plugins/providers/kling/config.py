"""Settings, options, and what is known of Kling's models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import Capabilities, Config, Idempotency, Price, ProviderConfig, SecretRef

MODES: Mapping[str, str] = {"720p": "std", "1080p": "pro"}
"""Kling's mode for each height."""
DURATIONS: Mapping[str, tuple[float, ...]] = {
    "kling-v3": tuple(map(float, range(3, 16))),
    "kling-v2-6": (5.0, 10.0),
}
# Kling itself counts in units, whose price depends on the pack.
PRICES: Mapping[tuple[str, str, bool], str] = {
    ("kling-v3", "720p", False): "0.084", ("kling-v3", "720p", True): "0.126",
    ("kling-v3", "1080p", False): "0.112", ("kling-v3", "1080p", True): "0.168",
}  # fmt: skip
"""US dollars a second, by model, height and sound."""
PRICES_OF, PRICES_FROM = date(2026, 5, 1), "Comfy's price list for its Kling nodes (Comfy-Org/docs#971)"
NOTES = (
    "Kling deletes a finished video after 30 days.",
    f"Kling counts in units. Estimates in dollars are from {PRICES_FROM}, {PRICES_OF}.",
    "Kling cannot stop a render.",
)


def _address(value: str) -> str:
    parts = urlsplit(value.strip())
    # It is shown in messages and stored with each request: a password in it would be, too.
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError("give an http(s) address such as https://api-singapore.klingai.com, without a password")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v1')}"


class KlingConfig(ProviderConfig):
    """Settings of one account at Kling."""

    model: str | None = "kling-v3"
    """Kling's name of a model."""
    access_key: SecretRef = "env:KLING_ACCESS_KEY"
    """The account's access key."""
    secret_key: SecretRef = "env:KLING_SECRET_KEY"
    """The account's secret key. It signs a token for each request, and is never sent."""
    base_url: Annotated[str, AfterValidator(_address)] = "https://api-singapore.klingai.com"
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
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"


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


def price_of(model: str | None, height: str, *, sound: bool) -> Price | None:
    """Return the price of a second; None when it is not known."""
    dollars = PRICES.get((model or "", height, sound))
    return Price(per_second=Decimal(dollars), as_of=PRICES_OF, source=PRICES_FROM) if dollars else None


def capabilities_of(config: KlingConfig, model: str | None) -> Capabilities:
    """Return the capabilities with this model (None: the configured one)."""
    name = model or config.model or ""
    return Capabilities(
        # A task is found by our own id. That a second one of that id is refused is not certain: it is no key.
        idempotency=Idempotency.LOOKUP,
        durations=config.durations or DURATIONS.get(name, (5.0, 10.0)),
        aspect_ratios=("16:9", "9:16", "1:1"),
        resolutions=tuple(MODES),
        fps=(),
        negative_prompt=True,
        references=2,
        reference_roles=("first_frame", "last_frame"),
        reference_types=("image/jpeg", "image/png"),
        webhook=True,
        longest_prompt=2500,
        # The dearest: a reservation must suffice for whatever is asked for.
        price=price_of(name, "1080p", sound=True),
        settle_seconds=config.settle_seconds,
        note=""
        if name in DURATIONS
        else f"nothing is known here of a model {name!r}: Kling may refuse its lengths",
    )
