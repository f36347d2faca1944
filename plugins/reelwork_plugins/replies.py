"""Reads single parts of what a server answers, for plugins that take them from several places."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from reelwork_hooks import Answer, HttpResponse
from reelwork_hooks import number_of as number_of

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
    return Answer(response.status_code, None, response.headers, response.text).is_html


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds the server asked us to wait, in `retry-after-ms` or `Retry-After` (seconds or a date)."""
    asked = {name: headers[name] for name in ("retry-after-ms", "retry-after") if name in headers}
    return Answer(0, None, {**asked, "date": format_datetime(now)}).retry_after


def bounded(seconds: float) -> float:
    """Return a pause within what any server is believed."""
    return min(max(seconds, 0.0), LONGEST_WAIT)


def http_date(text: str | None) -> datetime | None:
    """Return the date in an HTTP header, or None when it is none."""
    return Answer(0, None, {"date": text or ""}).date


def moment(epoch: float | None) -> datetime | None:
    """Return seconds since 1970 as a time; None when no calendar has it."""
    try:
        return None if epoch is None else datetime.fromtimestamp(epoch, UTC)
    except (OverflowError, OSError, ValueError):
        return None
