"""Sends one request, once, and reads its answer: the rules on addresses, proxies, limits and clocks.

The environment's proxies are used for origins that are trusted, and for no others (`proxies.py`). `SSL_CERT_FILE`
and `SSL_CERT_DIR` count too, so that a company's own certificates work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from copy import copy
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import time
from typing import Self

import httpx

from reelwork.clock import WITNESS
from reelwork.net.addresses import PORTS, Origin, RequestRefused, place
from reelwork.net.body import BodyUnfit, Unpacking
from reelwork.net.connections import Lane, Lanes, tls_context
from reelwork.net.messages import Response, check_headers, is_lasting, system_reason
from reelwork.net.outgoing import Body, Opened
from reelwork.net.proxies import NotPassedOn, Proxies, refused
from reelwork.net.server_time import disagreement, vouches
from reelwork.net.tunnel import proxy_reason
from reelwork.redaction.redactor import Redactor
from reelwork.version import __version__
from reelwork_hooks.errors import InvalidInput, Unavailable
from reelwork_hooks.http import HttpProgress

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""Seconds for which the other side may stay silent once connected, unless a call says otherwise."""
BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of an answer that is held in memory. Videos are streamed and have a limit of their own."""
# Many renders are polled at once: together, such answers would fill the memory.
LARGE_BODY = 4 * 1024 * 1024
"""Bytes from which on answers are read one after another."""

REFUSAL_LIMIT = 1024 * 1024
"""Bytes of a refusal (4xx, 5xx) that are read."""

# None of these changes anything at the other side (RFC 9110, 9.2.1).
READS = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods of requests that may be repeated."""

Headers = Mapping[str, str] | None
Seconds = float | None
log = logging.getLogger("reelwork.http")

_WORDS: Mapping[type[Exception], str] = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.PoolTimeout: "too many requests are waiting for a connection",
    httpx.WriteTimeout: "it stopped taking data",
    httpx.ReadTimeout: "it fell silent",
}


class Interrupted(Unavailable):
    """The connection broke, or fell silent, while the body was coming."""


class _Transport(httpx.AsyncHTTPTransport):
    def __init__(self) -> None:
        super().__init__(verify=tls_context())
        # httpx has no argument for what opens connections; the attribute is where it keeps it.
        self._pool = Lanes()  # type: ignore[assignment]


class Sender:
    """Sends requests, each once, within the rules. `Http` builds what callers use on it."""

    def __init__(
        self,
        *,
        trust: Sequence[str] = (),
        redactor: Redactor | None = None,
        silence: float = SILENCE_SECONDS,
    ) -> None:
        self._trusted = _origins(trust)
        self._answered: set[Origin] = set()
        self._clocks_told: set[Origin] = set()
        self._redactor = redactor or Redactor()
        self._proxies = Proxies.from_environment(self._redactor)
        self._silence = silence
        self._hear: Callable[[int], None] = _unheard
        self._large = asyncio.Lock()
        self._client = httpx.AsyncClient(
            transport=_Transport(),
            # httpx would send links from outside through the environment's proxies, too. `_lane` decides instead.
            trust_env=False,
            # A write is never sent a second time, wherever it is redirected. `Http` follows for reads, and
            # checks each address on the way.
            follow_redirects=False,
            # httpx would also ask for br and zstd where their packages are installed. `Unpacking` knows only these.
            headers={"User-Agent": f"reelwork/{__version__}", "Accept-Encoding": "gzip, deflate"},
            # One account's cookies must not travel with another one's requests.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def trusting(self, trust: Sequence[str]) -> Self:
        """Return the same client, and its connections where allowed, with another list of trusted origins."""
        other = copy(self)
        other._trusted = _origins(trust)
        return other

    def telling(self, hear: Callable[[int], None]) -> Self:
        """Return the same client and its connections; `hear` gets each answer's status, and 0 where none came."""
        other = copy(self)
        other._hear = hear
        return other

    async def aclose(self) -> None:
        """Close every connection, also of the clients made with `trusting`."""
        await self._client.aclose()

    async def send(
        self,
        method: str,
        url: httpx.URL,
        headers: Headers,
        timeout: Seconds,
        body: Body | None = None,
        progress: HttpProgress | None = None,
    ) -> httpx.Response:
        """Send one request, and return its answer with the body still to come."""
        # Taken from what httpx will connect to, so that two ways to read a URL cannot disagree.
        lane = self._lane(origin_of(url), write=method not in READS)
        check_headers(headers or {})
        given = httpx.Headers(dict(headers or {}))
        limits = httpx.Timeout(timeout or self._silence, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        async with AsyncExitStack() as files:
            opened = await files.enter_async_context(body.opened(progress)) if body else None
            request = self._client.build_request(
                method,
                url,
                headers=_of_the_body(given, body, opened) if body and opened else given,
                content=(opened.pieces if opened.length != 0 else b"") if opened else None,
                timeout=limits,
                extensions={"lane": lane},
            )
            try:
                response = await self._client.send(request, stream=True)
            except Exception:
                self._hear(0)
                raise
        self._hear(response.status_code)
        await _check_passed_on(response, lane)
        self._answered.add(origin_of(url))
        self._compare_clocks(url, response.headers)
        return response

    async def whole(self, response: httpx.Response) -> Response:
        """Read an answer to its end."""
        # What a refusal has to say is short. Its end is not waited for: the status alone decides.
        is_refusal = response.status_code >= 400
        body = bytearray()
        try:
            # Raw, and unpacked here: httpx would unpack without a limit.
            unpacking = Unpacking(response.headers.get("content-encoding", ""), BODY_LIMIT)
            async with AsyncExitStack() as turn:
                waited = False
                async for piece in unpacking.each(response.aiter_raw()):
                    body += piece
                    if is_refusal and len(body) > REFUSAL_LIMIT:
                        break
                    # Once an answer: an `asyncio.Lock` that is taken twice waits for itself.
                    if len(body) > LARGE_BODY and not waited:
                        await turn.enter_async_context(self._large)
                        waited = True
                return Response(response.status_code, response.headers, bytes(body))
        except BodyUnfit as error:
            raise httpx.DecodingError(str(error)) from error
        finally:
            # An error keeps the frames it passed through: without this, a refused answer would stay while the next
            # is read.
            body.clear()
            await response.aclose()

    def _compare_clocks(self, url: httpx.URL, headers: Mapping[str, str]) -> None:
        """Say once of each server that its clock is not ours: due times and days of a budget go by ours."""
        now = time()
        if vouches(origin_of(url), headers, now):
            WITNESS.agrees()
        differs = disagreement(headers, now)
        if differs and origin_of(url) not in self._clocks_told:
            self._clocks_told.add(origin_of(url))
            log.warning(
                "%s says another time: the clock of this machine is %s. Check which is right: budgets of a day or "
                "month go by this machine's clock",
                url.host,
                differs,
            )

    def will_last(self, error: Exception, url: str) -> bool:
        """Return whether trying again soon would be in vain: the address is wrong, or nothing listens there."""
        if isinstance(error, RequestRefused):
            return True
        # A server that has answered before in this process may only be restarting.
        return is_lasting(error) and origin_of(parsed(url)) not in self._answered

    async def chunks(self, url: str, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Yield an answer's body as it arrives. Raises `Interrupted`."""
        try:
            async for chunk in response.aiter_raw():
                yield chunk
        except httpx.HTTPError as error:
            raise Interrupted(f"the connection to {place(url)} broke off: {self.why(error)}") from error

    def _lane(self, origin: Origin, *, write: bool) -> Lane:
        trusted = origin in self._trusted
        return Lane(trusted, write, self._proxies.for_origin(origin) if trusted else None)

    def why(self, error: Exception) -> str:
        """Return what went wrong, in a few words without secrets."""
        known = proxy_reason(error) or _WORDS.get(type(error)) or system_reason(error)
        words = known or str(error) or type(error).__name__
        return self._redactor.redact(words)


def _unheard(status: int) -> None:
    pass


def _of_the_body(given: httpx.Headers, body: Body, opened: Opened) -> httpx.Headers:
    headers = given.copy()
    if body.media_type:
        headers.setdefault("Content-Type", body.media_type)
    # httpx sends an iterator chunked unless it knows its length, and many stores take no chunked upload.
    if opened.length is not None:
        headers["Content-Length"] = str(opened.length)
    return headers


async def _check_passed_on(response: httpx.Response, lane: Lane) -> None:
    """Make sure that the answer is not a proxy's own. Raises `NotPassedOn`: the request went no further."""
    # A proxy's own 407 names a scheme to sign in with (RFC 9110, 15.5.8). Through a tunnel, 407 is the server's.
    forwarded = lane.proxy is not None and not lane.proxy.tunnel
    if forwarded and response.status_code == 407 and "proxy-authenticate" in response.headers:
        assert lane.proxy is not None
        await response.aclose()
        raise NotPassedOn(str(refused(lane.proxy, 407)))


def parsed(url: str, base: httpx.URL | None = None) -> httpx.URL:
    """Return an address, read from `base` on. Raises `RequestRefused`."""
    try:
        return base.join(url) if base else httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise RequestRefused("the address cannot be read as a URL") from error


def origin_of(url: httpx.URL) -> Origin:
    """Return an address's origin. Raises `RequestRefused` when nothing may be sent there."""
    if url.scheme not in PORTS:
        raise RequestRefused(f"only http and https addresses are allowed, not {url.scheme or 'none'!r}")
    if not url.host:
        raise RequestRefused("the address names no host")
    # `host.` is `host`: with its dot it must not pass for another origin.
    return Origin(url.scheme, url.host.rstrip("."), url.port or PORTS[url.scheme])


def _origins(urls: Sequence[str]) -> frozenset[Origin]:
    try:
        return frozenset(origin_of(parsed(url)) for url in urls)
    except RequestRefused as error:
        raise InvalidInput(f"an address this machine should trust is wrong: {error}") from error
