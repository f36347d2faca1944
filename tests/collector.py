"""A collector of traces on this machine: takes OTLP over HTTP, and reads it with the official classes."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Got:
    """A span as it arrived."""

    name: str
    trace: str
    id: str
    parent: str
    began: int
    ended: int
    facts: dict[str, Any]
    failed: bool
    kind: int
    links: tuple[str, ...]
    events: tuple[tuple[str, dict[str, Any]], ...]
    service: dict[str, Any]


@dataclass
class Collector:
    """Keeps what it is sent."""

    url: str = ""
    status: int = 200
    silence: float = 0.0
    """Seconds until it answers."""
    spans: list[Got] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        """Keep the spans of a request."""
        self.raw.append(body)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _facts(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += [_got(span, service) for span in scope.spans]

    def named(self, name: str) -> list[Got]:
        """Return the spans of this name, oldest first."""
        return sorted((one for one in self.spans if one.name == name), key=lambda one: one.began)

    def wait_for(self, name: str, seconds: float = 60.0) -> None:
        """Wait until a span of this name has arrived."""
        end = time.monotonic() + seconds
        while not self.named(name):
            assert time.monotonic() < end, [one.name for one in self.spans]
            time.sleep(0.02)


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            time.sleep(kept.silence)
            kept.headers.append({name.lower(): value for name, value in self.headers.items()})
            if kept.status == 200:
                kept.take(body)
            self.send_response(kept.status)
            self.send_header("Content-Type", "application/x-protobuf")
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _got(span: Any, service: dict[str, Any]) -> Got:
    return Got(
        name=span.name, trace=span.trace_id.hex(), id=span.span_id.hex(), parent=span.parent_span_id.hex(),
        began=span.start_time_unix_nano, ended=span.end_time_unix_nano, facts=_facts(span.attributes),
        failed=span.status.code == 2, kind=span.kind, links=tuple(link.span_id.hex() for link in span.links),
        events=tuple((event.name, _facts(event.attributes)) for event in span.events), service=service,
    )  # fmt: skip


def _facts(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
