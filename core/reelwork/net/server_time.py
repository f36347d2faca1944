"""Compares this machine's clock with the time that servers put on their answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from reelwork.clock import in_words

AGREES = 600.0
"""Seconds by which two clocks may differ without a warning."""


def disagreement(headers: Mapping[str, str], now: float) -> str:
    """Say how far a server's clock is from `now`; empty when they agree, or when the answer comes from a cache."""
    age = headers.get("age", "0").strip()
    # A cache passes on the Date of when it stored the answer.
    if age != "0":
        return ""
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return ""
    # Dates without a zone, such as those that end in "-0000", are meant as UTC.
    theirs = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    if abs(theirs - now) < AGREES:
        return ""
    return f"{in_words(abs(theirs - now))} {'behind' if theirs > now else 'ahead of'} it"
