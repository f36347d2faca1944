"""Amounts of money: the bound that every price and cost is checked against where it enters, and their words."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

# The store keeps millionths of a dollar in 64-bit integers. Two costs of 9e12 dollars overflow their sum, and then
# no launch can check its budget.
MOST_DOLLARS = 100_000
"""The most that one render, or a second of it, may cost in US dollars.

Far above any real price: a larger figure is a mistake of unit, such as cents, tokens or nanoseconds.
"""

_MILLIONTH = Decimal("0.000001")


def dollars(amount: Decimal | None) -> str:
    """Return an amount in words, with as many digits as it needs; `unknown` for None.

    What is finer than a millionth is rounded up: no amount looks smaller than what is asked or paid.

    >>> dollars(Decimal("1.5")), dollars(Decimal("0.205"))
    ('$1.50', '$0.205')
    """
    if amount is None:
        return "unknown"
    # A post may cost a cent and a half: rounded, a hundred of them would not add up.
    whole, _, cents = f"{amount.quantize(_MILLIONTH, ROUND_CEILING):f}".partition(".")
    return f"${whole}.{cents.rstrip('0'):0<2}"
