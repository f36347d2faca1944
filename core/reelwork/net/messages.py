"""HTTP messages without the types of the client library."""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from reelwork.net.addresses import RequestRefused
from reelwork.net.body import as_json, as_text

LONGEST_WAIT = 120.0
"""Seconds of `Retry-After` that are honoured in one wait."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?")
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})
_CHARSET = re.compile(r'charset="?([\w.:-]+)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read to its end."""

    status_code: int
    headers: Mapping[str, str]
    """By name in any case."""
    content: bytes

    @property
    def text(self) -> str:
        """The body in the character set it names, UTF-8 otherwise; what cannot be decoded is replaced."""
        named = _CHARSET.search(self.headers.get("content-type", ""))
        return as_text(self.content, named[1] if named else "utf-8")

    def json(self) -> Any:
        """Return the body as JSON: half a character is replaced, NaN becomes None.

        Raises `ValueError` when it is no JSON.
        """
        return as_json(self.content)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is still to come."""

    status_code: int
    headers: Mapping[str, str]
    """By name in any case."""
    chunks: AsyncIterator[bytes]
    """The body as it arrives. Raises `Interrupted` when it breaks off."""


class Busy(Exception):
    """The other side asked, with 429 or 5xx, to be left alone for a while."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"answered {response.status_code}")
        self.response = response
        self.wait = retry_after(response.headers)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait as the other side asked, at most `LONGEST_WAIT`; None when it did not ask.

    Reads `retry-after-ms` (milliseconds) and `Retry-After` (seconds, or a date as in RFC 9110, 10.2.3).
    """
    wait = _number(headers.get("retry-after-ms"))
    wait = wait / 1000 if wait is not None else _number(headers.get("retry-after"))
    if wait is None:
        try:
            wait = parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(wait, 0.0), LONGEST_WAIT)


def _number(text: str | None) -> float | None:
    # `float` would also read nan, inf and 1e400.
    return float(text) if text and re.fullmatch(r"\d{1,9}(\.\d+)?", text.strip()) else None


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse a header that HTTP cannot carry. Raises `RequestRefused`, which names the header only."""
    # h11 would refuse it too, but once the connection is open, and with the value, often a secret, in its message.
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise RequestRefused(f"the value of the header {name!r} has characters HTTP cannot carry")


def system_reason(error: BaseException) -> str:
    """Return the reason that the system gives, such as "Connection refused"; empty if it gives none."""
    # The first cause: what httpx and httpcore make of it says less.
    error = _first(error)
    if isinstance(error, ssl.SSLError) and getattr(error, "reason", "") in _NO_TLS:
        return "it does not speak https there; is http:// meant?"
    return os.strerror(error.errno) if isinstance(error, ConnectionError) and error.errno else ""


def is_lasting(error: BaseException) -> bool:
    """Return whether an error will last: no such name, nothing listening, no TLS."""
    error = _first(error)
    if isinstance(error, socket.gaierror):
        # "Temporary failure in name resolution" is a network that is away for a while.
        return error.errno != socket.EAI_AGAIN
    if isinstance(error, ssl.SSLError):
        return isinstance(error, ssl.SSLCertVerificationError) or getattr(error, "reason", "") in _NO_TLS
    return isinstance(error, ConnectionRefusedError | UnicodeError)


def _first(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error
