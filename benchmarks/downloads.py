"""The speed of storing and hashing a large video, beside `curl` with `openssl dgst -sha256`.

    python -m benchmarks.downloads [--megabytes 1000] [--rounds 5] [--folder FOLDER]

A file server in a process of its own sends the same file to each in turn, over loopback. `curl` writes to disk
through `tee` while `openssl` reads it. Reelwork's own `download()` runs in a new process. Both are measured twice:
without waiting for the disk, and until the bytes are safe on it. Reelwork always waits; its fsync is disabled for
the first figure. On a shared machine, compare the processor's seconds rather than those of the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

GOAL = 0.8
GOAL_MEGABYTES = 80


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="reelwork-downloads-", dir=options.folder) as name:
        folder = Path(name)
        source = folder / "source.mp4"
        digest = _make(source, options.megabytes)
        with _serving(source) as url:
            _measure(url, folder, digest, options)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", help="On the disk that is to be measured; the system's temporary folder if not."
    )
    return parser.parse_args(arguments)


def _make(path: Path, megabytes: int) -> str:
    """Write a file that begins like a video and cannot be compressed. Return its hash."""
    digest = hashlib.sha256()
    chance = random.Random(1)
    with path.open("wb") as file:
        for number in range(megabytes):
            piece = chance.randbytes(1_000_000)
            if not number:
                piece = b"\0\0\0\x18ftypmp42" + piece[12:]
            file.write(piece)
            digest.update(piece)
        os.fsync(file.fileno())
    return digest.hexdigest()


@contextmanager
def _serving(path: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.file_server", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/video.mp4"
        assert server.stdin is not None
        server.stdin.close()


def _measure(url: str, folder: Path, digest: str, options: argparse.Namespace) -> None:
    into = folder / "got"
    kinds: dict[str, Callable[[], float]] = {
        "the server alone": lambda: _drain(url),
        "curl | tee FILE | openssl": lambda: _curl(url, into, digest, safe=False),
        "curl -o FILE; openssl": lambda: _curl_then_openssl(url, into, digest),
        "reelwork, kept from fsync": lambda: _reelwork(url, into, digest, safe=False),
        "curl | tee FILE | openssl; sync": lambda: _curl(url, into, digest, safe=True),
        "reelwork": lambda: _reelwork(url, into, digest, safe=True),
    }
    times: dict[str, list[float]] = {name: [] for name in kinds}
    work: dict[str, list[float]] = {name: [] for name in kinds}
    _drain(url)
    # Interleaved, so that the machine's other load meets all of them alike. Each round deletes its files, so that
    # the disk does not write them during the next one.
    for _ in range(options.rounds):
        for name, once in kinds.items():
            into.mkdir()
            before = _worked()
            times[name].append(once())
            work[name].append(_worked() - before)
            _empty(into)
    _print(times, work, options.megabytes)


def _worked() -> float:
    """Return the seconds of processor time of this process and of the children it waited for."""
    return sum(os.times()[:4])


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


_memory: list[int] = []


def _print(times: dict[str, list[float]], work: dict[str, list[float]], megabytes: int) -> None:
    median = {name: statistics.median(taken) for name, taken in times.items()}
    against = {
        "reelwork, kept from fsync": "curl | tee FILE | openssl",
        "reelwork": "curl | tee FILE | openssl; sync",
    }
    print(f"{'':32} {'median s':>9} {'MB/s':>6} {'range s':>13} {'CPU s':>6} {'speed ÷ curl':>13} {'goal':>5}")
    for name, taken in times.items():
        ratio = f"{median[against[name]] / median[name]:.2f}" if name in against else ""
        goal = f"{GOAL}" if name in against else ""
        spread = f"{min(taken):.2f}–{max(taken):.2f}"
        row = f"{name:32} {median[name]:9.2f} {megabytes / median[name]:6.0f} {spread:>13}"
        print(f"{row} {statistics.median(work[name]):6.2f} {ratio:>13} {goal:>5}")
    print(f"reelwork's most resident memory: {max(_memory) / 1e6:.0f} MB (goal {GOAL_MEGABYTES})")


def _drain(url: str) -> float:
    """Return the seconds of a reader that throws everything away: the server's own speed."""
    host, port = url.split("/")[2].split(":")
    buffer = bytearray(1024 * 1024)
    start = time.perf_counter()
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /video.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
        while connection.recv_into(buffer):
            pass
    return time.perf_counter() - start


def _curl(url: str, into: Path, digest: str, *, safe: bool) -> float:
    file = shlex.quote(str(into / "curl.mp4"))
    command = f"curl -s {shlex.quote(url)} | tee {file} | openssl dgst -sha256"
    return _shell(f"{command} && sync {file}" if safe else command, digest)


def _curl_then_openssl(url: str, into: Path, digest: str) -> float:
    file = shlex.quote(str(into / "curl.mp4"))
    return _shell(f"curl -s -o {file} {shlex.quote(url)} && openssl dgst -sha256 {file}", digest)


def _shell(command: str, digest: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True, check=True)
    taken = time.perf_counter() - start
    assert digest in done.stdout, done.stdout
    return taken


def _reelwork(url: str, into: Path, digest: str, *, safe: bool) -> float:
    """Return the seconds of `download()` itself, without the start of Python, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.downloads", "fetch", url, str(into), "safe" if safe else ""]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    taken, got, peak = done.stdout.split()
    assert got == digest
    _memory.append(int(peak))
    return float(taken)


def fetch(url: str, into: Path, *, safe: bool) -> None:
    """Download, and print the seconds, the hash and the most memory in bytes. Runs in a process of its own."""
    from reelwork.media.download import download
    from reelwork.net.client import Http
    from reelwork_hooks.provider import HttpSource

    if not safe:
        os.fsync = lambda handle: None  # type: ignore[assignment]

    async def main() -> None:
        http = Http()
        start = time.perf_counter()
        got = await download(
            HttpSource(url=url, trusted_origin=url), into=into, temp_dir=into, http=http, part_name="r1",
            limit_bytes=100_000_000_000,
        )  # fmt: skip
        print(time.perf_counter() - start, got.sha256, _peak())
        await http.aclose()

    asyncio.run(main())


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell the most memory a process had")


if __name__ == "__main__":
    if sys.argv[1:2] == ["fetch"]:
        fetch(sys.argv[2], Path(sys.argv[3]), safe=sys.argv[4] == "safe")
    else:
        main()
