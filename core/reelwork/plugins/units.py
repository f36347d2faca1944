"""The units in which a provider or publisher prices, such as credits, and their worth in US dollars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from reelwork.money import dollars, problem_of
from reelwork.plugins.guard import Callee, loading
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.prices import DOLLARS, Quote

SHOWN_AS = "cost_in"
"""The name under which details keep a reported cost as it came, such as `12 credits`."""


@dataclass(frozen=True, slots=True)
class Units:
    """The US dollars that one of each unit costs."""

    rates: Mapping[str, Decimal] = field(default_factory=dict)

    def rate(self, unit: str) -> Decimal | None:
        """Return the US dollars for one of a unit; None for one that is not known."""
        return Decimal(1) if unit == DOLLARS else self.rates.get(unit)

    def in_dollars(self, amount: Decimal | None, unit: str) -> Decimal | None:
        """Return an amount in US dollars, NaN where its unit is not known; None for None."""
        # Never 0: what cannot be told must not look free.
        rate = self.rate(unit)
        if amount is None or rate is None:
            return None if amount is None else Decimal("NaN")
        try:
            return amount * rate
        except ArithmeticError:
            return Decimal("NaN")


def units_of(callee: Callee, declared: Any, setting: Any, hint: str = "") -> Units:
    """Return the units that a plugin declares, with the prices that a person pays. Raises `PluginInvalid`."""

    def read() -> Units:
        given = declared if isinstance(declared, Mapping) else {}
        own = setting if isinstance(setting, Mapping) else {}
        return Units({str(name): _rate(str(name), rate) for name, rate in {**given, **own}.items()})

    return loading(callee, "has units that are not possible", read, hint=hint)


def _rate(name: str, rate: Any) -> Decimal:
    try:
        value = Decimal(str(rate))
    except InvalidOperation:
        value = Decimal("NaN")
    problem = "US dollars cost what they cost" if name == DOLLARS else problem_of(value)
    if problem:
        raise PluginInvalid(f"units.{name} = {rate!r:.40}: {problem}.")
    return value


def in_words(amount: Decimal, unit: str) -> str:
    """Return an amount in its own unit, such as `12 credits`."""
    # Whoever writes 1e999999 would get a line of a million digits.
    plain = amount.is_finite() and -12 < amount.adjusted() < 18
    return f"{amount.normalize():f} {unit}" if plain else f"{amount:.6g} {unit}"


def quote_in_dollars(callee: Callee, units: Units, quote: Quote, setting: str) -> Quote:
    """Return a quote in US dollars, which says what it was. Raises `PluginInvalid` for a unit without a price.

    `setting` is the place where a person can say what one costs.
    """
    if quote.unit == DOLLARS:
        return quote
    rate = units.rate(quote.unit)
    if rate is None:
        raise PluginInvalid(
            f"The {callee} prices in {quote.unit}, and what one costs is not known.",
            money="Nothing was sent.",
            hint=f"Say the US dollars you pay for one: {setting}.{quote.unit} = 0.01",
        )
    most = quote.most * rate
    if problem := problem_of(most):
        raise PluginInvalid(f"The {callee}: its price of {in_words(quote.most, quote.unit)} is none: {problem}.")
    told = f"{in_words(quote.most, quote.unit)} at {dollars(rate)}"
    return Quote(
        most=most,
        expected=None if quote.expected is None else quote.expected * rate,
        as_of=quote.as_of,
        source=quote.source,
        basis=f"{quote.basis}: {told}" if quote.basis else told,
    )
