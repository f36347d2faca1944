"""Compares this machine's clock with the time that servers put on their answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from reelwork.clock import LARGEST_DRIFT, in_words
from reelwork.net.addresses import Origin, is_loopback

AGREES = 600.0
"""Seconds by which two clocks may differ without a warning."""


def vouches(origin: Origin, headers: Mapping[str, str], now: float) -> bool:
    """Return whether a server shows by its own clock that `now` is right."""
    # One on this machine has the same clock, and without TLS anyone on the way may have written the answer.
    if origin.scheme != "https" or is_loopback(origin.host):
        return False
    theirs = _date(headers)
    return theirs is not None and abs(theirs - now) < LARGEST_DRIFT


def disagreement(headers: Mapping[str, str], now: float) -> str:
    """Say how far a server's clock is from `now`; empty when they agree, or when the answer comes from a cache."""
    theirs = _date(headers)
    if theirs is None:
        return ""
    if abs(theirs - now) < AGREES:
        return ""
    return f"{in_words(abs(theirs - now))} {'behind' if theirs > now else 'ahead of'} it"


def _date(headers: Mapping[str, str]) -> float | None:
    """Return the time on an answer; None if it has none, or comes from a cache."""
    age = headers.get("age", "0").strip()
    # A cache passes on the Date of when it stored the answer.
    if age != "0":
        return None
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    # Dates without a zone, such as those that end in "-0000", are meant as UTC.
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
