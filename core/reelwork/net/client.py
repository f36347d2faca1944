"""The only way out to the network: time limits, retries of reads, writes once, and rules on addresses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from math import inf
from sys import maxsize
from typing import Any, TypeVar

import httpx
import stamina

from reelwork.net.addresses import RequestRefused, place
from reelwork.net.at_hand import ONCE, CallAtHand, call_at_hand
from reelwork.net.body import BodyUnfit, Unpacking
from reelwork.net.call import Call, Params
from reelwork.net.connections import watched
from reelwork.net.messages import Busy, Response, Stream
from reelwork.net.proxies import NotPassedOn
from reelwork.net.sender import (
    CONNECT_SECONDS,
    SILENCE_SECONDS,
    Headers,
    Interrupted,
    Seconds,
    Sender,
    origin_of,
    parsed,
)
from reelwork.redaction.redactor import Redactor
from reelwork_hooks.errors import NotSent, OutcomeUnknown, PluginInvalid, ReelworkError, Unavailable
from reelwork_hooks.http import HttpBody, HttpFiles, HttpProgress

__all__ = ["Http", "Interrupted"]

READ_SECONDS = 150.0
"""All attempts at one read together, with the waits between them."""
READ_ATTEMPTS = 4
MOST_REDIRECTS = 5
"""Of one read, a download too."""

T = TypeVar("T")
log = logging.getLogger("reelwork.http")
# Without a handler of its own, stamina's notes on retries would be printed on the terminal as bare warnings.
logging.getLogger("stamina").addHandler(logging.NullHandler())

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNPACKED = {"Accept-Encoding": "identity"}


class Http(Sender):
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
        super().__init__(trust=trust, redactor=redactor, silence=silence)
        self._first_wait, self._deadline = first_wait, deadline

    async def request(self, method: str, url: str, *, repeatable: bool = False, **given: Any) -> Response:
        """Send a request: a read as `get` does, a write once unless it is `repeatable`."""
        call = Call(method.upper(), url, **given)
        if call.is_read:
            return await self._answer(call, partial(self._read, call))
        return await (self._repeated(call) if repeatable else self._write(call))

    async def get(
        self, url: str, *, params: Params = None, headers: Headers = None, timeout: Seconds = None
    ) -> Response:
        """Read, up to four times. Raises `Unavailable` when no attempt brought an answer."""
        return await self.request("GET", url, params=params, headers=headers, timeout=timeout)

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        files: HttpFiles | None = None,
        content: HttpBody | None = None,
        headers: Headers = None,
        timeout: Seconds = None,
        progress: HttpProgress | None = None,
        repeatable: bool = False,
    ) -> Response:
        """Write, once unless it is `repeatable`. Raises `NotSent` or `OutcomeUnknown`."""
        return await self.request(
            "POST", url, json=json, data=data, files=files, content=content, headers=headers, timeout=timeout,
            progress=progress, repeatable=repeatable,
        )  # fmt: skip

    async def put(
        self,
        url: str,
        *,
        json: Any = None,
        content: HttpBody | None = None,
        headers: Headers = None,
        timeout: Seconds = None,
        progress: HttpProgress | None = None,
        repeatable: bool = False,
    ) -> Response:
        """Write, once unless it is `repeatable`. Raises `NotSent` or `OutcomeUnknown`."""
        return await self.request(
            "PUT", url, json=json, content=content, headers=headers, timeout=timeout, progress=progress,
            repeatable=repeatable,
        )  # fmt: skip

    async def delete(self, url: str, *, headers: Headers = None, timeout: Seconds = None) -> Response:
        """Delete, once. Raises `NotSent` or `OutcomeUnknown`."""
        return await self.request("DELETE", url, headers=headers, timeout=timeout)

    @asynccontextmanager
    async def stream(self, method: str, url: str, **given: Any) -> AsyncIterator[Stream]:
        """Send a request, and return its answer with the body still to come.

        Opening a read is retried like `get`, a write is sent once; the body is read once.
        """
        call = Call(method.upper(), url, **given)
        extra = {} if call.header("accept-encoding") else _UNPACKED
        answer: Response | httpx.Response
        if call.is_read:
            answer = await self._answer(call, partial(self._open, call, extra))
        else:
            with self._judged(call):
                answer = await self._send_once(call, extra)
        if isinstance(answer, Response):
            yield Stream(answer.status_code, answer.headers, _at_once(answer.content))
            return
        async with aclosing(answer), aclosing(self._unpacked(call, answer)) as chunks:
            yield Stream(answer.status_code, answer.headers, chunks)

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
        call = Call("GET", url, headers=headers, timeout=timeout)
        # A range counts the bytes as they are sent: pieces of a packed body cannot be joined to a film.
        extra = dict(_UNPACKED)
        if offset:
            extra |= {"Range": f"bytes={offset}-", **({"If-Range": if_range} if if_range else {})}
        try:
            response = await self._persist(call, partial(client._open, call, extra))
        except Busy as busy:
            raise Unavailable(f"{place(url)} {busy}", retry_after=busy.wait) from None
        async with aclosing(response), aclosing(self.chunks(url, response)) as chunks:
            yield Stream(response.status_code, response.headers, chunks)

    async def _answer(self, call: Call, ask: Callable[[], Awaitable[T]]) -> T | Response:
        try:
            return await self._persist(call, ask)
        except Busy as busy:
            return busy.response

    async def _persist(self, call: Call, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat what may be repeated until it has an answer: a read within the deadline.

        Raises `Busy` with the last answer when all were 429 or 5xx, `Unavailable` when none came.
        """
        loop, where = asyncio.get_running_loop(), place(call.url)
        # A call that may take longer than the deadline gets one whole attempt. An upload takes as long as it takes:
        # each of its pieces has a limit, and so has the hook it is sent in.
        seconds = max(self._deadline, (call.timeout or 0) + CONNECT_SECONDS) if call.is_read else None
        ends, reasons = loop.time() + (seconds or inf), list[str]()

        def wait_for(error: Exception) -> bool | float:
            wait = error.wait if isinstance(error, Busy) else None
            again = isinstance(error, Busy | httpx.TransportError) and loop.time() + (wait or 0) < ends
            again = again and not self.will_last(error, call.url)
            reasons.append(self.why(error))
            return again if wait is None or not again else wait

        # stamina's own timeout does not end an attempt that is under way; `asyncio.timeout` below does.
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
            raise Unavailable(f"{where} did not answer within {seconds or 0:g} s") from error
        except (httpx.HTTPError, RequestRefused) as error:
            failed = f"{where} could not be {_missed(error)}" if call.is_read else f"{call} did not succeed"
            raise Unavailable(f"{failed}: {self.why(error)}") from error
        raise AssertionError("stamina leaves its loop only by an answer or an error")

    async def _read(self, call: Call) -> Response:
        return await self.whole(await self._open(call, {}))

    async def _open(self, call: Call, extra: Mapping[str, str]) -> httpx.Response:
        """Return the first answer that is not a redirect. `extra` headers go wherever it leads."""
        here, headers = call.where(), call.headers
        if call.body() is not None:
            raise RequestRefused(f"a request with {call.method} has no body")
        for _ in range(MOST_REDIRECTS + 1):
            response = await self.send(call.method, here, {**(headers or {}), **extra}, call.timeout)
            # Read whole, since it is the answer of the call if every attempt ends so.
            if response.status_code == 429 or response.status_code >= 500:
                raise Busy(await self.whole(response))
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return response
            await response.aclose()
            onward = parsed(response.headers["location"], here)
            if origin_of(onward) != origin_of(here):
                # What was meant for one site, such as a token, is none of another one's business.
                headers = None
            here = onward
        raise RequestRefused(f"it redirected more than {MOST_REDIRECTS} times")

    async def _send_once(self, call: Call, extra: Mapping[str, str]) -> httpx.Response:
        given = {**(call.headers or {}), **extra}
        if not call.is_read and (at_hand := call_at_hand.get()) is not None:
            at_hand.writes += 1
        return await self.send(call.method, call.where(), given, self.patience(call), call.body(), call.progress)

    def patience(self, call: Call) -> Seconds:
        """Return the seconds for which the other side of a write may stay silent; None for the usual."""
        return call.timeout

    async def _write(self, call: Call) -> Response:
        with self._judged(call):
            return await self.whole(await self._send_once(call, {}))

    async def _repeated(self, call: Call) -> Response:
        """Write, up to four times. Raises `Unavailable` when no attempt brought an answer."""
        at_hand = call_at_hand.get()
        if at_hand is not None and at_hand.hook in ONCE:
            raise _not_repeatable(call, at_hand)

        async def ask() -> Response:
            body = call.body()
            if body is not None and body.once:
                raise RequestRefused("an iterator cannot be sent again; give bytes, a Path or a FileSlice")
            response = await self.whole(await self._send_once(call, {}))
            if response.status_code == 429 or response.status_code >= 500:
                raise Busy(response)
            return response

        return await self._answer(call, ask)

    @contextmanager
    def _judged(self, call: Call) -> Iterator[None]:
        """Tell what a failure says of the one write within. Raises `NotSent` or `OutcomeUnknown`."""
        with watched() as seen:
            try:
                yield
            except Exception as error:
                # With a byte on a socket, the request may have arrived and may be paid for, whatever the error
                # says. What a proxy has kept went no further.
                if seen.handed and not isinstance(error, NotPassedOn):
                    raise OutcomeUnknown(f"{call} brought no clear answer: {self.why(error)}") from error
                lasting = self.will_last(error, call.url)
                raise NotSent(f"{call} was not sent: {self.why(error)}", lasting=lasting) from error

    async def _unpacked(self, call: Call, answer: httpx.Response) -> AsyncGenerator[bytes, None]:
        try:
            # Some servers pack an answer though asked not to.
            unpacking = Unpacking(answer.headers.get("content-encoding", ""), maxsize)
            async for piece in unpacking.each(answer.aiter_raw()):
                yield piece
        except (httpx.HTTPError, BodyUnfit) as error:
            problem = f"the answer to {call} broke off: {self.why(error)}"
            raise (Interrupted if call.is_read else OutcomeUnknown)(problem) from error


def _missed(error: Exception) -> str:
    """Return the word for what could not be done: some errors come before anything is read."""
    return "reached" if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | NotPassedOn) else "read"


def _not_repeatable(call: Call, at_hand: CallAtHand) -> ReelworkError:
    told = f"{call}: repeatable=True is not for {at_hand.hook}, where each request may cost money or post."
    hint = "Leave it out, or do this step in prepare or prepare_publish."
    # A write before it may have been carried out: then nobody knows, and the ledger settles it.
    if at_hand.writes:
        return PluginInvalid(told, money="This request was not sent.", hint=hint)
    problem = f"The {at_hand.callee}: {told}" if at_hand.callee else told
    # An author's mistake, which is made each time: waiting does not help, and a mended plugin may send.
    return NotSent(problem, lasting=True, money="Nothing was sent.", hint=hint)


async def _at_once(content: bytes) -> AsyncIterator[bytes]:
    yield content
