"""A server of the Videos protocol that does everything right, until a test tells it what to do instead."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """What a create asks for, from JSON or a form."""
        kind = self.headers.get("content-type", "")
        if "json" in kind:
            return dict(json.loads(self.body))
        form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        return {str(name): part.get_payload(decode=True).decode("utf-8", "replace") for name, part in parts.items()}  # type: ignore[union-attr]


@dataclass(frozen=True)
class Answer:
    """What is sent back. `body` is JSON unless it is bytes; `lost` closes the connection without an answer."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False


LOST = Answer(lost=True)
Handler = Callable[["VideoServer", Asked], Answer]


class VideoServer:
    """Listens on 127.0.0.1. Replace `create`, `listing`, `show`, `content` or `other` to make it misbehave.

    `jobs` holds what was accepted and would be charged, oldest first; `requests` everything that arrived.
    """

    def __init__(self, clip: bytes, *, tls: ssl.SSLContext | None = None, **instead: Handler) -> None:
        self.clip, self.instead = clip, dict(instead)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[Asked] = []
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.origin = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def creates(self) -> int:
        """How many creates arrived, accepted or not."""
        return sum(asked.method == "POST" and asked.path == "/v1/videos" for asked in self.requests)

    def accept(self, asked: Asked, **changes: Any) -> dict[str, Any]:
        """Take a create on: from here on it is charged."""
        fields = asked.fields
        with self.lock:
            job = {
                "id": f"video_{len(self.jobs) + 1:04d}",
                "object": "video",
                "status": "completed",
                "progress": 100,
                "created_at": int(time.time()),
                "model": fields.get("model"),
                "prompt": fields.get("prompt"),
                "seconds": str(fields.get("seconds", 4)),
                "size": fields.get("size"),
                **changes,
            }
            self.jobs[str(job["id"])] = job
            return job

    def answer(self, asked: Asked) -> Answer:
        """The answer to one request."""
        name = self._name_of(asked)
        return self.instead.get(name, _RIGHT[name])(self, asked)

    @staticmethod
    def _name_of(asked: Asked) -> str:
        if asked.path == "/v1/videos":
            return {"POST": "create", "GET": "listing"}.get(asked.method, "other")
        if asked.method == "GET" and re.fullmatch(r"/v1/videos/.+/content", asked.path):
            return "content"
        return "show" if asked.method == "GET" and re.fullmatch(r"/v1/videos/[^/]+", asked.path) else "other"


def create(server: VideoServer, asked: Asked) -> Answer:
    """Accept it and say so."""
    return Answer(server.accept(asked))


def listing(server: VideoServer, asked: Asked) -> Answer:
    """All there is, newest first."""
    return Answer({"object": "list", "data": list(reversed(server.jobs.values())), "has_more": False})


def show(server: VideoServer, asked: Asked) -> Answer:
    """One job."""
    job = server.jobs.get(unquote(asked.path.rsplit("/", 1)[1]))
    return Answer(job) if job else Answer({"error": {"message": "no such video"}}, 404)


def content(server: VideoServer, asked: Asked) -> Answer:
    """The film."""
    return Answer(server.clip, headers={"Content-Type": "video/mp4"})


def other(server: VideoServer, asked: Asked) -> Answer:
    """Nothing is here."""
    return Answer({"error": {"message": "not found"}}, 404)


_RIGHT: Mapping[str, Handler] = {
    "create": create,
    "listing": listing,
    "show": show,
    "content": content,
    "other": other,
}


def _handler(server: VideoServer) -> type[BaseHTTPRequestHandler]:
    class Handling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def _any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path.rstrip("/"), query, headers, body)
            with server.lock:
                server.requests.append(asked)
            answer = server.answer(asked)
            if answer.lost:
                self.close_connection = True
                return
            raw = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            sent = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **answer.headers}
            self.send_response(answer.status)
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815

    return Handling
