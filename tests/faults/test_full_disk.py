"""A full disk: said plainly, nothing sent that is not written down, nothing lost, and with room it goes on."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import StoreInvalid, StoreUnwritable
from reelwork.media.download import Downloaded, download
from reelwork.net.client import Http
from reelwork.store.records import RunRow
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.store import SqliteStore
from reelwork_hooks.errors import Unavailable
from reelwork_hooks.provider import BytesSource, HttpSource, Source

sys.path.insert(0, str(Path(__file__).parent))

from test_kill_batch import creates, write_rows, write_workflow

MB = 1_000_000
VIDEO = b"\0\0\0\x18ftypmp42" + random.Random(7).randbytes(3 * MB)
SAID = (
    "could not be written: ",
    "What was not written down was not sent. What was sent is looked up, not sent again.",
    "Make room on the disk or check its rights, then: reelwork resume",
)


class SmallDisk:
    """A file system with few megabytes, of which all can be taken and given back."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, leave: int = 0) -> None:
        """Take all room but so many bytes."""
        size = 1 << 20
        with (self.path / "filler").open("ab") as file:
            while size:
                try:
                    os.write(file.fileno(), b"\0" * size)
                except OSError:
                    size //= 2
            os.truncate(file.fileno(), max(0, file.tell() - leave))

    def make_room(self) -> None:
        """Give it back."""
        (self.path / "filler").unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    path = tmp_path / "disk"
    path.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system (tmpfs)")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(path)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system could be mounted: {mounted.stderr.strip()}")
    yield SmallDisk(path)
    # Lazily: a thread that was left behind may still have a file open there.
    subprocess.run(["umount", "--lazy", str(path)], check=True)


# --- the store -----------------------------------------------------------------------------------------


def test_a_batch_on_a_full_disk_stops_and_pays_for_each_row_once(
    simulator: Any, terminal: Any, disk: SmallDisk
) -> None:
    server = simulator(render_seconds=0.3)
    write_workflow(terminal.folder, server.url_of("sora") + "/v1", "sora")
    write_rows(terminal.folder, 40)
    command = (
        *("run", "rows.csv", "--workflow", "live.toml", "--yes", "--out", "out"),
        *("--store", str(disk.path / "s.db")),
    )
    stopped = 0
    for target in (0, 1, 12, 33, 40):
        process = terminal.start(*command)
        wait_until(lambda target=target: sum(creates(server).values()) >= target, process)
        disk.fill()
        output, in_time = outcome_of(process, disk)
        if process.returncode:
            stopped += in_time
            assert "Traceback" not in output
            assert "never retrieved" not in output
            assert process.returncode == 1 or sum(creates(server).values()) == 0 or "cannot be used" in output
        assert set(creates(server).values()) <= {1}
    assert stopped >= 2
    code, output = terminal.run(*command)
    assert code == 0, output
    assert len(creates(server)) == 40
    assert set(creates(server).values()) == {1}
    report = check(disk.path / "s.db", time.time())
    assert report.jobs == {"done": 40}
    assert report.ok
    assert len(list((terminal.folder / "out" / "gallery" / "entries").glob("*.json"))) == 40


def outcome_of(process: subprocess.Popen[str], disk: SmallDisk) -> tuple[str, bool]:
    """What it says, and whether it ended before there was room again.

    The store may find room in its own log, and then only downloads are tried again and again.
    """
    try:
        return process.communicate(timeout=15)[0], True
    except subprocess.TimeoutExpired:
        disk.make_room()
        return process.communicate(timeout=120)[0], False
    finally:
        disk.make_room()


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not reached() and process.poll() is None:
        time.sleep(0.002)


def test_a_store_that_cannot_be_written_says_so_and_keeps_what_it_had(disk: SmallDisk) -> None:
    store = SqliteStore(disk.path / "s.db")
    try:
        kept = fill_up_with_runs(store, disk)
        disk.make_room()
        asyncio.run(store.add_run(RunRow("after", None, "flow", "{}", 0.0)))
        assert store.run("after") is not None
        assert all(store.run(f"run-{number}") is not None for number in range(kept))
        assert store.run(f"run-{kept}") is None
    finally:
        store.close()
    assert check(disk.path / "s.db", 0).ok


def test_a_store_on_a_full_disk_is_not_taken_for_somebody_elses(disk: SmallDisk) -> None:
    path = disk.path / "s.db"
    SqliteStore(path).close()
    disk.fill()
    with pytest.raises(StoreInvalid, match="cannot be used") as refused:
        SqliteStore(path)
    assert refused.value.hint.startswith("Make room on the disk")
    assert "Do not use another store" in refused.value.hint
    disk.make_room()
    SqliteStore(path).close()


def fill_up_with_runs(store: SqliteStore, disk: SmallDisk) -> int:
    """Write until the disk refuses; returns how many runs were written."""
    disk.fill(leave=200_000)
    for number in range(1000):
        run = RunRow(f"run-{number}", None, "flow", "x" * 5_000, 0.0)
        try:
            asyncio.run(store.add_run(run))
        except StoreUnwritable as error:
            said = error.explained()
            assert all(words in said for words in SAID)
            return number
    raise AssertionError("the disk never was full")


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from reelwork.errors import StoreUnwritable
from reelwork.store.records import RunRow
from reelwork.store.sqlite.store import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
written = 0
try:
    while True:
        asyncio.run(store.add_run(RunRow(f"run-{written}", None, "flow", "x" * 5_000, 0.0)))
        written += 1
except StoreUnwritable as error:
    print(error.explained())
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
asyncio.run(store.add_run(RunRow("after", None, "flow", "{}", 0.0)))
store.close()
print(written)
"""


def test_a_store_that_may_grow_no_further_says_so_and_goes_on_with_room(tmp_path: Path) -> None:
    """A limit on the size of files: needs no mount, so it is tried wherever limits exist."""
    pytest.importorskip("resource")
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "s.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    *said, written = done.stdout.splitlines()
    assert all(words in " ".join(said) for words in SAID)
    store = SqliteStore(tmp_path / "s.db")
    try:
        assert int(written) > 10
        assert all(store.run(f"run-{number}") is not None for number in range(int(written)))
        assert store.run("after") is not None
    finally:
        store.close()
    assert check(tmp_path / "s.db", 0).ok


def test_a_backup_for_which_there_is_no_room(disk: SmallDisk, tmp_path: Path) -> None:
    from reelwork.store.sqlite.maintenance.backup import backup

    store = SqliteStore(tmp_path / "s.db")
    asyncio.run(store.add_run(RunRow("run", None, "flow", "x" * MB, 0.0)))
    store.close()
    backup(tmp_path / "s.db", disk.path / "b.db")
    before = (disk.path / "b.db").read_bytes()
    disk.fill(leave=100_000)
    with pytest.raises(StoreInvalid, match=r"full|space") as refused:
        backup(tmp_path / "s.db", disk.path / "b.db", force=True)
    assert "Make room" in refused.value.hint
    assert {path.name for path in disk.path.iterdir()} == {"b.db", "filler"}
    assert (disk.path / "b.db").read_bytes() == before


# --- downloads -----------------------------------------------------------------------------------------


async def bring(source: Source, folder: Path) -> Downloaded:
    http = Http(first_wait=0.01)
    try:
        return await download(
            source,
            into=folder / "assets",
            temp_dir=folder / "partial",
            http=http,
            part_name="r1",
            limit_bytes=10**8,
            retry_wait=0.01,
        )
    finally:
        await http.aclose()


class Videos(BaseHTTPRequestHandler):
    """Serves the video, also from where a download left off."""

    asked: list[str]

    def do_GET(self) -> None:
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.asked.append(self.headers.get("Range", ""))
        self.send_response(206 if begin else 200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(VIDEO) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(VIDEO) - 1}/{len(VIDEO)}")
        self.end_headers()
        # The other side may hang up when its disk is full.
        try:
            self.wfile.write(VIDEO[begin:])
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def videos() -> Iterator[tuple[str, list[str]]]:
    handler = type("Handler", (Videos,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/video.mp4", handler.asked  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_goes_on_where_the_disk_was_full(disk: SmallDisk, videos: tuple[str, list[str]]) -> None:
    url, asked = videos
    source = HttpSource(url=url, trusted_origin=url)
    disk.fill(leave=2 * MB)
    with pytest.raises(Unavailable, match="cannot be written to disk") as refused:
        asyncio.run(bring(source, disk.path))
    assert "Make room on the disk" in refused.value.hint
    assert "paid for and not lost" in refused.value.money
    assert not list(disk.path.glob("assets/*/*"))
    arrived = (disk.path / "partial/r1.part").stat().st_size
    assert arrived > MB
    disk.make_room()
    got = asyncio.run(bring(source, disk.path))
    assert got.sha256 == hashlib.sha256(VIDEO).hexdigest()
    assert got.path.read_bytes() == VIDEO
    assert asked[-1] == f"bytes={arrived}-"
    assert list(disk.path.glob("partial/*")) == []


def test_a_made_file_is_taken_anew_when_the_disk_was_full(disk: SmallDisk) -> None:
    disk.fill(leave=2 * MB)
    with pytest.raises(Unavailable, match="No space left on device"):
        asyncio.run(bring(BytesSource(content=VIDEO), disk.path))
    disk.make_room()
    assert asyncio.run(bring(BytesSource(content=VIDEO), disk.path)).path.read_bytes() == VIDEO


def test_no_room_even_for_the_note_beside_a_download(disk: SmallDisk, videos: tuple[str, list[str]]) -> None:
    url, _ = videos
    source = HttpSource(url=url, trusted_origin=url)
    (disk.path / "partial").mkdir()
    disk.fill()
    with pytest.raises(Unavailable, match="cannot be written to disk"):
        asyncio.run(bring(source, disk.path))
    disk.make_room()
    assert asyncio.run(bring(source, disk.path)).path.read_bytes() == VIDEO


# --- what plugins keep ---------------------------------------------------------------------------------


def test_local_and_gallery_on_a_full_disk_fail_the_job_and_resume_ends_it(
    simulator: Any, terminal: Any, disk: SmallDisk
) -> None:
    server = simulator()
    write_workflow(terminal.folder, server.url_of("sora") + "/v1", "sora")
    text = (terminal.folder / "live.toml").read_text().replace("post_download = []", 'post_download = ["local"]')
    (terminal.folder / "live.toml").write_text(text)
    write_rows(terminal.folder, 3)
    out = disk.path / "out"
    (out / "videos").mkdir(parents=True)
    disk.fill(leave=8192)
    code, output = terminal.run("run", "rows.csv", "--workflow", "live.toml", "--yes", "--out", str(out))
    assert code == 1, output
    assert "there is no room left on the disk" in output
    assert "Traceback" not in output
    assert not list(disk.path.rglob("*.part"))
    disk.make_room()
    code, output = terminal.run("resume")
    assert code == 0, output
    assert len(creates(server)) == 3
    assert set(creates(server).values()) == {1}
    assert len(list((out / "gallery" / "entries").glob("*.json"))) == 3
    assert len(list((out / "videos" / "by-name").iterdir())) == 3
