"""The bound of an amount of money. Every price and cost is checked against it where it enters."""

# The store keeps millionths of a dollar in 64-bit integers. Two costs of 9e12 dollars overflow their sum, and then
# no launch can check its budget.
MOST_DOLLARS = 100_000
"""The most that one render, or a second of it, may cost in US dollars.

Far above any real price: a larger figure is a mistake of unit, such as cents, tokens or nanoseconds.
"""
