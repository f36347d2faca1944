"""The proxies that the environment names. Only requests to configured origins go through them.

With a proxy in between, the proxy resolves names, so the rule on addresses would check nothing. An address that a
person configured is trusted anyway. An address that came from outside, such as the link of a download, is resolved
and checked on this machine, and never handed to a proxy.
"""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from reelwork.net.addresses import PORTS, Origin, RequestRefused, is_loopback
from reelwork.redaction.redactor import Redactor


@dataclass(frozen=True)
class Proxy:
    """One proxy. It is shown without the name and password it wants."""

    origin: Origin
    variable: str
    """The variable that names it, such as `HTTPS_PROXY`."""
    credentials: str = field(default="", repr=False)
    """As HTTP's Basic scheme writes them; empty when it wants none."""
    tunnel: bool = True
    """It passes bytes on and sees none of them, as for https; else it reads requests and sends them itself."""

    def __str__(self) -> str:
        return f"{self.origin} ({self.variable})"


@dataclass(frozen=True)
class Proxies:
    """The proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, and `NO_PROXY`."""

    named: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, redactor: Redactor) -> Self:
        """Return the proxies as they are set now; their passwords are masked from here on."""
        named = {name: url for name in _NAMES if (url := _variable(name))}
        for url in named.values():
            _hide(url, redactor)
        return cls(named)

    def for_origin(self, origin: Origin) -> Proxy | None:
        """Return the proxy for an origin; None to go straight there.

        Raises `RequestRefused` when the proxy that is named cannot be used.
        """
        kind = next((kind for kind in (origin.scheme, "all") if kind in self.named), None)
        # A proxy would take an address of this machine for one of its own.
        if kind is None or is_loopback(origin.host) or self._bypassed(origin):
            return None
        return _parsed(self.named[kind], f"{kind.upper()}_PROXY", tunnel=origin.scheme == "https")

    def _bypassed(self, origin: Origin) -> bool:
        return any(_covers(entry.strip().lower(), origin) for entry in self.named.get("no", "").split(","))


_NAMES = ("http", "https", "all", "no")


def _variable(name: str) -> str:
    """Return the value of `NAME_PROXY`, in lower case first."""
    # In a CGI script HTTP_PROXY comes from the request's header `Proxy` (CVE-2016-5385, "httpoxy").
    small = os.environ.get(f"{name}_proxy")
    if small is not None or (name == "http" and "REQUEST_METHOD" in os.environ):
        return small or ""
    return os.environ.get(f"{name.upper()}_PROXY", "")


def _parsed(url: str, variable: str, *, tunnel: bool) -> Proxy:
    unreadable = RequestRefused(f"{variable} cannot be read as the address of a proxy")
    try:
        parts = _split(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise unreadable from error
    if not host:
        raise unreadable
    if parts.scheme not in PORTS:
        raise RequestRefused(f"{variable} names a proxy of the kind {parts.scheme!r}; http and https can be used")
    return Proxy(Origin(parts.scheme, host, port or PORTS[parts.scheme]), variable, _basic(url), tunnel)


def _split(url: str) -> SplitResult:
    return urlsplit(url if "://" in url else f"http://{url}")


def _basic(url: str) -> str:
    parts = _split(url)
    if not parts.username and not parts.password:
        return ""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _hide(url: str, redactor: Redactor) -> None:
    try:
        parts = _split(url)
    except ValueError:  # It is refused when it is to be used.
        return
    for secret in (parts.password or parts.username or "", _basic(url).removeprefix("Basic ")):
        # As written and as meant: an error may show the address, or the header that was made of it.
        for form in {secret, unquote(secret)} - {""}:
            redactor.add(form)


class NotPassedOn(RequestRefused):
    """A proxy did not forward the request: it wants a name and a password."""


def refused(proxy: Proxy, status: int) -> RequestRefused:
    """Return the error for a proxy that refuses, and say how to correct it."""
    if status == 407 and proxy.credentials:
        return RequestRefused(f"the proxy {proxy} refused the name and password in its address (407)")
    if status == 407:
        ask = "wants a name and a password (407): http://NAME:PASSWORD@HOST:PORT"
        return RequestRefused(f"the proxy {proxy} {ask}")
    return RequestRefused(f"the proxy {proxy} refused to connect ({status})")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _covers(entry: str, origin: Origin) -> bool:
    """Return whether an entry of `NO_PROXY` means this origin: `*`, a name and all below it, a network, a port."""
    address = _address(origin.host)
    if address is not None and (network := _network(entry)) is not None:
        return address in network
    name = entry.removeprefix("*").removeprefix(".")
    if entry == "*" or not name:
        return entry == "*"
    host = origin.host.lower()
    return any(one == name or one.endswith(f".{name}") for one in (host, f"{host}:{origin.port}"))


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None
