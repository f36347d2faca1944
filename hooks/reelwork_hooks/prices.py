"""Prices: of a second of video, of one request, and of one post."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from reelwork_hooks.briefs import Spec
from reelwork_hooks.frozen import Frozen
from reelwork_hooks.money import MOST_DOLLARS


def as_reported(value: Any) -> Any:
    """Return a reported cost as a Decimal; NaN for what is no number."""
    # Nothing here raises: a broken figure must not keep the status of a paid render, or the receipt of a post, from
    # being read.
    if value is None:
        return None
    if isinstance(value, Decimal | str | int | float) and not isinstance(value, bool):
        # Adding nothing rounds it to 28 digits and refuses a signalling NaN, which could not even be compared.
        with suppress(ArithmeticError, ValueError):
            return Decimal(str(value).strip()) + 0
    return Decimal("NaN")


DOLLARS = "usd"
"""The unit of all amounts that name none."""
# Some count in ten thousand millionths of a dollar.
MOST_UNITS = 10**16
"""The most of a unit other than dollars that one render or post may cost."""
Unit = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]


class Amount(Frozen):
    """An amount of money, in US dollars or in another unit."""

    value: Annotated[Decimal, Field(ge=0, le=MOST_UNITS)]
    """How much of the unit, 0 or more."""
    unit: Unit = DOLLARS
    """The unit of `value`, such as `credits`. `units` of the plugin says what one costs."""


class Price(Frozen):
    """The price of a second of video, as known on a date."""

    per_second: Annotated[Decimal, Field(ge=0, le=MOST_DOLLARS)]
    """US dollars, from 0 to 100,000."""
    as_of: date
    source: str = ""


class Quote(Frozen):
    """The price of one request, or of one post, as known on a date."""

    expected: Annotated[Decimal, Field(ge=0, le=MOST_UNITS)] | None = None
    """US dollars, or `unit`, it will most likely cost; `most` when not given. Plans show it."""
    # A budget is only kept if no render or post can cost more than was reserved for it.
    most: Annotated[Decimal, Field(ge=0, le=MOST_UNITS)]
    """US dollars, or `unit`, it can cost at most. They are reserved, and count until the charge is known."""
    as_of: date
    source: str = ""
    basis: str = ""
    """What it was reckoned by, in words, such as `4 s at 720p, with sound`."""
    unit: Unit = DOLLARS
    """The unit of `expected` and `most`, such as `credits`. `units` says what one costs."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.unit == DOLLARS and max(self.most, self.expected or Decimal(0)) > MOST_DOLLARS:
            raise ValueError(f"a price is at most ${MOST_DOLLARS:,}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The prices of a second of video in US dollars, by height, and lower without sound where that is so."""

    per_second: Mapping[str, Decimal] = field(default_factory=dict)
    """By height, such as `720p`; with sound where the model makes any."""
    silent: Mapping[str, Decimal] = field(default_factory=dict)
    """The same without sound, where that is cheaper."""
    as_of: date
    """The day on which these prices were known."""
    source: str = ""
    """Where they are from."""

    def dearest(self, heights: tuple[str, ...] | None) -> Price | None:
        """Return the highest price, for `Capabilities`; None where a height has no price, which may be dearer."""
        # A reservation must suffice for whatever is asked for.
        if not self.per_second or not {*(heights or ())} <= {*self.per_second}:
            return None
        return Price(per_second=max(self.per_second.values()), as_of=self.as_of, source=self.source)

    def quote(self, spec: Spec, *, silent: bool = False) -> Quote | None:
        """Return the price of one request, for `Provider.price`; None when it is not known."""
        cheaper = silent and bool(self.silent)
        price = (self.silent if cheaper else self.per_second).get(spec.resolution)
        if price is None:
            return None
        sound = " without sound" if cheaper else " with sound" if self.silent else ""
        return Quote(
            most=price * Decimal(str(spec.duration)), as_of=self.as_of, source=self.source,
            basis=f"{spec.duration:g} s at {spec.resolution}{sound}",
        )  # fmt: skip
