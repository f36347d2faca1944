"""The cost of one render: by the workflow's own price, by the provider's quote, or by its price of a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from reelwork_hooks.money import MOST_DOLLARS
from reelwork_hooks.provider import Capabilities, Price, ProviderConfig, Quote, RenderRequest

Quoting = Callable[[RenderRequest], Quote | None]


@dataclass(frozen=True)
class Cost:
    """The cost of a render, as far as it is known before."""

    price: Price | None = None
    """The price of a second, its day and its source."""
    most: Decimal | None = None
    """US dollars, which are reserved."""
    expected: Decimal | None = None
    """US dollars it will most likely cost, where that is less."""
    note: str = ""


def cost_of(config: ProviderConfig, can: Capabilities, request: RenderRequest, quote: Quoting | None) -> Cost:
    """Return the cost of a request."""
    # By way of its text: a float has no exact decimal, and the price of 0.1 s would have a tail of digits.
    seconds = Decimal(str(request.spec.duration))
    # The workflow's own price goes first: it may be what was negotiated, or newer than the plugin.
    if config.price_per_second is not None:
        return _by_the_second(_price_of(config.price_per_second, date.today()), seconds)
    told = None if quote is None else quote(request)
    if told is None:
        return Cost() if can.price is None else _by_the_second(can.price, seconds)
    # For its day and source; what a second costs need not be the same for each length.
    price = Price(per_second=min(told.most / seconds, Decimal(MOST_DOLLARS)), as_of=told.as_of, source=told.source)
    less = told.expected is not None and told.expected < told.most
    return Cost(price, told.most, told.expected if less else None, f"priced by {told.basis}" if told.basis else "")


def _by_the_second(price: Price, seconds: Decimal) -> Cost:
    return Cost(price, price.per_second * seconds)


@lru_cache(maxsize=64)
def _price_of(per_second: Decimal, as_of: date) -> Price:
    return Price(per_second=per_second, as_of=as_of, source="the workflow")
