from __future__ import annotations

import json
import socket
import threading
import time
import webbrowser
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests.plugins.simulator.person import Person

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN

CANNED = SimulatorSettings(canned=True, render_seconds=0)


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[RunningSimulator]:
    """A simulator of the module's `SETTINGS`; without them a canned one whose renders are done at once."""
    with run_simulator(getattr(request.module, "SETTINGS", CANNED)) as running:
        yield running


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[httpx.Client]:
    """A client of the simulator, signed in at a network."""
    is_network = simulator.simulation.settings.network is not None
    head = {"authorization": f"Bearer {OPEN_TOKEN}"} if is_network else {}
    with httpx.Client(base_url=simulator.base_url, headers=head, timeout=20) as client:
        yield client


def create_unanswered(address: str, prompt: str, until: Callable[[], object]) -> None:
    """Send a create, and hang up once something is seen of it: how long that takes is the machine's affair."""
    body, host = json.dumps({"prompt": prompt}), urlsplit(address)
    head = f"POST /v1/videos HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json"
    with socket.create_connection(("127.0.0.1", host.port or 0)) as wire:
        wire.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        ends = time.monotonic() + 60
        while not until():
            assert time.monotonic() < ends, "nothing is seen of the create"
            time.sleep(0.01)
        wire.setblocking(False)
        with suppress(BlockingIOError, ConnectionResetError):
            assert wire.recv(1) == b"", "the create was answered"


def accepted(entries: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a request of these made something."""
    return any(entry["job_id"] for entry in entries)


class Receiver:
    """A webhook endpoint that keeps what it gets, and answers with the statuses it is told, then 200."""

    def __init__(self) -> None:
        self.events: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self._arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
                with receiver._arrived:
                    receiver.events.append(({name.lower(): value for name, value in self.headers.items()}, body))
                    receiver._arrived.notify_all()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?from=test"

    def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.events) >= count, timeout=20), self.events
            return list(self.events)

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.events]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    made = Person(tmp_path, ThreadPoolExecutor(1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(tmp_path / "accounts.json"))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", made.visits)
    yield made
    made.browser.shutdown()
