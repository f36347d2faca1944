"""Lengths of time as people write them: `90s`, `10m`, `6h`, `2d`."""

from __future__ import annotations

import re

from reelwork.errors import WorkflowInvalid

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = 366 * 86_400
"""Seconds."""


def seconds_in(text: str, what: str) -> int:
    """Return the seconds of a length such as `6h`. Raises `WorkflowInvalid`, which says what it is for."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*([smhd]|seconds?|minutes?|hours?|days?)\s*", text)
    if found is None:
        raise WorkflowInvalid(f"{what} {text!r} is not a length of time.", hint="Write it as 90s, 10m, 6h or 2d.")
    seconds = int(found[1]) * UNITS[found[2][0]]
    if seconds > LONGEST:
        raise WorkflowInvalid(f"{what} {text!r} is longer than a year.", hint="Write it as 90s, 10m, 6h or 2d.")
    return seconds


def length_of(seconds: float) -> str:
    """Return a length in the largest unit that fits it.

    >>> length_of(21_600), length_of(5400), length_of(86_400)
    ('6h', '90m', '1d')
    """
    size = int(seconds)
    unit = next((unit for unit in ("d", "h", "m") if size and size % UNITS[unit] == 0), "s")
    return f"{size // UNITS[unit]}{unit}"
