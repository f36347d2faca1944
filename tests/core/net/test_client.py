from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import logging
import shutil
import ssl
import subprocess
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
from tests.ports import free_port

from reelwork.net.addresses import refusal
from reelwork.net.client import Http, Interrupted
from reelwork.net.connections import PublicOnly
from reelwork.net.messages import retry_after
from reelwork.redaction.redactor import Redactor
from reelwork_hooks.errors import InvalidInput, NotSent, OutcomeUnknown, Unavailable
from reelwork_hooks.plugin import HttpClient


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Answers each request with the next of its scripted answers; None drops the connection unanswered."""

    answers: list[bytes | None]
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (text.split(": ", 1) for text in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append(Request(line, headers, body))
        reply = self.answers.pop(0) if self.answers else answer(200)
        if reply is None:
            return False
        writer.write(reply)
        await writer.drain()
        return b"content-length" in reply


@asynccontextmanager
async def serving(*answers: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(list(answers))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@asynccontextmanager
async def client(*trust: str, redactor: Redactor | None = None, deadline: float = 20) -> AsyncIterator[Http]:
    http = Http(trust=trust, redactor=redactor, first_wait=0.01, deadline=deadline)
    try:
        yield http
    finally:
        await http.aclose()


def answer(status: int, body: bytes = b"{}", **headers: str) -> bytes:
    named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{named}\r\n".encode() + body


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


# --- reads


def test_get_returns_status_headers_and_body() -> None:
    async def scenario() -> None:
        async with (
            serving(answer(404, b'{"a": "\xc3\xa9"}', X_Thing="1")) as server,
            client(server.url) as http,
        ):
            contract: HttpClient = http
            got = await contract.get(server.url + "/v1?x=1", params={"limit": 2}, headers={"A": "b"})
            assert (got.status_code, got.json(), got.headers["x-thing"]) == (404, {"a": "é"}, "1")
            assert got.text == '{"a": "é"}'
            [request] = server.requests
            assert request.line == "GET /v1?x=1&limit=2 HTTP/1.1"
            assert request.headers["a"] == "b"

    run(scenario)


def test_get_is_repeated_after_503_and_429_as_the_server_asks() -> None:
    async def scenario() -> None:
        replies = (answer(503, Retry_After="0"), answer(429, retry_after_ms="20"), answer(200, b"[1]"))
        async with serving(*replies) as server, client(server.url) as http:
            assert (await http.get(server.url)).json() == [1]
            assert len(server.requests) == 3

    run(scenario)


def test_get_gives_back_the_last_500_after_four_attempts() -> None:
    async def scenario() -> None:
        async with serving(*[answer(500, b"oops")] * 9) as server, client(server.url) as http:
            got = await http.get(server.url)
            assert (got.status_code, got.text) == (500, "oops")
            assert len(server.requests) == 4

    run(scenario)


def test_get_does_not_wait_longer_than_its_deadline() -> None:
    async def scenario() -> None:
        async with (
            serving(answer(429, Retry_After="100"), answer(200)) as server,
            client(server.url, deadline=5) as http,
        ):
            assert (await http.get(server.url)).status_code == 429
            assert len(server.requests) == 1

    run(scenario)


def test_get_survives_dropped_connections() -> None:
    async def scenario() -> None:
        async with serving(None, None, answer(200, b"1")) as server, client(server.url) as http:
            assert (await http.get(server.url)).content == b"1"

    run(scenario)


def test_get_that_never_gets_through_is_unavailable() -> None:
    async def scenario() -> None:
        async with serving(*[None] * 9) as server, client(server.url) as http:
            with pytest.raises(Unavailable, match=rf"{server.url} could not be read"):
                await http.get(server.url + "/?token=abcdefgh")
            assert len(server.requests) == 4

    run(scenario)


def test_get_gives_up_on_silence() -> None:
    async def scenario() -> None:
        async with client("http://127.0.0.1", deadline=0.05) as http:
            hold = asyncio.Event()

            async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await hold.wait()
                writer.close()

            listening = await asyncio.start_server(mute, "127.0.0.1", 0)
            url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            with pytest.raises(Unavailable, match="it fell silent"):
                await http.trusting([url]).get(url, timeout=1)
            hold.set()
            listening.close()

    run(scenario)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "9999"}, 120),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    wait = retry_after({"retry-after": formatdate(time() + 60, usegmt=True)})
    assert wait is not None
    assert 30 < wait <= 60


# --- writes


def test_post_is_sent_once_and_its_500_is_returned() -> None:
    async def scenario() -> None:
        async with serving(answer(500, b'{"e": 1}')) as server, client(server.url) as http:
            got = await http.post(server.url, json={"prompt": "é"}, headers={"Idempotency-Key": "k"})
            assert (got.status_code, got.json()) == (500, {"e": 1})
            [request] = server.requests
            assert json.loads(request.body) == {"prompt": "é"}
            assert request.headers["idempotency-key"] == "k"

    run(scenario)


@pytest.mark.parametrize("verb", ["post", "put", "delete"])
def test_a_write_that_is_accepted_and_dropped_is_unknown_and_not_repeated(verb: str) -> None:
    async def scenario() -> None:
        async with serving(None, answer(200)) as server, client(server.url) as http:
            with pytest.raises(OutcomeUnknown, match=rf"{verb.upper()} {server.url} brought no clear answer"):
                await getattr(http, verb)(server.url + "/secret-path")
            assert len(server.requests) == 1

    run(scenario)


def test_a_write_whose_answer_breaks_off_is_unknown() -> None:
    async def scenario() -> None:
        cut = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
        async with serving(cut) as server, client(server.url) as http:
            with pytest.raises(OutcomeUnknown):
                await http.post(server.url, json={})
            assert len(server.requests) == 1

    run(scenario)


def test_a_write_that_finds_nobody_was_not_sent() -> None:
    async def scenario() -> None:
        url = f"http://127.0.0.1:{free_port()}"
        async with client(url) as http:
            with pytest.raises(NotSent, match=f"POST {url} was not sent: Connection refused"):
                await http.post(url, json={})

    run(scenario)


def test_a_write_to_an_unknown_name_was_not_sent() -> None:
    async def scenario() -> None:
        async with client() as http:
            with pytest.raises(NotSent, match="is not known"):
                await http.post("https://nowhere.invalid/v1/videos", json={})

    run(scenario)


@pytest.mark.parametrize(
    ("url", "headers", "body"),
    [
        ("ftp://x.test/", {}, {}),
        ("file:///etc/passwd", {}, {}),
        ("https:///nohost", {}, {}),
        ("http://[::1", {}, {}),
        ("", {"Authorization": "Bearer hunter22\n"}, {}),
        ("", {"Authorization": "Bearer hünter22"}, {}),
        ("", {}, {"json": float("nan")}),
        ("", {}, {"json": object()}),
    ],
)
def test_a_write_that_cannot_be_written_down_was_not_sent(
    url: str, headers: dict[str, str], body: dict[str, object]
) -> None:
    async def scenario() -> None:
        async with serving() as server, client(server.url) as http:
            with pytest.raises(NotSent) as caught:
                await http.post(url or server.url, headers=headers, json=body.get("json"))
            assert "nter22" not in caught.value.explained()
            assert server.connections == 0

    run(scenario)


def test_a_write_does_not_follow_redirects() -> None:
    async def scenario() -> None:
        async with serving(answer(307, Location="/elsewhere")) as server, client(server.url) as http:
            assert (await http.post(server.url, json={})).status_code == 307
            assert len(server.requests) == 1

    run(scenario)


def test_writes_never_share_a_connection_and_reads_do() -> None:
    async def scenario() -> None:
        async with serving() as server, client(server.url) as http:
            for _ in range(3):
                await http.get(server.url)
            assert server.connections == 1
            for _ in range(3):
                await http.post(server.url, json={})
            assert server.connections == 4

    run(scenario)


def test_large_content_arrives_whole_with_its_length() -> None:
    async def scenario() -> None:
        body = bytes(range(256)) * 10_000
        async with serving() as server, client(server.url) as http:
            await http.put(server.url, content=body)
            assert server.requests[0].body == body
            assert "transfer-encoding" not in server.requests[0].headers

    run(scenario)


def test_form_and_multipart_bodies() -> None:
    async def scenario() -> None:
        async with serving() as server, client(server.url) as http:
            await http.post(server.url, data={"a": "1"})
            await http.post(server.url, data={"a": "1"}, files={"f": ("n.png", b"\x89PNG", "image/png")})
            form, parts = server.requests
            assert form.body == b"a=1"
            assert b'name="f"; filename="n.png"' in parts.body
            assert b"\x89PNG" in parts.body

    run(scenario)


# --- where requests may go


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
    ],
)
def test_addresses_that_are_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_that_are_allowed(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0", "[::ffff:127.0.0.1]"])
def test_this_machine_is_refused_under_every_name(host: str) -> None:
    async def scenario() -> None:
        async with serving() as server, client("http://127.0.0.1:1") as http:
            url = f"http://{host}:{server.port}/"
            with pytest.raises(Unavailable, match="refused"):
                await http.get(url)
            with pytest.raises(NotSent, match="refused"):
                await http.post(url, json={})
            assert server.connections == 0

    run(scenario)


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    lookups: list[str] = []

    async def once(host: str, port: int) -> list[str]:
        lookups.append(host)
        # Nobody listens at the first one.
        return ["127.0.0.2", "127.0.0.1"]

    async def scenario() -> None:
        async with serving() as server:
            # A second look at this name, anywhere below, would fail.
            stream = await PublicOnly(once).connect_tcp("rebinding.invalid", server.port, timeout=5)
            await stream.write(b"GET / HTTP/1.1\r\nHost: rebinding.invalid\r\n\r\n")
            assert (await stream.read(100)).startswith(b"HTTP/1.1 200")
            await stream.aclose()
        assert lookups == ["rebinding.invalid"]

    run(scenario)


def test_trust_counts_for_scheme_host_and_port_only_together() -> None:
    async def scenario() -> None:
        async with serving() as server:
            by_name = f"http://localhost:{server.port}"
            async with client(f"{by_name}/v1") as http:
                assert (await http.get(f"{by_name}/other")).status_code == 200
                with pytest.raises(Unavailable, match=r"127.0.0.1 is this machine, which is refused"):
                    await http.get(server.url)
            async with client(f"https://127.0.0.1:{server.port}") as http:
                with pytest.raises(Unavailable, match="refused"):
                    await http.get(server.url)

    run(scenario)


def test_an_open_connection_of_a_trusting_client_is_not_lent_to_another() -> None:
    async def scenario() -> None:
        async with serving() as server, client() as http:
            assert (await http.trusting([server.url]).get(server.url)).status_code == 200
            with pytest.raises(Unavailable, match="refused"):
                await http.get(server.url)
            assert len(server.requests) == 1

    run(scenario)


def test_a_wrong_trusted_address_is_said_at_once() -> None:
    with pytest.raises(InvalidInput, match="only http and https"):
        Http(trust=["localhost:8000"])


def test_a_redirect_to_a_private_address_is_refused() -> None:
    async def scenario() -> None:
        async with serving() as inner:
            away = answer(302, Location=f"http://localhost:{inner.port}/latest/meta-data")
            async with serving(away) as outer, client(outer.url) as http:
                with pytest.raises(Unavailable, match=r"localhost leads to .*, this machine, which is refused"):
                    await http.get(outer.url)
                assert inner.connections == 0

    run(scenario)


def test_a_redirect_to_another_scheme_is_refused() -> None:
    async def scenario() -> None:
        async with serving(answer(302, Location="file:///etc/passwd")) as server, client(server.url) as http:
            with pytest.raises(Unavailable, match="only http and https"):
                await http.get(server.url)

    run(scenario)


def test_redirects_stop_after_five() -> None:
    async def scenario() -> None:
        async with serving(*[answer(302, Location="/again")] * 9) as server, client(server.url) as http:
            with pytest.raises(Unavailable, match="more than 5 times"):
                await http.get(server.url)
            assert len(server.requests) == 6

    run(scenario)


def test_headers_stay_with_their_origin() -> None:
    async def scenario() -> None:
        async with serving() as other:
            hops = (answer(301, Location="/here"), answer(302, Location=f"{other.url}/there"))
            async with serving(*hops) as first, client(first.url, other.url) as http:
                await http.get(first.url, headers={"Authorization": "Bearer x", "X-Api-Key": "k"})
                assert [request.headers.get("authorization") for request in first.requests] == ["Bearer x"] * 2
                assert "authorization" not in other.requests[0].headers
                assert "x-api-key" not in other.requests[0].headers

    run(scenario)


def test_proxy_settings_and_cookies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async def scenario() -> None:
        async with serving(answer(200, Set_Cookie="a=b; Path=/")) as server, client(server.url) as http:
            await http.get(server.url)
            await http.get(server.url)
            assert "cookie" not in server.requests[1].headers

    run(scenario)


# --- streams


def test_stream_asks_for_a_range_and_keeps_it_across_origins() -> None:
    async def scenario() -> None:
        async with serving(answer(206, b"tail")) as cdn:
            away = answer(302, Location=cdn.url)
            async with serving(away) as api, client() as http:
                wanted = http.stream_get(
                    api.url,
                    headers={"Authorization": "Bearer x"},
                    trust=[api.url, cdn.url],
                    offset=5,
                    if_range='"e"',
                )
                async with wanted as stream:
                    assert b"".join([chunk async for chunk in stream.chunks]) == b"tail"
                headers = cdn.requests[0].headers
                assert (headers["range"], headers["if-range"]) == ("bytes=5-", '"e"')
                assert "authorization" not in headers

    run(scenario)


def test_stream_that_breaks_off_is_interrupted() -> None:
    async def scenario() -> None:
        cut = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"
        async with (
            serving(cut) as server,
            client(server.url) as http,
            http.stream_get(server.url + "/?sig=hunter22") as stream,
        ):
            assert await anext(stream.chunks) == b"abc"
            with pytest.raises(Interrupted) as caught:
                await anext(stream.chunks)
            assert "hunter22" not in caught.value.explained()

    run(scenario)


def test_stream_opening_is_repeated_and_ends_as_unavailable() -> None:
    async def scenario() -> None:
        replies = [answer(503, Retry_After="0")] * 4
        async with serving(*replies) as server, client(server.url) as http:
            with pytest.raises(Unavailable, match="answered 503") as caught:
                async with http.stream_get(server.url):
                    pytest.fail("there is nothing to stream")
            assert caught.value.retry_after == 0
            assert len(server.requests) == 4

    run(scenario)


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    pem = tmp_path_factory.mktemp("tls") / "both.pem"
    command = (
        "openssl req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=localhost"
    )
    subprocess.run(
        [
            *command.split(),
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            f"{pem}.key",
            "-out",
            f"{pem}.crt",
        ],
        check=True,
        capture_output=True,
    )
    pem.write_text(Path(f"{pem}.key").read_text() + Path(f"{pem}.crt").read_text())
    return pem


def test_tls_uses_the_environments_certificates_and_checks_the_name(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    asked: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def scenario() -> None:
        async with serving(tls=tls) as server:
            by_name, by_number = f"https://localhost:{server.port}", f"https://127.0.0.1:{server.port}"
            async with client(by_name) as http:
                with pytest.raises(NotSent, match=r"(?i)certificate verify failed"):
                    await http.post(by_name, json={})
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            async with client(by_name, by_number) as http:
                assert (await http.post(by_name, json={})).status_code == 200
                assert asked[-1] == "localhost"
                with pytest.raises(NotSent, match=r"(?i)certificate verify failed"):
                    await http.post(by_number, json={})
            assert len(server.requests) == 1

    run(scenario)


# --- what is written down


def test_the_clients_logs_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    from reelwork.process_output import protect

    redactor = Redactor()
    redactor.add("hunter22")
    protect(redactor)
    caplog.set_level(logging.DEBUG)

    async def scenario() -> None:
        async with (
            serving(None, answer(503, Retry_After="0")) as server,
            client(server.url, redactor=redactor) as http,
        ):
            await http.get(server.url + "/hunter22?sig=signed-value", headers={"Authorization": "Bearer hunter22"})
            assert len(server.requests) == 3

    run(scenario)
    assert "asking again" in caplog.text
    assert "HTTP Request: GET" in caplog.text
    assert "hunter22" not in caplog.text
    assert "signed-value" not in caplog.text


def test_many_large_answers_at_once_do_not_lie_in_memory_together() -> None:
    large = 24 * 1024 * 1024
    packed = gzip.compress(bytes(large), 1)

    async def scenario() -> None:
        async with (
            serving(*[answer(200, packed, content_encoding="gzip")] * 8) as server,
            client(server.url) as http,
        ):

            async def size() -> int:
                return len((await http.get(server.url)).content)

            tracemalloc.start()
            try:
                assert await asyncio.gather(*[size() for _ in range(8)]) == [large] * 8
                assert tracemalloc.get_traced_memory()[1] < 4 * large
            finally:
                tracemalloc.stop()

    run(scenario)
