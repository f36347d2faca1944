from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from reelwork.net.client import Http
from reelwork.plugins.context import PluginContext
from reelwork.redaction.redactor import Redactor
from reelwork_hooks import Effect, RenderRef, RenderRequest, Spec
from reelwork_plugins.providers.videos_api.config import VideosApiConfig
from reelwork_plugins.providers.videos_api.provider import VideosApi

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What the recorded server says. `drop` closes the connection after reading the request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False

    @classmethod
    def of(cls, data: object, status: int = 200, **headers: str) -> Answer:
        kind = {"Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(data).encode(), kind | named)

    @classmethod
    def html(cls, status: int = 200) -> Answer:
        return cls(status, b"<!DOCTYPE html><h1>Bad gateway</h1>", {"Content-Type": "text/html"})


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class ManyAtOnce(ThreadingHTTPServer):
    request_queue_size = 64


class Recorded:
    """A server on 127.0.0.1 that gives recorded answers, the last of them again and again."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.asked: list[Asked] = []
        self._server = ManyAtOnce(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def says(self, route: str, *answers: Answer) -> None:
        method, _, path = route.partition(" ")
        self.answers[method, path] = list(answers)

    def count(self, route: str) -> int:
        method, _, path = route.partition(" ")
        return sum(1 for asked in self.asked if (asked.method, asked.path) == (method, path))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorded = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorded.asked.append(Asked(self.command, parts.path, query, headers, body))
                scripted = recorded.answers.get((self.command, parts.path), [Answer(404)])
                answer = scripted.pop(0) if len(scripted) > 1 else scripted[0]
                self.close_connection = True
                if answer.drop:
                    return
                self.send_response_only(answer.status)
                standard = {"Content-Length": str(len(answer.body)), "Date": self.date_time_string()}
                for name, value in {**standard, **answer.headers}.items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_DELETE = reply  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return

        return Handler


class Bench:
    """A provider on the bench: `run` gives it an event loop and a client for as long as one call takes."""

    def __init__(self, folder: Path, base_url: str, **settings: Any) -> None:
        self.config = VideosApiConfig.model_validate({"base_url": base_url, **settings})
        self.folder = folder
        self.notes: dict[str, Any] = {}

    def run(self, act: Callable[[VideosApi], Coroutine[Any, Any, T]]) -> T:
        async def within() -> T:
            redactor = Redactor()
            http = Http(first_wait=0.01, deadline=5, redactor=redactor)
            context = PluginContext(
                "video-server", work_dir=self.folder / "work", output_dir=self.folder / "out",
                base_dir=self.folder, http_factory=lambda trust: http.trusting(trust), redactor=redactor,
            )  # fmt: skip
            try:
                return await act(VideosApi(self.config, context))
            finally:
                await http.aclose()

        return asyncio.run(within())

    def effect(self, **changes: Any) -> Effect:
        started = changes.pop("started_at", datetime.now(UTC).timestamp())
        evidence = changes.pop("evidence", dict(self.notes))
        return Effect("effect-key-1", evidence=evidence, started_at=started, on_note=self.notes.update, **changes)


@pytest.fixture
def server() -> Iterator[Recorded]:
    recorded = Recorded()
    yield recorded
    recorded.close()


@pytest.fixture
def bench(tmp_path: Path, server: Recorded, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    monkeypatch.setenv("KEY", "sk-test-1")

    def build(**settings: Any) -> Bench:
        return Bench(tmp_path, server.url, **settings)

    return build


@pytest.fixture
def request_for() -> Callable[..., RenderRequest]:
    def build(prompt: str = "a red kite over the sea", **changes: Any) -> RenderRequest:
        spec = {
            "width": 1280, "height": 720, "aspect_ratio": "16:9", "resolution": "720p", "duration": 4.0,
            **changes.pop("spec", {}),
        }  # fmt: skip
        return RenderRequest(prompt=prompt, spec=Spec.model_validate(spec), **changes)

    return build


@pytest.fixture
def ref_for(request_for: Callable[..., RenderRequest]) -> Callable[..., RenderRef]:
    def build(remote_id: str, **details: Any) -> RenderRef:
        return RenderRef(
            remote_id=remote_id, details=details, request=request_for(), submitted_at=datetime.now(UTC)
        )

    return build


def multipart_fields(asked: Asked) -> dict[str, tuple[str, str]]:
    """Name → (headers, text) of each part."""
    boundary = asked.headers["content-type"].partition("boundary=")[2]
    fields: dict[str, tuple[str, str]] = defaultdict(lambda: ("", ""))
    for part in asked.body.split(f"--{boundary}".encode())[1:-1]:
        head, _, text = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = head.decode().split('name="', 1)[1].split('"', 1)[0]
        fields[name] = (head.decode(), text.decode("utf-8", "replace"))
    return dict(fields)


@pytest.fixture
def fields_of() -> Callable[[Asked], dict[str, tuple[str, str]]]:
    return multipart_fields


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


@pytest.fixture
def bench_at() -> type[Bench]:
    return Bench
