"""Connections through a proxy.

For https a tunnel is dug while the connection is opened, before httpcore has a byte of the request: whatever goes
wrong with the proxy is a connection that was not made, and the request was not sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable

import h11
import httpcore

from reelwork.net.messages import system_reason
from reelwork.net.proxies import Proxy, refused

LONGEST_ANSWER = 64 * 1024
"""Bytes of a proxy's answer."""
Options = Iterable[httpcore.SOCKET_OPTION] | None
Stream = httpcore.AsyncNetworkStream


class ProxyUnreachable(httpcore.ConnectError):
    """A proxy could not be reached."""


def proxy_reason(error: BaseException) -> str:
    """Return the fault of a proxy that kept a connection from being made; empty for other errors."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ProxyUnreachable):
        cause = cause.__cause__
    return "" if cause is None else str(cause)


class NamingTheProxy(httpcore.AsyncNetworkBackend):
    """Connects to a proxy, and says that it was the proxy when that fails."""

    def __init__(self, proxy: Proxy, backend: httpcore.AsyncNetworkBackend) -> None:
        self._proxy, self._backend = proxy, backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> Stream:
        """Connect. Raises `ProxyUnreachable`."""
        try:
            return await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            why = system_reason(error) or str(error) or "no connection in time"
            raise ProxyUnreachable(f"the proxy {self._proxy} cannot be reached: {why}") from error


class Tunnelled(httpcore.AsyncNetworkBackend):
    """Connects to any address by asking a proxy to. `wrap` is given the stream that leads to the other side."""

    def __init__(
        self,
        proxy: Proxy,
        plain: httpcore.AsyncNetworkBackend,
        tls: ssl.SSLContext,
        wrap: Callable[[Stream], Stream],
    ) -> None:
        # `wrap` gets the stream only once the tunnel is there: what the proxy was asked is no part of a request.
        self._proxy, self._tls, self._wrap = proxy, tls, wrap
        self._door = NamingTheProxy(proxy, plain)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Options = None,
    ) -> Stream:
        """Return a stream that the proxy passes on. Raises `ProxyUnreachable`, or `RequestRefused`."""
        try:
            async with asyncio.timeout(timeout):
                stream = await self._reach(timeout, socket_options)
                try:
                    await self._ask(stream, host, port)
                # Cancellation, too: nobody else knows of this stream, so nobody else would close it.
                except BaseException:
                    await stream.aclose()
                    raise
        except TimeoutError as error:
            raise ProxyUnreachable(f"the proxy {self._proxy} opened no way in time") from error
        return self._wrap(stream)

    async def _reach(self, timeout: float | None, options: Options) -> Stream:
        origin = self._proxy.origin
        stream = await self._door.connect_tcp(origin.host, origin.port, timeout, socket_options=options)
        if origin.scheme == "http":
            return stream
        try:
            return await stream.start_tls(self._tls, origin.host, timeout)
        except httpcore.ConnectError as error:
            raise ProxyUnreachable(f"the proxy {self._proxy} speaks no TLS that is trusted: {error}") from error

    async def _ask(self, stream: Stream, host: str, port: int) -> None:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        headers = [("Host", target)]
        if self._proxy.credentials:
            headers.append(("Proxy-Authorization", self._proxy.credentials))
        talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_ANSWER)
        asked = talk.send(h11.Request(method="CONNECT", target=target, headers=headers)) or b""
        try:
            await stream.write(asked + (talk.send(h11.EndOfMessage()) or b""))
            answer = await _answer(stream, talk)
        except (httpcore.NetworkError, httpcore.TimeoutException, h11.ProtocolError) as error:
            text = f"the proxy {self._proxy} gave no answer that can be read as a proxy's"
            raise ProxyUnreachable(text) from error
        if not 200 <= answer.status_code < 300:
            raise refused(self._proxy, answer.status_code)
        # The server has not been spoken to, so these bytes are not its own. TLS must not begin with them.
        if talk.trailing_data[0]:
            raise ProxyUnreachable(f"the proxy {self._proxy} spoke before the other side was spoken to")


async def _answer(stream: Stream, talk: h11.Connection) -> h11.Response:
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data(await stream.read(4096))
        elif isinstance(event, h11.Response):
            return event
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("it ended without an answer")
