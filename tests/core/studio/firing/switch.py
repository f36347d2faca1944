"""A little HTTP server that stands for a dead man's switch, and notes what it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PATIENCE = 60.0
UUID = "5d2b8a1c-9b0e-4f4f-8a55-0c7d2f1e6b3a"


@dataclass
class Switch:
    """What was told, as (method, path, body), and the statuses that are answered next; then 200."""

    port: int
    told: list[tuple[str, str, str]] = field(default_factory=list)
    rids: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    location: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ping/{UUID}"

    @property
    def signals(self) -> list[str]:
        return [path.removeprefix(f"/ping/{UUID}") for _, path, _ in self.told]

    def wait_for(self, count: int) -> list[str]:
        ends = time.monotonic() + PATIENCE
        while len(self.told) < count and time.monotonic() < ends:
            time.sleep(0.02)
        return self.signals


@contextmanager
def running_switch() -> Iterator[Switch]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            made.told.append((self.command, parts.path, self.rfile.read(length).decode()))
            made.rids.extend(parse_qs(parts.query).get("rid", []))
            self.send_response(made.answers.pop(0) if made.answers else 200)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"OK")

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Switch(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
