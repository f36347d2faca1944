"""The tutorial's webhook: renders are looked at, so an event that is forged, doubled or lost changes nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

PROMPT = "A lighthouse above a calm sea at dawn"
KEY = base64.b64encode(b"a key that both sides know").decode()


class Receiver:
    """An endpoint of one's own, which keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.events.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Keep the terminal quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/sora"

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.events) < count:
            assert time.monotonic() < deadline, self.events
            time.sleep(0.01)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


def genuine(headers: dict[str, str], body: bytes) -> bool:
    """What a receiver checks: over the bytes as they came, in constant time, and not long ago."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed, hashlib.sha256)).decode()
    recent = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return recent and hmac.compare_digest(headers["webhook-signature"], f"v1,{expected}")


@pytest.mark.parametrize(
    ("fault", "events"),
    [((), 1), (("webhook:duplicate",), 2), (("webhook:forged",), 2), (("webhook:lost",), 0)],
    ids=["sent", "doubled", "forged", "lost"],
)
def test_the_video_is_made_once_whatever_becomes_of_the_event(
    start: Any, cli: Any, receiver: Receiver, fault: tuple[str, ...], events: int
) -> None:
    simulator = start(webhook=receiver.url, webhook_secret=f"whsec_{KEY}", faults=fault)
    done = cli("run", PROMPT, "--duration", "4", "--json")
    assert [job["status"] for job in done.json["jobs"]] == ["done"]
    receiver.wait_for(events)
    assert len(receiver.events) == events
    assert len(simulator.requests("/v1/videos", "POST")) == 1


def test_a_forged_event_is_told_by_its_signature(start: Any, cli: Any, receiver: Receiver) -> None:
    start(webhook=receiver.url, webhook_secret=f"whsec_{KEY}", faults=("webhook:forged",))
    cli("run", PROMPT, "--duration", "4")
    receiver.wait_for(2)
    assert [genuine(*event) for event in receiver.events] == [False, True]


def test_an_event_names_the_video_and_nothing_else(start: Any, cli: Any, receiver: Receiver) -> None:
    simulator = start(webhook=receiver.url, webhook_secret=f"whsec_{KEY}")
    cli("run", PROMPT, "--duration", "4")
    receiver.wait_for(1)
    event = json.loads(receiver.events[0][1])
    assert event["type"] == "video.completed"
    assert event["data"] == {"id": simulator.jobs()[0]["id"]}
