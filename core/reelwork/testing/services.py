"""A small service of a test's own: a function that answers requests, behind a real server on 127.0.0.1."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from reelwork.testing.recordings import Asked

Answering = Callable[[Asked], tuple[int, Any] | tuple[int, Any, Mapping[str, str]]]
"""Answers a request with a status, a body (bytes as they are, anything else as JSON), and headers if it has any."""


@contextmanager
def serving(answer: Answering) -> Iterator[str]:
    """Serve with `answer`, one request at a time, as long as the block lasts. Yields the address.

    Bytes are sent as a video, anything else as JSON, unless the answer's headers say another type. A request of
    which only a part arrived is none.
    """
    handler = type("Handler", (_Handler,), {"answering": staticmethod(answer), "lock": threading.Lock()})
    server = _Server(("127.0.0.1", 0), handler)
    # `shutdown` waits for the next turn of `serve_forever`: half a second by default, in every test.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # socketserver queues five connections: with more at once, some would be refused.
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answering: Answering
    lock: threading.Lock

    def _serve(self) -> None:
        self.close_connection = True
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        # The sender was killed: half a request is none, and is not answered.
        if len(body) < length:
            return
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        # One at a time, so that a test's function needs no lock of its own.
        with self.lock:
            status, said, *more = self.answering(Asked(self.command, parts.path, query, headers, body))
        kind = "video/mp4" if isinstance(said, bytes) else "application/json"
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        own = {name.title(): value for name, value in more[0].items()} if more else {}
        self.send_response(status)
        # Our own length and end last: a wrong length would hang the client.
        for name, value in {
            "Content-Type": kind, **own, "Content-Length": len(content), "Connection": "close",
        }.items():  # fmt: skip
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 (the server's own names)
    do_MKCOL = do_MOVE = do_COPY = do_PROPFIND = _serve  # noqa: N815 (of WebDAV, RFC 4918)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""
