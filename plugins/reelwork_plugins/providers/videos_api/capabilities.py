"""The capabilities of a server with a model: from the dialect, what is known of the model, and the settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from reelwork_hooks import Capabilities, Idempotency, Price
from reelwork_plugins.providers.videos_api import models, wire
from reelwork_plugins.providers.videos_api.catalogue import Entry
from reelwork_plugins.providers.videos_api.config import VideosApiConfig

LONGEST_PROMPT = 32_000
"""Characters (OpenAI's specification)."""


def capabilities_of(config: VideosApiConfig, model: str | None, listed: Entry | None, today: date) -> Capabilities:
    """Return the capabilities with this model (None: the configured one).

    The settings come first, then what the server itself listed, then the built-in data.
    """
    name = model or config.model
    data, speaks = models.model_data(name), config.speaks
    sizes = config.sizes or data.sizes
    rates = config.fps if config.fps is not None else None if wire.takes(config, "fps") else ()
    return Capabilities(
        idempotency=Idempotency.KEY if config.idempotency_header else speaks.idempotency,
        durations=config.durations or (listed.durations if listed else data.durations),
        sizes=sizes,
        # The size goes as it is: what the model's own sizes do not exclude, the server itself refuses.
        any_size=True,
        default_resolution=listed.default_resolution if listed else "720p",
        fps=rates,
        seed=wire.takes(config, "seed") and not (listed and listed.seed is False),
        negative_prompt=wire.takes(config, "negative_prompt"),
        references=0 if listed and listed.first_frame is False else 1,
        # The protocol has one picture, which the video starts with.
        reference_roles=("first_frame",),
        reference_types=wire.PICTURE_TYPES,
        webhook=bool(speaks.webhook),
        longest_prompt=LONGEST_PROMPT,
        wire_names=speaks.wire_names,
        price=_price(config, data, sizes, listed, today),
        retired=models.retirement_day(config.host, name),
        settle_seconds=config.settle_seconds,
        key_seconds=config.key_seconds,
        note="" if listed else _note(name),
    )


def _note(model: str | None) -> str:
    near = models.near_name(model)
    return f"nothing is known of a model {model!r}; is {near!r} meant?" if near else ""


def _price(
    config: VideosApiConfig, data: models.ModelData, sizes: Sequence[str] | None, listed: Entry | None, today: date
) -> Price | None:
    if config.price_per_second is not None:
        return Price(per_second=config.price_per_second, as_of=today, source="the setting price_per_second")
    if config.speaks.catalogue:
        # The makers' own list price is not the gateway's: a reservation by it may be too small.
        return listed.price if listed else None
    return models.price_of(data, sizes)
