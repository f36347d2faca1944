"""The simulator beside an open browser, and under whatever anybody sends it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, create_app, run_simulator
from reelwork_plugins.simulator.dialects import DIALECTS

EXAMPLES, EACH = 250, 20
"""5,000 requests."""


class Sent:
    def __init__(
        self, method: str, path: bytes, query: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> None:
        self.method, self.path, self.query, self.headers, self.body = method, path, query, headers, body

    def __repr__(self) -> str:
        return f"{self.method} {self.path!r} {self.query[:80]!r} {self.headers} {self.body[:80]!r}"


async def asked(app: Starlette, sent: Sent) -> tuple[int, Any]:
    """Send a request as a server hands it over: the status, and the JSON if it is any. Raises what it raises."""
    answers: list[Any] = []
    coming = [{"type": "http.request", "body": sent.body, "more_body": False}]

    async def receive() -> Any:
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answers.append(message)

    here = ("127.0.0.1", 8765)
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
        "method": sent.method, "path": unquote(sent.path.decode("ascii")), "raw_path": sent.path, "state": {},
        "query_string": sent.query, "headers": [HOST, *sent.headers], "client": here, "server": here,
    }  # fmt: skip
    await app(scope, receive, send)
    body = b"".join(answer.get("body", b"") for answer in answers[1:])
    is_json = body and (b"content-type", b"application/json") in answers[0]["headers"]
    return answers[0]["status"], json.loads(body, parse_constant=_no_json) if is_json else None


def _no_json(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


HOST = (b"host", b"127.0.0.1:8765")
# What a server lets through: others are refused before the application sees them.
ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20).map(str.encode)
LATIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=12).map(
    lambda text: text.strip().encode("latin-1")
)
LONG = "a" * 40_000
ODD = ["", "sora-2", "1280x720", "4", "99999999999999999999", "-1", "NaN", "0x0", "٣", "²", LONG]
TEXTS = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(categories=["Cs", "Cc", "Co", "Lu"]), max_size=8),
    st.sampled_from(ODD),
)
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([10**30, -(10**400), 1e308]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
PARAMETERS = """
    prompt model seconds size input_reference seed video fps num_frames width input duration resolution
    aspect_ratio extra_params input_references frame_images n metadata
"""
NAMES = st.sampled_from(PARAMETERS.split())
OBJECTS = st.dictionaries(st.one_of(NAMES, TEXTS), VALUES, max_size=5)
JSON = st.one_of(OBJECTS, OBJECTS.map(lambda fields: {"prompt": "A fox", **fields}), VALUES)
DEEP = [b"[" * 100_000, b'{"a":' * 50_000, b'{"prompt":' + b"[" * 900 + b"]" * 900 + b"}", b"1" * 5000]
FORM = b"multipart/form-data; boundary=b"
KINDS = [b"application/json", b"application/x-www-form-urlencoded", b"text/plain", b"", b"\xff/x"]
PARTS = st.lists(
    st.tuples(st.one_of(NAMES.map(str.encode), st.binary(max_size=8)), st.binary(max_size=20), st.booleans()),
    max_size=4,
)


def form(parts: Sequence[tuple[bytes, bytes, bool]]) -> bytes:
    lines = [
        b'--b\r\ncontent-disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        % (name, b'; filename="a.png"' if is_file else b"", content)
        for name, content, is_file in parts
    ]
    return b"".join(lines) + b"--b--\r\n"


BODIES = st.one_of(
    JSON.map(lambda value: (b"application/json", json.dumps(value).encode())),
    st.sampled_from(DEEP).map(lambda raw: (b"application/json", raw)),
    st.tuples(st.sampled_from(KINDS), st.binary(max_size=60)),
    st.tuples(st.sampled_from([FORM, FORM + b"*=utf-8''%ff", b"multipart/form-data"]), PARTS.map(form)),
)
VIDEOS = ["", "/models", "/x", "/x/content", "/x/remix", "/edits"]
CONTROLS = ["requests", "jobs", "faults", "webhooks", "restart"]
PATHS = st.one_of(
    st.tuples(
        st.sampled_from([*(f"/{name}" for name in DIALECTS), ""]),
        st.one_of(
            st.sampled_from([f"/v1/videos{end}" for end in VIDEOS]),
            st.binary(max_size=12).map(lambda raw: f"/v1/videos/{quote(raw)}"),
            st.just("/stored/x"),
        ),
    ).map("".join),
    st.sampled_from(["/v1/moderations", "/", "/*", *(f"/_simulator/{name}" for name in CONTROLS)]),
)
FILTERS = st.sampled_from(["after", "limit", "order", "variant", "expires", "signature", "path", "method"])
QUERIES = st.one_of(
    st.just(b""),
    ASCII,
    st.tuples(FILTERS, TEXTS).map(lambda pair: f"{pair[0]}={quote(pair[1], errors='replace')}".encode()),
)
RANGES = [b"bytes=0-", b"bytes=9-1", b"bytes=", b"bytes=0-1,4-5"]
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"authorization", b"idempotency-key", b"range", b"if-range", b"cookie", b"x-thing"]),
        st.one_of(LATIN, st.sampled_from(RANGES)),
    ),
    max_size=2,
)
METHODS = st.sampled_from(["GET", "POST", "POST", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"])
BROKEN = [b"[" * 100_000, b'["\\ud83d"]', b'"NaN"', b"NaN"]
SWITCHES = [Sent("POST", b"/_simulator/faults", b"", [], raw) for raw in BROKEN]
LOOK = [Sent("GET", f"/_simulator/{name}".encode(), b"", [], b"") for name in CONTROLS[:4]]


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    kind, body = draw(BODIES)
    headers = [*draw(HEADERS), *([(b"content-type", kind)] if kind else [])]
    return Sent(draw(METHODS), draw(PATHS).encode(), draw(QUERIES), headers, body)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    phases=[Phase.generate],
)
@given(st.lists(requests(), min_size=EACH, max_size=EACH))
def test_no_request_breaks_it(several: list[Sent]) -> None:
    async def scenario() -> None:
        app = create_app(SimulatorSettings(canned=True, render_seconds=0))
        for sent in (*several, *SWITCHES, *LOOK):
            status, answer = await asked(app, sent)
            assert status < 500 or answer == DELETES_NOTHING, answer

    asyncio.run(scenario())


# The one server error of a gateway that the simulator copies on purpose.
DELETES_NOTHING = {
    "error": {
        "message": "video delete is not supported for this model's provider",
        "type": "server_error", "param": None, "code": "500",
    }
}  # fmt: skip


def port_of(simulator: RunningSimulator) -> int:
    return int(simulator.base_url.rpartition(":")[2])


def raw(port: int, text: str) -> int:
    """Send a request as it stands; the status of the answer."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode())
        return int(connection.recv(65536).split()[1])


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:{port}", "localhost.evil.test", "127.0.0.1.evil.test", ""]
)
def test_a_page_that_gave_its_name_our_address_is_refused(host: str) -> None:
    with run_simulator(SimulatorSettings(canned=True)) as simulator:
        port = port_of(simulator)
        named = host.format(port=port)
        for path in ("/_simulator/requests", "/v1/videos"):
            assert raw(port, f"GET {path} HTTP/1.1\nHost: {named}\nConnection: close\n\n") in (400, 403)
        assert simulator.requests() == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:{port}", "[::1]:{port}", "LOCALHOST", "192.168.3.4"])
def test_names_of_this_machine_and_addresses_are_served(host: str) -> None:
    with run_simulator(SimulatorSettings(canned=True)) as simulator:
        named = host.format(port=port_of(simulator))
        assert raw(port_of(simulator), f"GET /v1/videos HTTP/1.1\nHost: {named}\nConnection: close\n\n") == 200


def test_a_name_that_was_allowed_is_served() -> None:
    with run_simulator(SimulatorSettings(canned=True, allow_hosts=("Simulator",))) as simulator:
        request = "GET /v1/videos HTTP/1.1\nHost: simulator:8765\nConnection: close\n\n"
        assert raw(port_of(simulator), request) == 200


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://127.0.0.1.evil.test", "nonsense"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_a_page_from_elsewhere_changes_nothing(origin: str, kind: str) -> None:
    with run_simulator(SimulatorSettings(canned=True, faults=("create:500*3",))) as simulator:
        for path, body in (("/_simulator/faults", "[]"), ("/_simulator/restart", ""), ("/v1/videos", "{}")):
            head = f"POST {path} HTTP/1.1\nHost: 127.0.0.1\nOrigin: {origin}\nContent-Type: {kind}\n"
            request = f"{head}Content-Length: {len(body)}\nConnection: close\n\n{body}"
            assert raw(port_of(simulator), request) == 403
        assert [one["fault"] for one in simulator.faults()] == ["create:500*3"]
        assert simulator.requests() == []


def test_what_a_browser_marks_as_cross_site_changes_nothing() -> None:
    with run_simulator(SimulatorSettings(canned=True)) as simulator:
        head = "POST /_simulator/restart HTTP/1.1\nHost: 127.0.0.1\nSec-Fetch-Site: cross-site\n"
        assert raw(port_of(simulator), f"{head}Content-Length: 0\nConnection: close\n\n") == 403


def test_a_program_and_a_page_of_this_machine_change_its_faults() -> None:
    with run_simulator(SimulatorSettings(canned=True)) as simulator:
        for origin in ("", "Origin: http://localhost:3000\n"):
            head = f"POST /_simulator/faults HTTP/1.1\nHost: 127.0.0.1\n{origin}Content-Length: 2\n"
            assert raw(port_of(simulator), f"{head}Connection: close\n\n[]") == 200
