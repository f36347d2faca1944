"""The addresses of servers, as workflows and account fields give them."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def http_address(value: str) -> str:
    """Return an http(s) address without a slash at its end.

    Raises `ValueError` for anything else, and for one with a user name, a password, a query or a fragment.
    """
    try:
        parts = urlsplit(value.strip())
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{value!r} is not an http(s) address such as https://api.example.com")
    # An address is shown in messages and stored: a password in it would be, too.
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("give the http(s) address without a user name, a password, a query or a fragment")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


HttpAddress = Annotated[str, AfterValidator(http_address)]
"""A setting that holds an http(s) address, such as `base_url`."""


def origin_of(address: str) -> str:
    """Return scheme, host and port, as `context.http(trust=…)` takes them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(address: str) -> bool:
    """Return whether an address leads to this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
