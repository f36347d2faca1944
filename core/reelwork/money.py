"""Money as the store keeps it: whole millionths of a US dollar. Imports no models, so that reading is quick."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import overload

from reelwork_hooks.money import MOST_DOLLARS
from reelwork_hooks.money import dollars as dollars

# Whole numbers, since SQLite has no decimals: sums of floats would drift from what the provider charges.
MICROS = 1_000_000
# SQLite's `sum` fails above 2**63 - 1. That is ninety million renders of this price.
MOST_MICROS = MOST_DOLLARS * MICROS
"""The most one render can cost."""
MOST_BUDGET = 1_000_000_000
"""The highest ceiling a budget may have, in US dollars."""


def problem_of(amount: Decimal) -> str:
    """Say what is wrong with a price or cost of one render, in US dollars; empty when nothing is.

    >>> problem_of(Decimal("-5"))
    'it is negative'
    """
    if not amount.is_finite():
        return "it is not a number"
    if amount < 0:
        return "it is negative"
    return f"it is more than ${MOST_DOLLARS:,}" if amount > MOST_DOLLARS else ""


def sound_micros(value: object) -> int | None:
    """Return a cost read from the store; None for what no render can cost."""
    # Older versions stored whatever a provider answered.
    # Not `isinstance`: True is an int to it, and would be read as a cost.
    return value if type(value) is int and 0 <= value <= MOST_MICROS else None


@overload
def to_micros(amount: Decimal) -> int: ...


@overload
def to_micros(amount: Decimal | None) -> int | None: ...


def to_micros(amount: Decimal | None) -> int | None:
    """Return the millionths of an amount, rounded up; None for one that is not known."""
    # Rounded down, a price finer than a millionth would cost nothing, and no budget would ever hold it.
    return None if amount is None else int((amount * MICROS).to_integral_value(ROUND_CEILING))


@overload
def to_dollars(micros: int) -> Decimal: ...


@overload
def to_dollars(micros: int | None) -> Decimal | None: ...


def to_dollars(micros: int | None) -> Decimal | None:
    """Return the dollars of so many millionths; None for an amount that is not known."""
    return None if micros is None else Decimal(micros) / MICROS
