"""Recorded HTTP: a real server on 127.0.0.1 that plays exchanges from a file and keeps what it was asked.

A recording is a JSON file (or YAML, where PyYAML is installed) with a list of exchanges::

    [{"request":  {"method": "POST", "path": "/posts", "json": {"text": "Dawn"}},
      "response": {"status": 201, "json": {"id": "p1", "url": "{base_url}/p1"}}}]

A request is answered by the first exchange that fits it and is not used up. `{base_url}` in a response stands for
the server's own address. A request that fits none is answered 418, and fails the test at its end.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from reelwork.testing.recordings import Asked, Exchange, Response, exchanges_from, read_recording

# No client repeats a request because of it, as it may after a 429 or a 5xx.
UNEXPECTED = 418
"""The status of an answer to a request that is not recorded."""


@dataclass
class _Remaining:
    """An exchange and how often it was played."""

    exchange: Exchange
    folder: Path
    played: int = 0

    @property
    def open(self) -> bool:
        return self.exchange.times is None or self.played < self.exchange.times


@dataclass
class RecordedHttp:
    """The server. Use it as a context manager, or the fixture `recorded_http`."""

    asked: list[Asked] = field(default_factory=list)
    """Every request that arrived, in order."""
    unexpected: list[str] = field(default_factory=list)
    """The requests that fit no recorded one, each with why."""
    folder: Path = field(default_factory=Path)
    """The folder of recordings that are named by a relative path."""
    _left: list[_Remaining] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.recorded = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # `shutdown` waits for the next turn of `serve_forever`: half a second by default, in every test.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> RecordedHttp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self.check()

    def play(self, recording: str | Path | Sequence[Mapping[str, Any]]) -> RecordedHttp:
        """Add exchanges to play: a file's, or those given. Raises `InvalidInput`."""
        where, folder, data = "the recording", self.folder, recording
        if isinstance(recording, str | Path):
            path = self.folder / recording
            where, folder, data = str(path), path.parent, read_recording(path)
        exchanges = exchanges_from(data, where)
        with self._lock:
            self._left += [_Remaining(exchange, folder) for exchange in exchanges]
        return self

    def check(self) -> None:
        """Raise `AssertionError` when something unexpected was asked, or something recorded was not."""
        problems = [f"not recorded: {text}" for text in self.unexpected]
        problems += [
            f"recorded and not asked: {left.exchange.request.method.upper()} {left.exchange.request.path}"
            for left in self._left
            if left.exchange.times is not None and left.open
        ]
        if problems:
            raise AssertionError("recorded HTTP:\n  " + "\n  ".join(problems))

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, asked: Asked) -> tuple[Response, Path]:
        """Note a request, and return its answer and the folder its file is in."""
        with self._lock:
            self.asked.append(asked)
            open_ = [left for left in self._left if left.open]
            # In the order of the recording: the same request may be answered otherwise the second time.
            for left in open_:
                if not left.exchange.request.misfit(asked):
                    left.played += 1
                    return left.exchange.response, left.folder
            text = _unexpected(asked, open_)
            self.unexpected.append(text)
        return Response(status=UNEXPECTED, text=f"Not recorded: {text}\n"), self.folder


def _unexpected(asked: Asked, open_: Sequence[_Remaining]) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.query.items())
    shown = f"{asked.method} {asked.path}{f'?{query}' if query else ''}"
    near = [left.exchange.request for left in open_ if left.exchange.request.path == asked.path]
    if near:
        return f"{shown} (near, but {near[0].misfit(asked)})"
    rest = ", ".join(f"{left.exchange.request.method} {left.exchange.request.path}" for left in open_)
    return f"{shown} (left to play: {rest or 'nothing'})"


class _Server(ThreadingHTTPServer):
    recorded: RecordedHttp
    # A handler that waits for a client's next request must not keep the test from ending.
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
        )
        recorded = cast(_Server, self.server).recorded
        response, folder = recorded.answer(asked)
        # One request for each connection: a client's next one is never lost on a connection that is closing.
        self.close_connection = True
        if response.close:
            return
        body, kind = response.body(folder, recorded.url)
        headers = {
            "Content-Type": kind,
            "Connection": "close",
            **response.headers,
            # After the recorded headers: a body may have been edited, and a wrong length would hang the client.
            "Content-Length": str(len(body)),
        }
        self.send_response(response.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve  # noqa: N815 (the server's own names)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Log nothing: the requests are stored."""
