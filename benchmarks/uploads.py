"""The most memory that an upload takes, by the size of its file, beside a small one.

    python -m benchmarks.uploads [--megabytes 4096] [--folder FOLDER]

A file without contents (sparse) is sent as a body, as the file of a form and in slices of 64 MB, and an answer is
streamed back. Each runs in a new process, to a server in another one that throws away what it gets.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwork.net.client import Http

ROOT = Path(__file__).parents[1]
WAYS = ("body", "form", "slices", "answer")
SMALL = 8
"""Megabytes of the file that memory is compared with."""
GOAL = 16
"""Megabytes that the largest file may take beyond the small one."""
SLICE = 64_000_000


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=4096)
    parser.add_argument("--folder", help="Where the file is made; the system's temporary folder if not given.")
    options = parser.parse_args(arguments)
    print(f"{'':8} {'MB':>6} {'seconds':>8} {'MB/s':>6} {'memory MB':>10} {f'beyond {SMALL} MB':>12} {'goal':>5}")
    with tempfile.TemporaryDirectory(prefix="reelwork-uploads-", dir=options.folder) as name, serving() as url:
        for way in WAYS:
            seconds, base, peak = measure(url, Path(name), options.megabytes, way)
            speed, more = options.megabytes / seconds, (peak - base) / 1e6
            row = f"{way:8} {options.megabytes:6} {seconds:8.2f} {speed:6.0f} {peak / 1e6:10.1f}"
            print(f"{row} {more:12.1f} {GOAL:5}")


def measure(url: str, folder: Path, megabytes: int, *ways: str) -> tuple[float, int, int]:
    """Return the seconds, and the most memory in bytes for a small file and for this one, in a new process."""
    path = folder / "film.mp4"
    path.touch()
    os.truncate(path, megabytes * 1_000_000)
    command = [sys.executable, "-m", "benchmarks.uploads", "send", url, str(path), *ways]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600, cwd=ROOT)
    taken, base, peak, arrived = done.stdout.split()
    if int(arrived) < megabytes * 1_000_000 * len(ways):
        raise RuntimeError(f"only {arrived} bytes arrived")
    return float(taken), int(base), int(peak)


@contextmanager
def serving() -> Iterator[str]:
    """Run the server for a while, and give its address."""
    command = [sys.executable, "-m", "benchmarks.uploads", "serve"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        server.stdin.close()


def send(url: str, path: Path, ways: Sequence[str]) -> None:
    """Send a small part, then the file. Print the seconds, the most memory of each, and the bytes that arrived."""

    async def run() -> None:
        from reelwork.net.client import Http
        from reelwork_hooks.http import FileSlice

        http = Http(trust=[url])
        await http.put(url, content=FileSlice(path, 0, SMALL * 1_000_000))
        base, began = _peak(), time.perf_counter()
        arrived = sum([await _transfer(http, url, path, way) for way in ways])
        print(time.perf_counter() - began, base, _peak(), arrived)
        await http.aclose()

    asyncio.run(run())


async def _transfer(http: Http, url: str, path: Path, way: str) -> int:
    from reelwork_hooks.http import FileSlice

    size = os.stat(path).st_size
    if way == "body":
        return int((await http.put(url, content=path, timeout=300)).text)
    if way == "form":
        files = {"video": ("video.mp4", path, "video/mp4")}
        return int((await http.post(url, data={"title": "Dawn"}, files=files, timeout=300)).text)
    if way == "slices":
        starts = range(0, size, SLICE)
        parts = [FileSlice(path, start, min(SLICE, size - start)) for start in starts]
        return sum([int((await http.put(url, content=part, repeatable=True)).text) for part in parts])
    async with http.stream("GET", f"{url}{size}") as answer:
        return sum([len(piece) async for piece in answer.chunks])


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell the most memory a process had")


def serve() -> None:
    """Count what arrives and throw it away, until standard input ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening,), daemon=True).start()
        print(listening.getsockname()[1], flush=True)
        sys.stdin.read()


def _accept(listening: socket.socket) -> None:
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    buffer = bytearray(1024 * 1024)
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        head, _, rest = head.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        got, wanted = len(rest), int(length[1]) if length else 0
        while got < wanted and (count := connection.recv_into(buffer)):
            got += count
        body = str(got).encode()
        asked = re.match(rb"GET /(\d+) ", head)
        size = int(asked[1]) if asked else len(body)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode())
        for start in range(0, size if asked else 0, len(buffer)):
            connection.sendall(bytes(min(len(buffer), size - start)))
        if not asked:
            connection.sendall(body)


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        send(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
    elif sys.argv[1:2] == ["serve"]:
        serve()
    else:
        main()
