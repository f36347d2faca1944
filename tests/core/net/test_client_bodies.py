"""Bodies from disk and from iterators, streamed answers, and writes that may be repeated."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.net.client import Http, Interrupted
from reelwork.net.outgoing import PIECE
from reelwork.plugins.guard import Callee, within
from reelwork_hooks.errors import NotSent, OutcomeUnknown, PluginInvalid, Unavailable
from reelwork_hooks.http import FileSlice, HttpClient

FILM = os.urandom(3 * PIECE + 5)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Seen:
    """A request as it arrived; `whole` once its body was there to the end."""

    line: str
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False


@dataclass
class Server:
    """Takes one request on each connection, and gives the answers in turn; None closes without one."""

    answers: list[bytes | None]
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    most: int | None = None
    """Bytes of a body after which the connection is closed."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    going_on: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.going_on.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            seen = Seen(line, {name.lower(): value for name, value in (text.split(": ", 1) for text in lines)})
            self.seen.append(seen)
            seen.whole = await self._read(reader, seen)
            answer = self.answers.pop(0) if self.answers else OK
            if seen.whole and answer is not None:
                writer.write(answer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader, seen: Seen) -> bool:
        if seen.headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                seen.body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
            return True
        left = int(seen.headers.get("content-length", 0))
        while left:
            if self.most is not None and len(seen.body) >= self.most:
                return False
            piece = await reader.read(left)
            if not piece:
                return False
            seen.body += piece
            left -= len(piece)
        return True


@asynccontextmanager
async def talking(*answers: bytes | None, most: int | None = None) -> AsyncIterator[tuple[Server, Http]]:
    server = Server(list(answers), most=most)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    http = Http(trust=[server.url], first_wait=0.01, deadline=20)
    try:
        yield server, http
    finally:
        await http.aclose()
        listening.close()
        if server.going_on:
            await asyncio.wait(server.going_on, timeout=30)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(FILM)
    return path


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


# --- what arrives


@pytest.mark.parametrize(
    ("offset", "length"), [(0, None), (0, 0), (7, 2 * PIECE), (PIECE, None), (3 * PIECE, 5), (3 * PIECE + 5, None)]
)
def test_a_part_of_a_file_arrives_with_its_length(film: Path, offset: int, length: int | None) -> None:
    async def scenario() -> None:
        async with talking() as (server, http):
            await http.put(server.url, content=FileSlice(film, offset, length), headers={"content-length": "9"})
            [seen] = server.seen
            wanted = FILM[offset:][:length]
            assert bytes(seen.body) == wanted
            assert seen.headers["content-length"] == str(len(wanted))
            assert "transfer-encoding" not in seen.headers

    run(scenario)


def test_a_file_is_a_body_with_any_method(film: Path) -> None:
    async def scenario() -> None:
        async with talking() as (server, http):
            contract: HttpClient = http
            answer = await contract.request("patch", server.url, content=film, params={"part": "snippet"})
            assert answer.status_code == 200
            assert server.seen[0].line == "PATCH /?part=snippet HTTP/1.1"
            assert bytes(server.seen[0].body) == FILM

    run(scenario)


def test_a_form_with_a_file_is_the_same_form_as_with_its_bytes(film: Path) -> None:
    async def scenario() -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=edge"}
        async with talking() as (server, http):
            for content in (FILM, film, FileSlice(film)):
                files: Any = {
                    "a": (None, "{}", "application/json"),
                    "film": ("é.mp4", content, "video/mp4"),
                    "again": ("b.mp4", content, None),
                }
                await http.post(server.url, data={"title": "Dawn"}, files=files, headers=headers)
            from_bytes, from_path, from_slice = server.seen
            assert from_bytes.body == from_path.body == from_slice.body
            assert len(from_bytes.body) > 2 * len(FILM)
            assert {seen.headers["content-length"] for seen in server.seen} == {str(len(from_bytes.body))}
            assert {seen.headers["content-type"] for seen in server.seen} == {headers["Content-Type"]}

    run(scenario)


def test_an_iterable_is_sent_in_chunks_or_with_the_length_that_is_given() -> None:
    async def scenario() -> None:
        async with talking() as (server, http):
            await http.post(server.url, content=pieces(b"abc", b"", b"de"))
            await http.post(server.url, content=pieces(b"abc", b"de"), headers={"Content-Length": "5"})
            chunked, measured = server.seen
            assert chunked.headers["transfer-encoding"] == "chunked"
            assert "transfer-encoding" not in measured.headers
            assert bytes(chunked.body) == bytes(measured.body) == b"abcde"

    run(scenario)


def test_progress_counts_what_was_handed_over(film: Path) -> None:
    async def scenario() -> None:
        told: list[tuple[int, int | None]] = []
        async with talking() as (server, http):
            await http.put(server.url, content=film, progress=lambda sent, total: told.append((sent, total)))
            whole = 3 * PIECE + 5
            assert told == [(PIECE, whole), (2 * PIECE, whole), (3 * PIECE, whole), (whole, whole)]
            told.clear()
            await http.post(server.url, content=pieces(b"abc"), progress=lambda *seen: told.append(seen))
            assert told == [(3, None)]

    run(scenario)


# --- what does not


def test_a_file_that_cannot_be_sent_was_not_sent(tmp_path: Path, film: Path) -> None:
    async def scenario() -> None:
        os.mkfifo(tmp_path / "pipe")
        unfit: list[tuple[Any, str]] = [
            (tmp_path / "none.mp4", "none.mp4 cannot be read: No such file"),
            (tmp_path, "is not a file"),
            (tmp_path / "pipe", "is not a file"),
            (FileSlice(film, 10, 4 * PIECE), "bytes, and 4194304 from byte 10 on were to be sent"),
            ("text", "not str"),
        ]
        async with talking() as (server, http):
            for content, why in unfit:
                with pytest.raises(NotSent, match=why) as caught:
                    await http.post(server.url, content=content)
                assert caught.value.lasting
            with pytest.raises(NotSent, match="No such file"):
                await http.post(server.url, files={"film": ("a", tmp_path / "none.mp4", None)})
            assert server.seen == []

    run(scenario)


@pytest.mark.parametrize("change", ["shorter", "longer", "rewritten"])
@pytest.mark.parametrize("form", [False, True])
def test_a_file_that_changes_while_it_is_sent_never_arrives_whole(film: Path, change: str, form: bool) -> None:
    async def scenario() -> None:
        def changed(sent: int, total: int | None) -> None:
            if change == "shorter":
                os.truncate(film, PIECE)
            elif change == "longer":
                os.truncate(film, 9 * PIECE)
            else:
                os.utime(film, (1, 1))

        async with talking() as (server, http):
            body: Any = {"files": {"film": ("a.mp4", film, None)}} if form else {"content": film}
            with pytest.raises(OutcomeUnknown, match=r"film\.mp4 changed while it was being sent"):
                await http.post(server.url, **body, progress=changed)
            assert not any(seen.whole for seen in server.seen)

    run(scenario)


def test_an_iterable_that_fails_midway_is_unknown() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"abc"
        raise KeyError("lost")

    async def scenario() -> None:
        async with talking() as (server, http):
            with pytest.raises(OutcomeUnknown, match="lost"):
                await http.post(server.url, content=failing())
            with pytest.raises(OutcomeUnknown):
                await http.post(server.url, content=pieces(b"abc"), headers={"Content-Length": "9"})
            assert not any(seen.whole for seen in server.seen)

    run(scenario)


@settings(max_examples=10, deadline=None)
@given(count=st.integers(0, 3 * PIECE))
def test_a_file_broken_off_after_any_number_of_bytes_is_unknown(
    tmp_path_factory: pytest.TempPathFactory, count: int
) -> None:
    async def scenario() -> None:
        path = tmp_path_factory.getbasetemp() / "sparse.mp4"
        path.touch()
        os.truncate(path, 8 * PIECE)
        async with talking(most=count) as (server, http):
            with pytest.raises(OutcomeUnknown):
                await http.post(server.url, content=path)
            assert len(server.seen) == 1

    run(scenario)


@pytest.mark.parametrize("method", ["CONNECT", "GET\r\nX: y", "", "GÉT"])
def test_a_method_that_cannot_be_sent_is_refused(method: str) -> None:
    async def scenario() -> None:
        async with talking() as (server, http):
            with pytest.raises(NotSent, match="is not a method that can be sent"):
                await http.request(method, server.url)
            assert server.seen == []

    run(scenario)


# --- 308 and other answers


@pytest.mark.parametrize("repeatable", [False, True])
def test_a_308_without_a_place_to_go_is_an_answer(repeatable: bool) -> None:
    async def scenario() -> None:
        more = b"HTTP/1.1 308 Resume Incomplete\r\nrange: bytes=0-99\r\ncontent-length: 0\r\n\r\n"
        async with talking(more, more) as (server, http):
            headers = {"Content-Range": "bytes */200"}
            answer = await http.put(server.url, content=b"", headers=headers, repeatable=repeatable)
            assert (answer.status_code, answer.headers["Range"]) == (308, "bytes=0-99")
            assert server.seen[0].headers["content-length"] == "0"
            assert (await http.get(server.url)).status_code == 308

    run(scenario)


# --- repeatable


def test_a_repeatable_write_is_repeated_whole(film: Path) -> None:
    async def scenario() -> None:
        busy = b"HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"
        async with talking(None, busy) as (server, http):
            files: Any = {"film": ("a.mp4", film, "video/mp4")}
            assert (await http.post(server.url, files=files, repeatable=True)).status_code == 200
            assert [seen.whole for seen in server.seen] == [True] * 3
            assert all(FILM in seen.body for seen in server.seen)

    run(scenario)


def test_a_repeatable_write_returns_the_last_refusal_or_is_unavailable() -> None:
    async def scenario() -> None:
        busy = b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"
        async with talking(*[busy] * 4, *[None] * 4) as (server, http):
            assert (await http.post(server.url, json={}, repeatable=True)).text == "busy"
            with pytest.raises(Unavailable, match=f"POST {server.url} did not succeed"):
                await http.post(server.url, json={}, repeatable=True)
            assert len(server.seen) == 8
            with pytest.raises(Unavailable, match="cannot be sent again"):
                await http.post(server.url, content=pieces(b"a"), repeatable=True)
            assert len(server.seen) == 8

    run(scenario)


def test_a_repeatable_write_is_refused_where_it_may_cost_or_post() -> None:
    async def scenario() -> None:
        async with talking() as (server, http):

            async def write() -> int:
                return (await http.post(server.url, json={}, repeatable=True)).status_code

            plugin, provider = Callee("plugin", "p"), Callee("provider", "q")
            for callee, call in ((plugin, "publish"), (provider, "submit")):
                with pytest.raises(
                    NotSent, match=f"{callee}: POST .*: repeatable=True is not for {call}"
                ) as caught:
                    await within(callee, call, write(), 10)
                assert (caught.value.money, caught.value.lasting) == ("Nothing was sent.", True)
                with pytest.raises(NotSent):
                    await within(callee, call, asyncio.create_task(_later(within(callee, call, write(), 10))), 10)
            assert server.seen == []

            async def after_another() -> None:
                await http.get(server.url)
                await asyncio.create_task(_later(write_once()))
                await write()

            async def write_once() -> int:
                return (await http.post(server.url, json={})).status_code

            with pytest.raises(PluginInvalid, match="repeatable") as late:
                await within(provider, "submit", after_another(), 10)
            assert late.value.money == "This request was not sent."
            for callee, call in ((plugin, "prepare_publish"), (plugin, "post_download"), (provider, "prepare")):
                assert await within(callee, call, write(), 10) == 200

    run(scenario)


async def _later(work: Awaitable[int]) -> int:
    return await work


# --- streamed answers


def test_an_answer_is_streamed_and_unpacked() -> None:
    async def scenario() -> None:
        text = os.urandom(300_000).hex().encode()
        packed = gzip.compress(text)
        head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n".encode()
        async with talking(head + packed, head + packed) as (server, http):
            contract: HttpClient = http
            for method, body in (("GET", {}), ("POST", {"json": {"a": 1}})):
                async with contract.stream(method, server.url, **body) as answer:  # type: ignore[arg-type]
                    assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip")
                    assert b"".join([piece async for piece in answer.chunks]) == text
            assert server.seen[0].headers["accept-encoding"] == "identity"
            assert bytes(server.seen[1].body) == b'{"a":1}'

    run(scenario)


def test_refusals_are_streamed_too_and_opening_is_retried_for_reads_only() -> None:
    async def scenario() -> None:
        busy = b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"
        async with talking(None, busy, OK, *[busy] * 5) as (server, http):
            async with http.stream("GET", server.url) as answer:
                assert answer.status_code == 200
            async with http.stream("GET", server.url) as answer:
                assert (answer.status_code, [piece async for piece in answer.chunks]) == (503, [b"busy"])
            assert len(server.seen) == 7
            async with http.stream("POST", server.url) as answer:
                assert (answer.status_code, [piece async for piece in answer.chunks]) == (503, [b"busy"])
            assert len(server.seen) == 8

    run(scenario)


def test_a_stream_that_breaks_off_is_unavailable_for_a_read_and_unknown_for_a_write() -> None:
    async def scenario() -> None:
        cut = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nabc"
        async with talking(cut, cut, None) as (server, http):
            for method, error in (("GET", Interrupted), ("POST", OutcomeUnknown)):
                async with http.stream(method, server.url) as answer:
                    assert await anext(answer.chunks) == b"abc"
                    with pytest.raises(error, match="broke off"):
                        await anext(answer.chunks)
            with pytest.raises(OutcomeUnknown, match="no clear answer"):
                async with http.stream("POST", server.url):
                    pass
            with pytest.raises(NotSent):
                async with http.trusting([]).stream("POST", server.url):
                    pass

    run(scenario)
