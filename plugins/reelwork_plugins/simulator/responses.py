"""Answers that misbehave: late, cut short, endless, or none at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

# ASGI does not give an application its connection, which is needed to close it without an answer. `server` does.
TRANSPORT = "reelwork-transport"
"""The key of the connection in the request's state."""
_CHUNK = bytes(64 * 1024)


class Dropped(Response):
    """No answer: the connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close it at once, whatever is still unsent."""
        _transport(scope).abort()
        await _gone(receive)


class Late(Response):
    """An answer that comes after some seconds."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__()
        self._answer = answer
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then answer."""
        await asyncio.sleep(self._seconds)
        await self._answer(scope, receive, send)


class Truncated(Response):
    """Half of another answer's body, then the connection is closed."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first half."""
        left: int | None = None

        async def send_half(message: Message) -> None:
            nonlocal left
            if message["type"] == "http.response.start":
                length = dict(message["headers"]).get(b"content-length", b"0")
                left = int(length) // 2
                await send(message)
            elif left:
                piece = message.get("body", b"")[:left]
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})

        await self._answer(scope, receive, send_half)
        # Closing, unlike aborting, lets what was sent arrive.
        _transport(scope).close()
        await _gone(receive)


def endless(path: Path) -> Response:
    """Return a file, and then zeros until the other side hangs up."""

    async def body() -> AsyncIterator[bytes]:
        yield await asyncio.to_thread(path.read_bytes)
        while True:
            yield _CHUNK
            # Writing to a fast reader never waits: other requests must have their turn.
            await asyncio.sleep(0)

    return StreamingResponse(body(), media_type="video/mp4")


def web_page() -> Response:
    """Return the page that a proxy or a login wall sends instead of JSON."""
    page = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"
    return Response(page, media_type="text/html")


def _transport(scope: Scope) -> asyncio.Transport:
    transport = scope.get("state", {}).get(TRANSPORT)
    if not isinstance(transport, asyncio.Transport):
        raise RuntimeError("connections can be dropped only by the simulator's own server: use run_simulator")
    return transport


async def _gone(receive: Receive) -> None:
    with suppress(asyncio.TimeoutError):
        async with asyncio.timeout(5):
            while (await receive())["type"] != "http.disconnect":
                pass
