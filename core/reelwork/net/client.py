"""The only way out to the network: time limits, retries of reads, writes once, and rules on addresses.

The environment's proxies are used for origins that are trusted, and for no others (`proxies.py`). `SSL_CERT_FILE`
and `SSL_CERT_DIR` count too, so that a company's own certificates work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from copy import copy
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import time
from typing import Any, TypeVar

import httpx
import stamina

from reelwork.net.addresses import PORTS, Origin, RequestRefused, place
from reelwork.net.body import BodyUnfit, Unpacking
from reelwork.net.connections import Lane, Lanes, tls_context, watched
from reelwork.net.messages import Busy, Response, Stream, check_headers, is_lasting, sliced, system_reason
from reelwork.net.proxies import NotPassedOn, Proxies, refused
from reelwork.net.server_time import disagreement
from reelwork.net.tunnel import proxy_reason
from reelwork.redaction.redactor import Redactor
from reelwork.version import __version__
from reelwork_hooks.errors import InvalidInput, NotSent, OutcomeUnknown, Unavailable

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""Seconds for which the other side may stay silent once connected, unless a call says otherwise."""
READ_SECONDS = 150.0
"""All attempts at one read together, with the waits between them."""
READ_ATTEMPTS = 4
HOPS = 5
BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of an answer that is held in memory. Videos are streamed and have a limit of their own."""
# Many renders are polled at once: together, such answers would fill the memory.
LARGE_BODY = 4 * 1024 * 1024
"""Bytes from which on answers are read one after another."""

REFUSAL_LIMIT = 1024 * 1024
"""Bytes of a refusal (4xx, 5xx) that are read."""

T = TypeVar("T")
Params = Mapping[str, str | int] | None
Headers = Mapping[str, str] | None
Seconds = float | None
log = logging.getLogger("reelwork.http")
# Without a handler of its own, stamina's notes on retries would be printed on the terminal as bare warnings.
logging.getLogger("stamina").addHandler(logging.NullHandler())

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
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


class Http:
    """The contract's `HttpClient`, and `stream_get` for downloads.

    `trust` holds addresses whose origins may be private; `silence` is the time limit of a call that gives
    none; `first_wait` the first pause before a read is repeated; `deadline` the time for all its attempts.
    All are seconds. Use it within one event loop, and `aclose` it there.
    """

    def __init__(
        self,
        *,
        trust: Sequence[str] = (),
        redactor: Redactor | None = None,
        silence: float = SILENCE_SECONDS,
        first_wait: float = 0.5,
        deadline: float = READ_SECONDS,
    ) -> None:
        self._trusted = _origins(trust)
        self._answered: set[Origin] = set()
        self._clocks_told: set[Origin] = set()
        self._redactor = redactor or Redactor()
        self._proxies = Proxies.from_environment(self._redactor)
        self._silence, self._first_wait, self._deadline = silence, first_wait, deadline
        self._large = asyncio.Lock()
        self._client = httpx.AsyncClient(
            transport=_Transport(),
            # httpx would send links from outside through the environment's proxies, too. `_lane` decides instead.
            trust_env=False,
            # A write is never sent a second time, wherever it is redirected. `_open` follows for reads, and checks
            # each address on the way.
            follow_redirects=False,
            # httpx would also ask for br and zstd where their packages are installed. `Unpacking` knows only these.
            headers={"User-Agent": f"reelwork/{__version__}", "Accept-Encoding": "gzip, deflate"},
            # One account's cookies must not travel with another one's requests.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def trusting(self, trust: Sequence[str]) -> Http:
        """Return the same client, and its connections where allowed, with another list of trusted origins."""
        other = copy(self)
        other._trusted = _origins(trust)
        return other

    async def aclose(self) -> None:
        """Close every connection, also of the clients made with `trusting`."""
        await self._client.aclose()

    async def get(
        self, url: str, *, params: Params = None, headers: Headers = None, timeout: Seconds = None
    ) -> Response:
        """Read, up to four times. Raises `Unavailable` when no attempt brought an answer."""
        try:
            return await self._persist(url, timeout, partial(self._read, url, params, headers, timeout))
        except Busy as busy:
            return busy.response

    @asynccontextmanager
    async def stream_get(
        self,
        url: str,
        *,
        headers: Headers = None,
        trust: Sequence[str] | None = None,
        offset: int = 0,
        if_range: str = "",
        timeout: Seconds = None,
    ) -> AsyncIterator[Stream]:
        """Read a body piece by piece, from byte `offset` on while it is still the one `if_range` names.

        `headers` go to the URL's own origin only. `trust` replaces the client's own list. Opening is retried
        like `get`; the body is not. Raises `Unavailable` when no answer came or only 429 and 5xx.
        """
        client = self if trust is None else self.trusting(trust)
        # A range counts the bytes as they are sent: pieces of a packed body cannot be joined to a film.
        extra = {"Accept-Encoding": "identity"}
        if offset:
            extra |= {"Range": f"bytes={offset}-", **({"If-Range": if_range} if if_range else {})}
        ask = partial(client._open, url, None, headers, timeout, extra)
        try:
            response = await self._persist(url, timeout, ask)
        except Busy as busy:
            raise Unavailable(f"{place(url)} {busy}", retry_after=busy.wait) from None
        async with aclosing(response), aclosing(self._chunks(url, response)) as chunks:
            yield Stream(response.status_code, response.headers, chunks)

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str | None, bytes | str, str | None]] | None = None,
        content: bytes | None = None,
        headers: Headers = None,
        timeout: Seconds = None,
    ) -> Response:
        """Write, once. Raises `NotSent` or `OutcomeUnknown`."""
        return await self._write("POST", url, headers, timeout, json=json, data=data, files=files, content=content)

    async def put(
        self, url: str, *, json: Any = None, content: bytes | None = None, headers: Headers = None,
        timeout: Seconds = None,
    ) -> Response:  # fmt: skip
        """Write, once. Raises `NotSent` or `OutcomeUnknown`."""
        return await self._write("PUT", url, headers, timeout, json=json, content=content)

    async def delete(self, url: str, *, headers: Headers = None, timeout: Seconds = None) -> Response:
        """Delete, once. Raises `NotSent` or `OutcomeUnknown`."""
        return await self._write("DELETE", url, headers, timeout)

    async def _persist(self, url: str, timeout: Seconds, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat a read until it has an answer, within the deadline.

        Raises `Busy` with the last answer when all were 429 or 5xx, `Unavailable` when none came.
        """
        loop, where = asyncio.get_running_loop(), place(url)
        # A call that may take longer than the deadline gets one whole attempt.
        seconds = max(self._deadline, (timeout or 0) + CONNECT_SECONDS)
        ends, reasons = loop.time() + seconds, list[str]()

        def wait_for(error: Exception) -> bool | float:
            wait = error.wait if isinstance(error, Busy) else None
            again = isinstance(error, Busy | httpx.TransportError) and loop.time() + (wait or 0) < ends
            again = again and not self._will_last(error, url)
            reasons.append(self._why(error))
            return again if wait is None or not again else wait

        # Reads only: to repeat one changes nothing at the other side. stamina's own timeout does not end an attempt
        # that is under way; `asyncio.timeout` below does.
        retries = stamina.retry_context(
            on=wait_for, attempts=READ_ATTEMPTS, timeout=None, wait_initial=self._first_wait,
            wait_max=8.0, wait_jitter=self._first_wait,
        )  # fmt: skip
        try:
            async with asyncio.timeout(seconds):
                async for attempt in retries:
                    if reasons:
                        log.info("%s: %s; asking again (attempt %d)", where, reasons[-1], attempt.num)
                    with attempt:
                        return await ask()
        except TimeoutError as error:
            raise Unavailable(f"{where} did not answer within {seconds:g} s") from error
        except (httpx.HTTPError, RequestRefused) as error:
            raise Unavailable(f"{where} could not be read: {self._why(error)}") from error
        raise AssertionError("stamina leaves its loop only by an answer or an error")

    async def _read(self, url: str, params: Params, headers: Headers, timeout: Seconds) -> Response:
        return await self._whole(await self._open(url, params, headers, timeout, {}))

    async def _open(
        self, url: str, params: Params, headers: Headers, timeout: Seconds, extra: Mapping[str, str]
    ) -> httpx.Response:
        """Return the first answer that is not a redirect. `extra` headers go wherever it leads."""
        here = _parsed(url).copy_merge_params(params or {})
        for _ in range(HOPS + 1):
            response = await self._send("GET", here, {**(headers or {}), **extra}, timeout)
            # Read whole, since it is the answer of the call if every attempt ends so.
            if response.status_code == 429 or response.status_code >= 500:
                raise Busy(await self._whole(response))
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return response
            await response.aclose()
            onward = _parsed(response.headers["location"], here)
            if _origin(onward) != _origin(here):
                # What was meant for one site, such as a token, is none of another one's business.
                headers = None
            here = onward
        raise RequestRefused(f"it redirected more than {HOPS} times")

    async def _write(self, method: str, url: str, headers: Headers, timeout: Seconds, **body: Any) -> Response:
        asked = f"{method} {place(url)}"
        with watched() as seen:
            try:
                return await self._whole(await self._send(method, _parsed(url), headers, timeout, **body))
            except Exception as error:
                # With a byte on a socket, the request may have arrived and may be paid for, whatever the error
                # says. What a proxy has kept went no further.
                if seen.handed and not isinstance(error, NotPassedOn):
                    raise OutcomeUnknown(f"{asked} brought no clear answer: {self._why(error)}") from error
                lasting = self._will_last(error, url)
                raise NotSent(f"{asked} was not sent: {self._why(error)}", lasting=lasting) from error

    async def _whole(self, response: httpx.Response) -> Response:
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

    async def _send(
        self, method: str, url: httpx.URL, headers: Headers, timeout: Seconds, **body: Any
    ) -> httpx.Response:
        """Send one request, and return its answer with the body still to come."""
        # Taken from what httpx will connect to, so that two ways to read a URL cannot disagree.
        lane = self._lane(_origin(url), write=method != "GET")
        headers = dict(headers or {})
        check_headers(headers)
        content = body.get("content")
        if content:
            # httpx sends an iterator chunked unless it knows its length, and many stores take no chunked upload.
            headers["Content-Length"] = str(len(content))
            body["content"] = sliced(content)
        limits = httpx.Timeout(timeout or self._silence, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        try:
            request = self._client.build_request(
                method, url, headers=headers, timeout=limits, extensions={"lane": lane}, **body
            )
        except (httpx.InvalidURL, TypeError, ValueError) as error:
            raise RequestRefused("its body cannot be written down") from error
        response = await self._client.send(request, stream=True)
        await _check_passed_on(response, lane)
        self._answered.add(_origin(url))
        self._compare_clocks(url, response.headers)
        return response

    def _compare_clocks(self, url: httpx.URL, headers: Mapping[str, str]) -> None:
        """Say once of each server that its clock is not ours: due times and days of a budget go by ours."""
        differs = disagreement(headers, time())
        if differs and _origin(url) not in self._clocks_told:
            self._clocks_told.add(_origin(url))
            log.warning(
                "%s says another time: the clock of this machine is %s. Check which is right: budgets of a day or "
                "month go by this machine's clock",
                url.host,
                differs,
            )

    def _will_last(self, error: Exception, url: str) -> bool:
        """Return whether trying again soon would be in vain: the address is wrong, or nothing listens there."""
        if isinstance(error, RequestRefused):
            return True
        # A server that has answered before in this process may only be restarting.
        return is_lasting(error) and _origin(_parsed(url)) not in self._answered

    async def _chunks(self, url: str, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        try:
            async for chunk in response.aiter_raw():
                yield chunk
        except httpx.HTTPError as error:
            raise Interrupted(f"the connection to {place(url)} broke off: {self._why(error)}") from error

    def _lane(self, origin: Origin, *, write: bool) -> Lane:
        trusted = origin in self._trusted
        return Lane(trusted, write, self._proxies.for_origin(origin) if trusted else None)

    def _why(self, error: Exception) -> str:
        known = proxy_reason(error) or _WORDS.get(type(error)) or system_reason(error)
        words = known or str(error) or type(error).__name__
        return self._redactor.redact(words)


async def _check_passed_on(response: httpx.Response, lane: Lane) -> None:
    """Make sure that the answer is not a proxy's own. Raises `NotPassedOn`: the request went no further."""
    # A proxy's own 407 names a scheme to sign in with (RFC 9110, 15.5.8). Through a tunnel, 407 is the server's.
    forwarded = lane.proxy is not None and not lane.proxy.tunnel
    if forwarded and response.status_code == 407 and "proxy-authenticate" in response.headers:
        assert lane.proxy is not None
        await response.aclose()
        raise NotPassedOn(str(refused(lane.proxy, 407)))


def _parsed(url: str, base: httpx.URL | None = None) -> httpx.URL:
    try:
        return base.join(url) if base else httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise RequestRefused("the address cannot be read as a URL") from error


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in PORTS:
        raise RequestRefused(f"only http and https addresses are allowed, not {url.scheme or 'none'!r}")
    if not url.host:
        raise RequestRefused("the address names no host")
    # `host.` is `host`: with its dot it must not pass for another origin.
    return Origin(url.scheme, url.host.rstrip("."), url.port or PORTS[url.scheme])


def _origins(urls: Sequence[str]) -> frozenset[Origin]:
    try:
        return frozenset(_origin(_parsed(url)) for url in urls)
    except RequestRefused as error:
        raise InvalidInput(f"an address this machine should trust is wrong: {error}") from error
