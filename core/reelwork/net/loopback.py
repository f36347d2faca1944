"""A listener on this machine for the one request with which a browser brings the answer of a sign-in back."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable, Mapping
from typing import Self
from urllib.parse import parse_qsl, urlsplit

LARGEST_REQUEST = 16 * 1024
"""Bytes of a request's head that are read."""
REQUEST_SECONDS = 10.0
"""Seconds a browser is given to send its request once it has connected."""
LOCALHOST = "127.0.0.1"

Judge = Callable[[Mapping[str, str]], str]
"""Returns what is wrong with an answer, for the page in the browser; empty when it can be used."""

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Reelwork</title>
<body style="font: 18px sans-serif; margin: 4em auto; max-width: 32em"><h1>{title}</h1><p>{text}</p></body></html>
"""


class Listener:
    """Listens on 127.0.0.1 until an answer has come. Use it within `async with`."""

    def __init__(self, port: int = 0, path: str = "/") -> None:
        self._port, self._path = port, path or "/"
        self._server: asyncio.Server | None = None
        self._answer: asyncio.Future[Mapping[str, str]] | None = None
        self._judge: Judge = lambda _: ""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def open(self) -> None:
        """Listen from now on. Raises `OSError` when the port is taken."""
        self._answer = asyncio.get_running_loop().create_future()
        # Never a name: it could lead to an address that other machines reach.
        self._server = await asyncio.start_server(self._serve, LOCALHOST, self._port, limit=LARGEST_REQUEST)
        self._port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def address(self, host: str = LOCALHOST) -> str:
        """Return where the browser is to go."""
        return f"http://{host}:{self._port}{self._path}"

    async def answer(self, seconds: float, judge: Judge) -> Mapping[str, str]:
        """Wait for the answer, and return its parameters. Raises `TimeoutError`."""
        assert self._answer is not None
        self._judge = judge
        async with asyncio.timeout(seconds):
            return await self._answer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Browsers open connections that they do not use, and ask for an icon: neither is the answer.
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                answer = self._parameters(head)
                assert self._answer is not None
                if answer is None or self._answer.done():
                    writer.write(_response("404 Not Found", "Nothing is here", ""))
                    await writer.drain()
                    return
                problem = self._judge(answer)
                text = problem or "You can close this page and continue in the terminal."
                title = "The sign-in did not work" if problem else "Reelwork has the answer"
                writer.write(_response("400 Bad Request" if problem else "200 OK", title, text))
                try:
                    # First the page, then the end: the server closes as soon as the answer is known.
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
                finally:
                    # A browser that did not wait for its page has brought the answer all the same.
                    if not self._answer.done():
                        self._answer.set_result(answer)
        # `urlsplit` raises a `ValueError` for a target such as `//[`.
        except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _parameters(self, head: bytes) -> Mapping[str, str] | None:
        """Return the parameters of a request for our address; None for any other."""
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        target = urlsplit(rest.rpartition(" ")[0])
        found = dict(parse_qsl(target.query))
        is_answer = method == "GET" and target.path == self._path and ("code" in found or "error" in found)
        return found if is_answer else None


def _response(status: str, title: str, text: str) -> bytes:
    page = _PAGE.format(title=html.escape(title), text=html.escape(text)).encode()
    # The address holds the code: it must not be kept, nor told to another page.
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; "
        "style-src 'unsafe-inline'\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + page
