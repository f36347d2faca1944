from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from reelwork.errors import NoVideo
from reelwork.media.download import Downloaded, download
from reelwork.net.client import Http
from reelwork_hooks.errors import Expired, Unavailable
from reelwork_hooks.provider import BytesSource, FileSource, HttpSource, Source

LIMIT = 10**9
VIDEO = b"\0\0\0\x18ftypmp42" + random.Random(7).randbytes(3_000_000)
OTHER = b"\0\0\0\x18ftypmp42" + random.Random(8).randbytes(2_000_000)
SAFE = "The render is paid for and not lost: the provider still has it."


@dataclass
class Files:
    """Serves one content by ranges, as RFC 9110 has it; `cuts` are the bytes after which it hangs up."""

    content: bytes = VIDEO
    etag: str = '"v1"'
    modified: str = ""
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    on_cut: Callable[[], None] = lambda: None
    requests: list[dict[str, str]] = field(default_factory=list)

    def answer(self, asked: dict[str, str]) -> tuple[str, list[str], bytes]:
        start = int(asked["range"].removeprefix("bytes=").rstrip("-")) if "range" in asked else 0
        names = [f"ETag: {self.etag}"] * bool(self.etag) + [f"Last-Modified: {self.modified}"] * bool(self.modified)
        current = asked.get("if-range") in (None, self.etag, self.modified)
        if not (start and self.ranges and current):
            return "200 OK", names, self.content
        if start >= len(self.content):
            return "416 Range Not Satisfiable", [], b""
        total = len(self.content)
        return (
            "206 Partial",
            [*names, f"Content-Range: bytes {start}-{total - 1}/{total}"],
            self.content[start:],
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        asked = {name.lower(): value for name, value in (text.split(": ", 1) for text in lines)}
        self.requests.append(asked)
        status, names, body = self.answer(asked)
        head = [f"HTTP/1.1 {status}", *names, f"Content-Length: {len(body)}", "Connection: close", "", ""]
        cut = self.cuts.pop(0) if self.cuts else None
        writer.write("\r\n".join(head).encode() + body[:cut])
        await writer.drain()
        writer.close()
        if cut is not None:
            self.on_cut()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v/video.mp4?sig=hunter22"
    finally:
        listening.close()


def raw(reply: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    return serve


def fetch(serve: Serve, folder: Path, **options: object) -> Downloaded:
    async def main() -> Downloaded:
        async with serving(serve) as url:
            return await bring(HttpSource(url=url, trusted_origin=url), folder, **options)

    return asyncio.run(main())


async def bring(source: Source, folder: Path, **options: object) -> Downloaded:
    http = Http(first_wait=0.01)
    asked: dict[str, Any] = {"limit_bytes": LIMIT, "retry_wait": 0.01, **options}
    try:
        return await download(
            source, into=folder / "media", temp_dir=folder / "temp", http=http, part_name="r1", **asked
        )
    finally:
        await http.aclose()


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "temp").iterdir())


def assert_video(got: Downloaded, folder: Path, content: bytes = VIDEO) -> None:
    digest = hashlib.sha256(content).hexdigest()
    assert got == Downloaded(folder / "media" / digest[:2] / f"{digest}.mp4", digest, len(content), "video/mp4")
    assert got.path.read_bytes() == content
    assert leftovers(folder) == []


def test_a_download_lands_under_its_hash(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    got = fetch(Files().serve, tmp_path, on_progress=lambda *at: seen.append(at))
    assert_video(got, tmp_path)
    assert seen[-1] == (len(VIDEO), len(VIDEO))
    assert len(seen) >= 3
    assert seen == sorted(seen)


def test_the_same_video_twice_is_one_file(tmp_path: Path) -> None:
    assert fetch(Files().serve, tmp_path) == fetch(Files().serve, tmp_path)


def test_bytes_and_files_take_the_same_way(tmp_path: Path) -> None:
    made = tmp_path / "made.mp4"
    made.write_bytes(OTHER)
    assert_video(asyncio.run(bring(BytesSource(content=VIDEO), tmp_path)), tmp_path)
    assert_video(asyncio.run(bring(FileSource(path=made), tmp_path)), tmp_path, OTHER)
    assert made.read_bytes() == OTHER


def test_a_cut_is_resumed_where_it_happened(tmp_path: Path) -> None:
    files = Files(cuts=[1_500_000, 700_000])
    assert_video(fetch(files.serve, tmp_path), tmp_path)
    assert [asked.get("range") for asked in files.requests] == [None, "bytes=1500000-", "bytes=2200000-"]
    assert files.requests[1]["if-range"] == '"v1"'


def test_last_modified_will_do_for_resuming(tmp_path: Path) -> None:
    files = Files(etag='W/"weak"', modified="Wed, 21 Oct 2015 07:28:00 GMT", cuts=[1000])
    assert_video(fetch(files.serve, tmp_path), tmp_path)
    assert files.requests[1]["if-range"] == "Wed, 21 Oct 2015 07:28:00 GMT"


def test_a_file_that_changed_meanwhile_starts_over(tmp_path: Path) -> None:
    files = Files(cuts=[1_500_000])

    def change() -> None:
        files.content, files.etag = OTHER, '"v2"'

    files.on_cut = change
    assert_video(fetch(files.serve, tmp_path), tmp_path, OTHER)
    assert files.requests[1]["if-range"] == '"v1"'


@pytest.mark.parametrize("files", [Files(ranges=False, cuts=[9000]), Files(etag="", cuts=[9000])])
def test_without_ranges_or_a_version_it_starts_over(tmp_path: Path, files: Files) -> None:
    assert_video(fetch(files.serve, tmp_path), tmp_path)
    assert len(files.requests) == 2


def test_a_wrong_part_is_not_glued_on(tmp_path: Path) -> None:
    files = Files(cuts=[1_000_000])
    honest = files.answer

    def careless(asked: dict[str, str]) -> tuple[str, list[str], bytes]:
        if "range" in asked:
            return "206 Partial", ["Content-Range: bytes 5-9/10"], VIDEO[5:10]
        return honest(asked)

    files.answer = careless  # type: ignore[method-assign]
    assert_video(fetch(files.serve, tmp_path), tmp_path)
    assert ["range" in asked for asked in files.requests] == [False, True, False]


def test_a_range_that_is_gone_starts_over(tmp_path: Path) -> None:
    files = Files(cuts=[1_500_000])

    def shrink() -> None:
        files.content = OTHER[:1000]

    files.on_cut = shrink
    assert_video(fetch(files.serve, tmp_path), tmp_path, OTHER[:1000])


def test_four_cuts_give_up_and_a_later_call_goes_on(tmp_path: Path) -> None:
    files = Files(cuts=[100_000] * 4)
    with pytest.raises(Unavailable, match=rf"cut off 4 times, last at 400000 of {len(VIDEO)} bytes") as caught:
        fetch(files.serve, tmp_path)
    assert caught.value.money == SAFE
    assert "hunter22" not in caught.value.explained()
    assert leftovers(tmp_path) == ["r1.part", "r1.part.json"]
    assert_video(fetch(files.serve, tmp_path), tmp_path)
    assert files.requests[-1]["range"] == "bytes=400000-"


def test_a_finished_part_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    (tmp_path / "temp/r1.part").write_bytes(VIDEO)
    (tmp_path / "temp/r1.part.json").write_text(json.dumps({"validator": '"v1"', "total": len(VIDEO)}))
    dead = HttpSource(url="http://127.0.0.1:9/gone", trusted_origin="http://127.0.0.1:9")
    assert_video(asyncio.run(bring(dead, tmp_path)), tmp_path)


@pytest.mark.parametrize("note", [None, "{", "[]", '{"x": 1}'])
def test_bytes_of_unknown_origin_are_not_used(tmp_path: Path, note: str | None) -> None:
    (tmp_path / "temp").mkdir()
    (tmp_path / "temp/r1.part").write_bytes(b"left by someone")
    if note is not None:
        (tmp_path / "temp/r1.part.json").write_text(note)
    files = Files()
    assert_video(fetch(files.serve, tmp_path), tmp_path)
    assert "range" not in files.requests[0]


def test_a_body_shorter_than_announced_is_never_taken_for_whole(tmp_path: Path) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + VIDEO[:4000]
    with pytest.raises(Unavailable, match="cut off 4 times"):
        fetch(raw(cut), tmp_path)
    assert not (tmp_path / "media").exists()


def test_an_endless_body_is_cut_at_the_limit(tmp_path: Path) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\0\0\0\x18ftypmp42")
        try:
            while True:
                writer.write(bytes(65536))
                await writer.drain()
        except ConnectionError:
            writer.close()

    with pytest.raises(Unavailable, match="larger than the 2 MB allowed"):
        fetch(endless, tmp_path, limit_bytes=2_000_000)
    assert leftovers(tmp_path) == []


def test_a_large_file_is_refused_before_it_comes(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="larger than the"):
        fetch(Files().serve, tmp_path, limit_bytes=1000, on_progress=lambda *at: pytest.fail("it came"))


def test_a_stalled_body_is_broken_off(tmp_path: Path) -> None:
    connections = 0

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n\0\0\0\x18ftyp")
        # Returns when the client hangs up.
        await reader.read(-1)
        writer.close()

    with pytest.raises(Unavailable, match="it fell silent"):
        fetch(stall, tmp_path, stall=0.05)
    assert connections == 4


def test_a_trickle_is_broken_off_and_what_came_is_kept(tmp_path: Path) -> None:
    """It is never silent, so no limit on silence ends it."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 9999999\r\n\r\n' + VIDEO[:16])
        try:
            for _ in range(400):
                await asyncio.sleep(0.02)
                writer.write(b"x")
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    with pytest.raises(Unavailable, match=r"cut off 4 times.*bytes came in"):
        fetch(trickle, tmp_path, stall=0.3)
    assert leftovers(tmp_path) == ["r1.part", "r1.part.json"]


@pytest.mark.parametrize(
    ("kind", "body", "shown"),
    [
        ("video/mp4", b"<!DOCTYPE html><html>\n<body>Sign in", "text: <!DOCTYPE html><html> <body>Sign in"),
        ("video/mp4", b'{"error": "quota"}', 'text: {"error": "quota"}'),
        ("text/plain", b"try again later", "text: try again later"),
        ("video/mp4", b"<" + b"x" * 500, "text: <" + "x" * 79 + "…"),
    ],
)
def test_text_with_status_200_is_refused_and_shown(tmp_path: Path, kind: str, body: bytes, shown: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with pytest.raises(Unavailable) as caught:
        fetch(raw(head + body), tmp_path)
    assert caught.value.message == f"what arrived is not a video but {shown}"
    assert caught.value.money == SAFE
    assert leftovers(tmp_path) == []


def test_a_video_called_text_is_still_a_video(tmp_path: Path) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(VIDEO)}\r\n\r\n".encode()
    assert_video(fetch(raw(head + VIDEO), tmp_path), tmp_path)


def test_nothing_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="0 bytes"):
        fetch(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), tmp_path)
    with pytest.raises(Unavailable, match="0 bytes"):
        asyncio.run(bring(BytesSource(content=b""), tmp_path))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, b"", Expired),
        (410, b"", Expired),
        (403, b"<Error><Message>Request has expired</Message></Error>", Expired),
        (403, b"Signature not valid in the specified time frame", Expired),
        (403, b"not yours", NoVideo),
        (503, b"", Unavailable),
        (204, b"", NoVideo),
    ],
)
def test_statuses(tmp_path: Path, status: int, body: bytes, expected: type[Unavailable]) -> None:
    reply = f"HTTP/1.1 {status} X\r\nRetry-After: 0\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with pytest.raises(Unavailable, match=f"answered {status}") as caught:
        fetch(raw(reply), tmp_path)
    assert type(caught.value) is expected
    assert caught.value.money
    assert "hunter22" not in caught.value.explained()


def test_headers_are_sent_and_private_addresses_need_trust(tmp_path: Path) -> None:
    files = Files()

    async def main() -> None:
        async with serving(files.serve) as url:
            plain = HttpSource(url=url, headers={"Authorization": SecretStr("Bearer sk-1")})
            with pytest.raises(Unavailable, match="refused"):
                await bring(plain, tmp_path)
            assert files.requests == []
            await bring(plain.replace(trusted_origin=url), tmp_path)
            assert files.requests[0]["authorization"] == "Bearer sk-1"

    asyncio.run(main())


def test_a_file_that_is_gone_and_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(Expired, match="no longer exists"):
        asyncio.run(bring(FileSource(path=tmp_path / "nothing.mp4"), tmp_path))
    with pytest.raises(Unavailable, match="Is a directory"):
        asyncio.run(bring(FileSource(path=tmp_path), tmp_path))


@pytest.mark.parametrize("name", ["../evil", "a/b", ""])
def test_a_part_name_is_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a plain file name"):
        asyncio.run(
            download(
                BytesSource(content=VIDEO),
                into=tmp_path,
                temp_dir=tmp_path,
                http=Http(),
                part_name=name,
                limit_bytes=LIMIT,
            )
        )


def test_a_disk_that_refuses_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "temp").write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="cannot be written to disk") as caught:
        asyncio.run(bring(BytesSource(content=VIDEO), tmp_path))
    assert caught.value.money == SAFE


def test_a_part_changed_by_another_process_is_not_given_a_hash(tmp_path: Path) -> None:
    def meddle(*at: int | None) -> None:
        if at[0] == len(VIDEO):
            with (tmp_path / "temp/r1.part").open("ab") as file:
                file.write(b"more")
                os.fsync(file.fileno())

    with pytest.raises(Unavailable, match="changed by someone else"):
        fetch(Files().serve, tmp_path, on_progress=meddle)
    assert not (tmp_path / "media").exists()


def test_a_cancelled_download_goes_on_later(tmp_path: Path) -> None:
    files = Files()

    async def main() -> None:
        async with serving(files.serve) as url:
            task: asyncio.Task[Downloaded]
            source = HttpSource(url=url, trusted_origin=url)
            task = asyncio.ensure_future(bring(source, tmp_path, on_progress=lambda *at: task.cancel()))
            with pytest.raises(asyncio.CancelledError):
                await task
            assert_video(await bring(source, tmp_path), tmp_path)

    asyncio.run(main())
    assert int(files.requests[1]["range"].removeprefix("bytes=").rstrip("-")) > 0


CHILD = """
import asyncio, resource, signal, sys
from pathlib import Path
from reelwork.media.download import download
from reelwork.net.client import Http
from reelwork_hooks.provider import HttpSource

if len(sys.argv) > 3:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)

async def main():
    url, folder = sys.argv[1], Path(sys.argv[2])
    source = HttpSource(url=url, trusted_origin=url)
    await download(
        source, into=folder / "media", temp_dir=folder / "temp", http=Http(), part_name="r1",
        limit_bytes=10**9, on_progress=lambda done, total: print(done, flush=True),
    )

asyncio.run(main())
"""


async def child(url: str, folder: Path, *limit: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, str(folder), *limit, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@dataclass
class Slow(Files):
    """Sends `most` bytes of the first answer, and then nothing more until the client is gone."""

    most: int = 2_500_000

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.requests:
            await super().serve(reader, writer)
            return
        await reader.readuntil(b"\r\n\r\n")
        self.requests.append({})
        head = f"HTTP/1.1 200 OK\r\nETag: {self.etag}\r\nContent-Length: {len(self.content)}\r\n\r\n"
        writer.write(head.encode() + self.content[: self.most])
        # Returns when the client hangs up.
        await reader.read(-1)
        writer.close()


def test_a_killed_download_goes_on_in_another_process(tmp_path: Path) -> None:
    files = Slow()

    async def main() -> None:
        async with serving(files.serve) as url:
            killed = await child(url, tmp_path)
            assert killed.stdout is not None
            kept = 0
            while kept < 2_000_000:
                kept = int(await killed.stdout.readline())
            killed.kill()
            await killed.communicate()
            assert (tmp_path / "temp/r1.part").read_bytes() == VIDEO[:kept]
            assert_video(await bring(HttpSource(url=url, trusted_origin=url), tmp_path), tmp_path)
            assert files.requests[1]["range"] == f"bytes={kept}-"

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit on the size of files here")
def test_a_disk_that_is_full_halfway_is_said_and_the_download_goes_on_later(tmp_path: Path) -> None:
    files = Files()

    async def main() -> None:
        async with serving(files.serve) as url:
            full = await child(url, tmp_path, "1500000")
            _, errors = await full.communicate()
            last = errors.decode().splitlines()[-1]
            assert "Unavailable: the download cannot be written to disk: File too large" in last
            kept = (tmp_path / "temp/r1.part").stat().st_size
            assert kept == 1_500_000
            assert_video(await bring(HttpSource(url=url, trusted_origin=url), tmp_path), tmp_path)
            assert files.requests[1]["range"] == f"bytes={kept}-"

    asyncio.run(main())


def test_too_much_is_refused_while_what_came_before_is_still_being_written(tmp_path: Path) -> None:
    unannounced = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + VIDEO
    with pytest.raises(Unavailable, match="larger than the"):
        fetch(raw(unannounced), tmp_path, limit_bytes=2_000_000)
    assert leftovers(tmp_path) == []


def test_what_a_watcher_raises_ends_the_download_and_keeps_what_came(tmp_path: Path) -> None:
    def careless(*at: int | None) -> None:
        raise KeyError("watcher")

    with pytest.raises(KeyError):
        fetch(Files().serve, tmp_path, on_progress=careless)
    assert (tmp_path / "temp/r1.part").read_bytes() == VIDEO[: (tmp_path / "temp/r1.part").stat().st_size]
    assert_video(fetch(Files().serve, tmp_path), tmp_path)
