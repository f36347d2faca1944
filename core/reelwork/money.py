"""Money as the store keeps it: whole millionths of a US dollar. Imports no models, so that reading is quick."""

from __future__ import annotations

from decimal import Decimal
from typing import overload

MICROS = 1_000_000


@overload
def to_micros(amount: Decimal) -> int: ...


@overload
def to_micros(amount: Decimal | None) -> int | None: ...


def to_micros(amount: Decimal | None) -> int | None:
    """Return the millionths of an amount, rounded; None for one that is not known."""
    return None if amount is None else int((amount * MICROS).to_integral_value())


@overload
def to_dollars(micros: int) -> Decimal: ...


@overload
def to_dollars(micros: int | None) -> Decimal | None: ...


def to_dollars(micros: int | None) -> Decimal | None:
    """Return the dollars of so many millionths; None for an amount that is not known."""
    return None if micros is None else Decimal(micros) / MICROS
