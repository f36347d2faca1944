"""The network addresses that a request may go to.

An address that comes from outside (a provider's answer, a redirect) must not make this machine read its own
network. Names are judged by the addresses they resolve to, and the connection goes to the very address
that was judged: a name that resolves differently a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = {"http": 80, "https": 443}
_CGNAT = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291, deprecated


class RequestRefused(Exception):
    """A request must not, or cannot, go where it is meant to. The text is safe to show."""


class Origin(NamedTuple):
    """Scheme, host and port: an origin, as browsers call it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if PORTS.get(self.scheme) == self.port else f":{self.port}")


def is_loopback(host: str) -> bool:
    """Return whether a name or address can mean this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def place(url: str) -> str:
    """Return scheme, host and port of an address for a message: the rest of a URL often holds a secret."""
    try:
        parts = urlsplit(url)
        return str(Origin(parts.scheme, parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)))
    except ValueError:
        return "an unreadable address"


def refusal(address: Address) -> str:
    """Return why a request must not go to this address, in a word or two; empty if it may."""
    if isinstance(address, ipaddress.IPv6Address):
        # A gateway sends such an address on to the IPv4 address within it, which may be this network's own.
        inner = _carried_ipv4(address)
        if inner is not None:
            return refusal(inner)
        if address in _NAT64_LOCAL or address.sixtofour or address.teredo or address.is_site_local:
            return "a private network"
    # The most precise first: to `ipaddress`, loopback and link-local addresses are private, too.
    kinds = {
        "an unspecified address": address.is_unspecified,
        "this machine": address.is_loopback,
        "a link-local address": address.is_link_local,
        "a multicast address": address.is_multicast,
        "a private network": address.is_private or address in _CGNAT,
        "a reserved address": address.is_reserved or not address.is_global,
    }
    return next((kind for kind, holds in kinds.items() if holds), "")


def refused_as_written(host: str) -> str:
    """Return why a host must not be reached, as far as it can be told without asking for its address."""
    if is_loopback(host):
        return "this machine"
    try:
        return refusal(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _carried_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    # `::` and `::1` lie in the same network, but carry nothing.
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


async def resolve_public(host: str, port: int) -> list[str]:
    """Return the public addresses of a host, in the order the system prefers.

    Raises `RequestRefused` when it has none, `OSError` when the name is not known.
    """
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))
    reasons = {text: refusal(ipaddress.ip_address(text)) for text in found}
    public = [text for text, reason in reasons.items() if not reason]
    if not public:
        text, reason = next(iter(reasons.items()), (host, "no address"))
        leads = "is" if text == host else f"leads to {text},"
        raise RequestRefused(f"{host} {leads} {reason}, which is refused unless it is configured")
    return public
