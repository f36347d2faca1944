"""Addresses of services with OpenAI's API, as a person gives them in settings."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit


def service_address(value: str, ending: str) -> str:
    """Return the address of a service up to its version, `ending` taken off. Raises `ValueError`."""
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an http(s) address such as https://api.openai.com/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave the user name and password out of base_url; give a key as api_key")
    if parts.query or parts.fragment:
        raise ValueError("base_url must not have a query or a fragment")
    path = parts.path.rstrip("/").removesuffix(ending).rstrip("/")
    version = "" if re.search(r"/v\d+\w*$", path) else "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}{version}"


def origin_of(address: str) -> str:
    """Return the part of an address that says which server it is."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def is_private(address: str) -> bool:
    """Return whether an address is on this machine or in a private network, as far as its name shows."""
    host = urlsplit(address).hostname or ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))
    return found.is_private or found.is_loopback or found.is_link_local
