"""A clock of this machine that a server's answers contradict is said, once for each server."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any

import pytest

from reelwork.net.client import Http
from reelwork.net.server_time import disagreement

NOW = 1_795_900_000.0


class Clock(BaseHTTPRequestHandler):
    off = 0.0

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate((time() if timestamp is None else timestamp) + self.off, usegmt=True)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Off", (Clock,), {"off": request.param})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (3 * 3600.0, ["the clock of this machine is 3 h behind it"]),
        (-1800.0, ["the clock of this machine is 30 min ahead of it"]),
        (240.0, []),
    ],
    indirect=["url"],
)
def test_a_clock_that_disagrees_is_said_once(url: str, told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    async def twice() -> None:
        http = Http(trust=[url])
        try:
            await http.get(url)
            await http.trusting([url]).get(url)
        finally:
            await http.aclose()

    with caplog.at_level(logging.WARNING, logger="reelwork.http"):
        asyncio.run(twice())
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(told)
    assert all(words in line for words, line in zip(told, said, strict=True))


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, ""),
        ({"date": "yesterday"}, ""),
        ({"date": "Thu, 99 Foo 20266 00:00:00 GMT"}, ""),
        ({"date": formatdate(NOW - 7200, usegmt=True), "age": "7200"}, ""),
        ({"date": formatdate(NOW - 7200, usegmt=True), "age": "0"}, "2 h ahead of it"),
        ({"date": formatdate(NOW + 3 * 86_400)}, "3 days behind it"),
    ],
)
def test_only_what_a_server_itself_says_now_counts(headers: dict[str, str], says: str) -> None:
    assert disagreement(headers, NOW) == says
