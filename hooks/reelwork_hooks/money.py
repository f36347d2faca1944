"""The bound of an amount of money. What says a price or a cost is held to it where it enters."""

MOST_DOLLARS = 100_000
"""The most that one render, or a second of it, may cost in US dollars.

Far above any real price: a larger figure is a mistake of unit, such as cents, tokens or nanoseconds.
"""
