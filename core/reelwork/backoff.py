"""The wait before something is tried again: longer after each failure in a row."""

from __future__ import annotations

# Without a bound, `2**failures` grows beyond what a float can hold.
MOST_DOUBLINGS = 8


def backoff(first: float, failures: int, most: float) -> float:
    """Return the seconds to wait: `first`, then twice as long after each failure, and never more than `most`."""
    return float(min(first * 2 ** min(failures, MOST_DOUBLINGS), most))
