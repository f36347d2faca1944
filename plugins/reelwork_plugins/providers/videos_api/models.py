"""Known facts, with dates, about models that are requested by name over the Videos protocol.

They serve to plan and to warn, never to forbid: a model that is not here has no limits and no known price. Every
number can be overridden in the provider's settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import get_close_matches

from reelwork_hooks import Price

PRICE_SOURCE = "OpenAI list price (developers.openai.com model page, LiteLLM 1.109.1 price map)"
# OpenAI's specification (openai-openapi, 2026-08-21) lists 4, 8 and 12; its guide and its published skill also
# allowed 16 and 20.
SORA_DURATIONS = (4.0, 8.0, 12.0, 16.0, 20.0)
"""Seconds."""
SIZES_720: tuple[str, ...] = ("1280x720", "720x1280")
SIZES_1024: tuple[str, ...] = ("1792x1024", "1024x1792")


@dataclass(frozen=True, slots=True)
class ModelData:
    """One model: possible lengths in seconds, sizes, and US dollars per second for each size."""

    durations: tuple[float, ...] | None = None
    sizes: tuple[str, ...] | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    as_of: date = date(2026, 9, 1)
    source: str = PRICE_SOURCE


@dataclass(frozen=True, slots=True)
class Retirement:
    """The day a host stopped serving models whose name starts with `model` (empty: every model)."""

    host: str
    model: str
    day: date
    source: str


def _each(sizes: tuple[str, ...], dollars: str) -> dict[str, Decimal]:
    return dict.fromkeys(sizes, Decimal(dollars))


_SORA_2 = ModelData(SORA_DURATIONS, SIZES_720, _each(SIZES_720, "0.10"))
_SORA_2_PRO = ModelData(
    SORA_DURATIONS,
    SIZES_720 + SIZES_1024,
    _each(SIZES_720, "0.30") | _each(SIZES_1024, "0.50"),
)
MODELS: Mapping[str, ModelData] = {
    "sora-2": _SORA_2,
    "sora-2-2025-10-06": _SORA_2,
    "sora-2-2025-12-08": _SORA_2,
    "sora-2-pro": _SORA_2_PRO,
    "sora-2-pro-2025-10-06": _SORA_2_PRO,
}
RETIREMENTS = (
    # The whole Videos API ended there without a replacement, so whatever the model is called.
    Retirement("api.openai.com", "", date(2026, 9, 24), "developers.openai.com/api/docs/deprecations"),
    # Microsoft's schedule names 2026-07-15 and 2026-09-15, LiteLLM's price map the later day given here.
    Retirement(".openai.azure.com", "sora-2", date(2026, 11, 2), "LiteLLM 1.109.1 price map"),
    Retirement(".cognitiveservices.azure.com", "sora-2", date(2026, 11, 2), "LiteLLM 1.109.1 price map"),
)


def _note(entry: Retirement) -> str:
    host = f"{'*' * entry.host.startswith('.')}{entry.host}"
    return (
        f"{host} serves {entry.model or 'no model'}{' no more' if entry.model else ''}"
        f" from {entry.day} on ({entry.source})."
    )


NOTES = tuple(_note(entry) for entry in RETIREMENTS)
"""The same for people."""


def notes_of(host: str) -> tuple[str, ...]:
    """Return the known shut-downs at one host, a sentence each."""
    return tuple(_note(entry) for entry in RETIREMENTS if _is_at(host, entry))


def _is_at(host: str, entry: Retirement) -> bool:
    return host.endswith(entry.host) if entry.host.startswith(".") else host == entry.host


def model_data(model: str | None) -> ModelData:
    """Return the known facts about a model. A gateway's prefix, such as `openai/`, makes no difference."""
    return MODELS.get((model or "").rsplit("/", 1)[-1], ModelData())


def near_name(model: str | None) -> str:
    """Return the known model that an unknown name resembles; empty when none does, or the name is known."""
    name = (model or "").rsplit("/", 1)[-1]
    near = [] if not name or name in MODELS else get_close_matches(name.lower(), MODELS, n=1, cutoff=0.8)
    return near[0] if near else ""


def retirement_day(host: str, model: str | None) -> date | None:
    """Return the day this host stopped, or will stop, serving this model."""
    name = (model or "").rsplit("/", 1)[-1]
    for entry in RETIREMENTS:
        if _is_at(host, entry) and name.startswith(entry.model):
            return entry.day
    return None


def price_of(data: ModelData, sizes: Iterable[str] | None) -> Price | None:
    """Return the price per second: the highest among the possible sizes.

    None when the price of any of them is not known.
    """
    # The price is one for the model, whatever size is asked for: a reservation must suffice for the dearest.
    possible = tuple(sizes or ())
    if not possible or any(size not in data.prices for size in possible):
        return None
    return Price(per_second=max(data.prices[size] for size in possible), as_of=data.as_of, source=data.source)
