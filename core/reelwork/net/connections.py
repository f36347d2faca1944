"""Opens connections for `client.py`: to checked addresses only, with certificates checked."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, cast

import certifi
import httpcore

from reelwork.net.addresses import resolve_public
from reelwork.net.proxies import Proxy
from reelwork.net.tunnel import NamingTheProxy, Tunnelled

READ_BYTES = 256 * 1024
"""The most that asyncio takes from a socket at once."""


@dataclass
class Handover:
    """The part of one request that was handed to a socket."""

    handed: int = 0
    """Bytes of the request. One that failed to leave counts: how much of it went out nobody can tell."""


# A context variable, since httpcore hands the stream no request. Each task sends one request at a time.
_HANDOVER: ContextVar[Handover | None] = ContextVar("reelwork_handover", default=None)


@contextmanager
def watched() -> Iterator[Handover]:
    """Watch what the one request that is sent within the block hands to sockets."""
    # Whether a request left is money. The class of an exception says where a library gave up, and that changes with
    # its version; bytes on a socket are what they are.
    seen = Handover()
    before = _HANDOVER.set(seen)
    try:
        yield seen
    finally:
        _HANDOVER.reset(before)


class PublicOnly(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, and to the very address that was checked.

    TLS still asks for and checks the name in the URL: httpcore takes that from the request, not from here.
    """

    def __init__(self, resolve: Callable[[str, int], Awaitable[list[str]]] = resolve_public) -> None:
        self._resolve = resolve
        self._backend = AnyAddress()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check, and try the public addresses in turn within `timeout` seconds.

        Raises `RequestRefused` when there is none, httpcore's `ConnectError` or `ConnectTimeout` otherwise.
        """
        addresses = await self._resolve_within(timeout, host, port)
        # Each gets a share of the time, so that a silent first address leaves some for the next.
        share = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        # The last error is the one to report, so the last address is tried outside the loop.
        return await self._backend.connect_tcp(addresses[-1], port, share, local_address, socket_options)

    async def _resolve_within(self, timeout: float | None, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(timeout):
                return await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} is not known") from error


class AnyAddress(httpcore.AsyncNetworkBackend):
    """Connects to any address, and reads in large pieces."""

    def __init__(self) -> None:
        # A cast: checkers also see the stand-in that httpcore defines for when anyio is missing.
        self._backend = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises httpcore's `ConnectError` or `ConnectTimeout`."""
        return _Watched(await self._backend.connect_tcp(host, port, timeout, local_address, socket_options))


class _Watched(httpcore.AsyncNetworkStream):
    """Counts the bytes handed to the socket, and returns all that the event loop has read in one piece."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # httpcore asks for 64 KiB at a time, but takes any amount. A turn for each part of what has already arrived
        # costs more than a third of the time of a large download.
        return await self._stream.read(max(max_bytes, READ_BYTES), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        seen = _HANDOVER.get()
        if seen is not None:
            # Counted first: a write that fails half-way has sent some of it.
            seen.handed += len(buffer)
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        # The handshake goes through the inner stream, uncounted: it carries nothing of the request.
        return _Watched(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Lane(NamedTuple):
    """The connections that a request may use."""

    trusted: bool
    """It may go to a private address."""
    write: bool
    """It must be the only one on its connection."""
    proxy: Proxy | None = None
    """It goes by way of this one."""


class Lanes:
    """One httpcore pool for each lane, chosen by the request extension `lane`.

    Kept apart, a request that may not go to a private address never meets a connection that leads to one.
    """

    def __init__(self) -> None:
        self._pools: dict[Lane, httpcore.AsyncConnectionPool] = {}

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request on its lane."""
        lane: Lane = request.extensions["lane"]
        if lane not in self._pools:
            self._pools[lane] = _pool(lane)
        return await self._pools[lane].handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()


def _pool(lane: Lane) -> httpcore.AsyncConnectionPool:
    limits: dict[str, Any] = {
        "ssl_context": tls_context(),
        "max_connections": 100,
        # A pooled connection may have been closed by the server just now, and a write on it would then have
        # no known outcome though nothing happened. So every write opens, and closes, its own connection.
        "max_keepalive_connections": 0 if lane.write else 20,
        "keepalive_expiry": 5.0,
    }
    if lane.proxy is not None and not lane.proxy.tunnel:
        return _forwarding(lane.proxy, limits)
    return httpcore.AsyncConnectionPool(network_backend=_backend(lane), **limits)


def _backend(lane: Lane) -> httpcore.AsyncNetworkBackend:
    if lane.proxy is not None:
        plain = cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())
        return Tunnelled(lane.proxy, plain, tls_context(), _Watched)
    return AnyAddress() if lane.trusted else PublicOnly()


def _forwarding(proxy: Proxy, limits: dict[str, Any]) -> httpcore.AsyncHTTPProxy:
    """Return a pool for http, whose requests the proxy reads: many proxies open no tunnel to port 80."""
    headers = [(b"Proxy-Authorization", proxy.credentials.encode())] if proxy.credentials else None
    return httpcore.AsyncHTTPProxy(
        proxy_url=f"{proxy.origin}/",
        proxy_headers=headers,
        proxy_ssl_context=tls_context() if proxy.origin.scheme == "https" else None,
        network_backend=NamingTheProxy(proxy, AnyAddress()),
        **limits,
    )


def tls_context() -> ssl.SSLContext:
    """Return a context with the certificates of the system, or those `SSL_CERT_FILE` and `SSL_CERT_DIR` name."""
    return _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


# Reading the certificates takes tens of milliseconds: once for each setting of the variables.
@lru_cache(maxsize=8)
def _tls_context(cert_file: str | None, cert_dir: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not cert_file and not cert_dir:
        # Some Python builds (python.org on macOS) come without a system store.
        context.load_verify_locations(certifi.where())
    return context
