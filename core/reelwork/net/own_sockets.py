"""Judges the connections of libraries that open their own sockets.

Such a library resolves names by itself. A name that was judged before could lead elsewhere a moment later (DNS
rebinding), so the address is judged that a socket is connected to, as it is connected.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from reelwork.net.addresses import PORTS, refusal

Place = tuple[str, int]
"""An address and a port."""
SOCKS_PORT = 1080


class AddressRefused(OSError):
    """A connection must not go to the address it was opened to. The text is safe to show."""


@dataclass(frozen=True)
class _Rule:
    """Where connections may go within one block."""

    allowed: Collection[Place]
    refused: list[str] = field(default_factory=list)

    def judged(self, opened: socket.socket, to: Any) -> Any:
        """Return the address to connect to. Raises `AddressRefused`, or `OSError` for an unknown name."""
        host, port = to[:2]
        if (host, port) in self.allowed:
            return to
        try:
            address = ipaddress.ip_address(str(host).partition("%")[0])
        except ValueError:
            # A name: the system would resolve it unseen.
            return self.judged(opened, socket.getaddrinfo(host, port, opened.family, opened.type)[0][4])
        if why := refusal(address):
            self.refused.append(why)
            raise AddressRefused(f"it leads to {why}")
        return to


# A context variable, so that whoever runs beside this in another thread or task connects where it likes.
_RULE: ContextVar[_Rule | None] = ContextVar("reelwork_own_sockets", default=None)
_LOCK = threading.Lock()


@contextmanager
def public_only(allowed: Collection[Place] = ()) -> Iterator[list[str]]:
    """Refuse connections into this network, and to this machine, that this thread opens within the block.

    `allowed` are opened all the same. Yields a list that gets the reason of each refusal.
    """
    _install()
    rule = _Rule(allowed)
    token = _RULE.set(rule)
    try:
        yield rule.refused
    finally:
        _RULE.reset(token)


def proxy_places() -> frozenset[Place]:
    """Return the addresses of the proxies that the environment names. Blocks while it resolves their names."""
    # `no` is no proxy: it names what is reached without one.
    return frozenset(place for name, url in getproxies().items() if name != "no" for place in _places(url))


def _places(url: str) -> Iterator[Place]:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or PORTS.get(parts.scheme, SOCKS_PORT)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM) if parts.hostname else []
    except (OSError, ValueError):
        # No address, or an unknown one: whoever wants to use it says so.
        return
    yield from ((str(at[0]), port) for *_, at in found)


# Once: wrapped again, each connection would be judged twice.
@lru_cache(maxsize=1)
def _installed() -> bool:
    # All of Python's sockets are of this class, those of TLS included, and there is no other place that sees the
    # address which a library connects to. Audit hooks see it, but slow down the whole process and stay forever.
    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, _judging(getattr(socket.socket, name)))
    return True


def _install() -> None:
    with _LOCK:
        _installed()


def _judging(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def judging(self: socket.socket, *given: Any) -> Any:
        rule = _RULE.get()
        if rule is None or self.family not in (socket.AF_INET, socket.AF_INET6):
            return method(self, *given)
        # The address is the last: of `sendto`, too.
        return method(self, *given[:-1], rule.judged(self, given[-1]))

    return judging
