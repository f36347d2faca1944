"""Whether a request was sent is told by the bytes handed to sockets, not by the class of an exception."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ports import free_port

from reelwork.net import messages, sender
from reelwork.net.client import Http
from reelwork.net.connections import watched
from reelwork_hooks.errors import NotSent, OutcomeUnknown, Unavailable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    going_on: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        going_on.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if going_on:
            await asyncio.wait(going_on, timeout=30)


@asynccontextmanager
async def client(*trust: str) -> AsyncIterator[Http]:
    http = Http(trust=trust, first_wait=0.01, deadline=20)
    try:
        yield http
    finally:
        await http.aclose()


def breaking_after(count: int) -> Serve:
    """Takes so many bytes and resets the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if count:
            await reader.readexactly(count)
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    return serve


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    writer.close()


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 3_000_000))
def test_a_write_broken_off_after_any_number_of_bytes_is_unknown(count: int) -> None:
    async def scenario() -> None:
        async with listening(breaking_after(count)) as port, client(f"http://127.0.0.1:{port}") as http:
            with pytest.raises(OutcomeUnknown):
                await http.post(f"http://127.0.0.1:{port}/v1/videos", content=bytes(4_000_000))

    asyncio.run(scenario())


def test_an_answer_that_comes_before_the_whole_request_was_taken_is_returned() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        # What is left is read, so that the answer is not lost to a reset.
        while await reader.read(65536):
            pass
        writer.close()

    async def scenario() -> None:
        async with listening(refuse) as port, client(f"http://127.0.0.1:{port}") as http:
            assert (await http.post(f"http://127.0.0.1:{port}", content=bytes(1_000_000))).status_code == 413

    asyncio.run(scenario())


def test_a_request_is_seen_on_its_way() -> None:
    # Without this every failure would count as one before the first byte.
    async def scenario() -> None:
        async with listening(answering) as port, client(f"http://127.0.0.1:{port}") as http:
            with watched() as seen:
                await http.get(f"http://127.0.0.1:{port}/")
            assert seen.handed > 0

    asyncio.run(scenario())


def test_what_is_handed_over_at_once_is_counted_apart() -> None:
    async def scenario() -> None:
        async with listening(breaking_after(0)) as port, client(f"http://127.0.0.1:{port}") as http:
            closed = f"http://127.0.0.1:{free_port()}"
            writes = [http.trusting([url]).post(url) for url in (f"http://127.0.0.1:{port}", closed) * 10]
            came = [type(error) for error in await asyncio.gather(*writes, return_exceptions=True)]
            assert came == [OutcomeUnknown, NotSent] * 10

    asyncio.run(scenario())


@pytest.mark.parametrize("failing", ["plain", "hangs up"])
def test_a_failed_tls_handshake_comes_before_the_first_byte(failing: str) -> None:
    async def scenario() -> None:
        serve = breaking_after(1) if failing == "hangs up" else answering_in_plain
        async with listening(serve) as port, client(f"https://127.0.0.1:{port}") as http:
            with pytest.raises(NotSent):
                await http.post(f"https://127.0.0.1:{port}/v1/videos", json={})

    asyncio.run(scenario())


async def answering_in_plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    writer.close()


def test_without_a_free_connection_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "CONNECT_SECONDS", 3.0)

    async def scenario() -> None:
        taken, release = asyncio.Semaphore(0), asyncio.Event()

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            taken.release()
            await release.wait()
            writer.write(OK)
            writer.close()

        async with listening(hold) as port, client(f"http://127.0.0.1:{port}") as http:
            url = f"http://127.0.0.1:{port}/v1/videos"
            busy = [asyncio.create_task(http.post(url, json={})) for _ in range(100)]
            for _ in busy:
                await taken.acquire()
            with pytest.raises(NotSent, match="waiting for a connection") as caught:
                await http.post(url, json={})
            assert not caught.value.lasting
            release.set()
            assert {answer.status_code for answer in await asyncio.gather(*busy)} == {200}

    asyncio.run(scenario())


def test_a_client_that_is_closed_sends_nothing() -> None:
    async def scenario() -> None:
        async with listening(answering) as port:
            http = Http(trust=[f"http://127.0.0.1:{port}"])
            await http.aclose()
            with pytest.raises(NotSent):
                await http.post(f"http://127.0.0.1:{port}/", json={})

    asyncio.run(scenario())


# --- what stays as it is, and what passes


@pytest.mark.parametrize("url", [f"http://{'x' * 70}.test/", "ftp://127.0.0.1/", "http://127.0.0.1:{port}/"])
def test_a_wrong_address_is_lasting(url: str) -> None:
    async def scenario() -> None:
        address = url.format(port=free_port())
        async with client("http://127.0.0.1" if address.startswith("ftp") else address) as http:
            with pytest.raises(NotSent) as caught:
                await http.post(address, json={})
            assert caught.value.lasting

    asyncio.run(scenario())


def test_https_to_an_http_port_is_named_and_lasting() -> None:
    async def scenario() -> None:
        async with listening(answering_in_plain) as port, client(f"https://127.0.0.1:{port}") as http:
            with pytest.raises(NotSent, match="does not speak https there; is http:// meant") as caught:
                await http.post(f"https://127.0.0.1:{port}/", json={})
            assert caught.value.lasting
            assert isinstance(caught.value.__cause__, Exception)

    asyncio.run(scenario())


def test_a_server_that_has_answered_before_may_only_be_starting_anew() -> None:
    async def scenario() -> None:
        async with client("http://127.0.0.1") as http:
            async with listening(answering) as port:
                url = f"http://127.0.0.1:{port}/"
                await http.trusting([url]).post(url, json={})
            with pytest.raises(NotSent) as caught:
                await http.trusting([url]).post(url, json={})
            assert not caught.value.lasting

    asyncio.run(scenario())


def test_a_read_of_a_wrong_address_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        url = f"http://127.0.0.1:{free_port()}"
        async with client(url) as http:
            with caplog.at_level("INFO", "reelwork.http"), pytest.raises(Unavailable, match="Connection refused"):
                await http.get(url)
            assert "asking again" not in caplog.text

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("reason", "lasting"),
    [
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), True),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), False),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), True),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), False),
        (ConnectionRefusedError(111, "Connection refused"), True),
        (ConnectionResetError(104, "Connection reset by peer"), False),
        (TimeoutError(), False),
    ],
)
def test_what_lasts_is_told_by_what_the_system_said(reason: Exception, lasting: bool) -> None:
    outer = RuntimeError("it did not work")
    outer.__cause__ = reason
    assert messages.is_lasting(outer) is lasting
