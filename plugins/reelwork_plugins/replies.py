"""Reads what any HTTP service answers: JSON, numbers, dates, and the pauses it asks for. Nothing here raises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from reelwork_hooks import HttpResponse

LONGEST_WAIT = 3600.0
"""Seconds. No server is believed when it asks us to stay away for longer."""


def json_of(response: HttpResponse) -> Any:
    """Return the body as JSON, or None when it is not JSON."""
    try:
        return response.json()
    except ValueError:
        return None


def is_html(response: HttpResponse) -> bool:
    """Return whether the answer is a web page: a proxy's error or a wrong address, not the server's answer."""
    kind = response.headers.get("content-type", "").lower()
    return "html" in kind or response.text[:15].lstrip().lower().startswith(("<!doctype", "<html"))


def number_of(value: Any) -> float | None:
    """Return a finite number, also from text such as `4.04s` or `35%`; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, int | float) else float(str(value).strip().rstrip("%s"))
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds the server asked us to wait, in `retry-after-ms` or `Retry-After` (seconds or a date)."""
    milliseconds = number_of(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return bounded(milliseconds / 1000)
    text = headers.get("retry-after")
    seconds = number_of(text)
    if seconds is None and text is not None:
        moment = http_date(text)
        seconds = None if moment is None else (moment - now).total_seconds()
    return None if seconds is None else bounded(seconds)


def bounded(seconds: float) -> float:
    """Return a pause within what any server is believed."""
    return min(max(seconds, 0.0), LONGEST_WAIT)


def http_date(text: str | None) -> datetime | None:
    """Return the date in an HTTP header, or None when it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError):
        return None
    # `-0000` is parsed to a time without a zone, which means UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def moment(epoch: float | None) -> datetime | None:
    """Return seconds since 1970 as a time; None when no calendar has it."""
    try:
        return None if epoch is None else datetime.fromtimestamp(epoch, UTC)
    except (OverflowError, OSError, ValueError):
        return None
