"""Webhooks at 200 a second to a studio at work, beside a bare Starlette handler that commits one row for each.

Both answer on loopback from a process of their own, with a SQLite file with `synchronous=FULL`. The server of
Reelwork has 5,000 renders to poll and 100,000 done jobs, and 50 readers follow its events. It checks each
signature, refuses replays, and polls the render that a webhook names; one render ends each second, and its job is
finished. The sender keeps to its times whatever the answers take, so that one that is late is seen.

To run:  python -m benchmarks.webhook_load [--rate 200] [--seconds 20] [--waiting 5000] [--done 100000]
                                           [--readers 50] [--elsewhere]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.in_flight import longest_gap, looks
from benchmarks.studio_at_work import STARTING_SECONDS, left_to_others, let_some_end, make_studio, readers, serving
from benchmarks.webhook_latency import INTERVAL, SECRET

RATE = 200
SECONDS = 20.0
WAITING, DONE, READERS = 5_000, 100_000, 50
PAGE_SECONDS = 1.0
"""Seconds between two looks at the first page."""
BARE = """
import sqlite3, sys
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route
db = sqlite3.connect("bare.db", isolation_level=None, check_same_thread=False)
db.execute("PRAGMA journal_mode=WAL"); db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE hooks (id TEXT PRIMARY KEY, body BLOB)")
async def hook(request):
    body = await request.body()
    db.execute("INSERT OR IGNORE INTO hooks VALUES (?, ?)", (request.headers["webhook-id"], body))
    return Response(status_code=204)
app = Starlette(routes=[Route("/webhooks/sora", hook, methods=["POST"])])
print("Serving http://127.0.0.1:" + sys.argv[1], flush=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", access_log=False,
            timeout_keep_alive=60)
"""


def signed(id_: str, body: bytes) -> Mapping[str, str]:
    stamp = str(int(time.time()))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signature}


async def answers(url: str, rate: int, seconds: float, videos: Sequence[str]) -> list[float]:
    """The seconds from when each webhook was due until it was answered with 204."""
    found: list[float] = []
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=60) as client:

        async def send(number: int, due: float) -> None:
            body = json.dumps({"type": "video.completed", "data": {"id": videos[number % len(videos)]}}).encode()
            answer = await client.post(url, content=body, headers=signed(f"m{number}", body))
            assert answer.status_code == 204, answer.text
            found.append(time.monotonic() - due)

        begun = time.monotonic() + 0.5
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = begun + number / rate
                await asyncio.sleep(max(due - time.monotonic(), 0))
                group.create_task(send(number, due))
    return found


async def pages(url: str, seconds: float) -> list[float]:
    """The seconds that the first page takes, asked for again and again."""
    found: list[float] = []
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            begun = time.monotonic()
            answer = await client.get(url)
            assert answer.status_code == 200, answer.text
            found.append(time.monotonic() - begun)
            await asyncio.sleep(PAGE_SECONDS)
    return found


def bare(folder: Path, rate: int, seconds: float) -> list[float]:
    """The answers of the bare handler."""
    (folder / "bare.py").write_text(BARE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "bare.py", str(port)], cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}/webhooks/sora"
        _until_answering(url)
        return asyncio.run(answers(url, rate, seconds, ("v1",)))
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Served:
    """What was measured of a server."""

    answers: Sequence[float]
    pages: Sequence[float]
    cpu_seconds: float
    """Seconds of processor that the server used."""
    seconds: float
    """Seconds that it took."""
    megabytes: float
    longest_gap: float
    """The most seconds between two polls of one render."""
    ended: int
    """Jobs that were done meanwhile."""
    read: Sequence[int]
    """The events that each reader got."""


def served(folder: Path, given: argparse.Namespace) -> Served:
    """Measure a server in a studio at work."""
    studio = make_studio(folder, waiting=given.waiting, done=given.done)
    begun, waiting = time.time(), let_some_end(studio, given.seconds)
    others = left_to_others(studio, waiting) if given.elsewhere else nullcontext()
    with others, studio.service() as service, serving(folder) as server, readers(server.url, given.readers) as read:
        time.sleep(max(begun + STARTING_SECONDS - time.time(), 2 * INTERVAL))
        service.read("requests", "DELETE")
        before, done, since = server.used, studio.done(), time.time()
        answered, shown = asyncio.run(asked(server.url, given, waiting))
        seconds, after = time.time() - since, server.used
        log, jobs = service.read("requests")["requests"], service.read("jobs")["jobs"]
        polled = () if given.elsewhere else waiting
        gap = (
            longest_gap(looks(log, [job["id"] for job in jobs]), polled, since, since + seconds) if polled else 0.0
        )
        ended = studio.done() - done
    used = after.cpu_seconds - before.cpu_seconds
    return Served(answered, shown, used, seconds, after.highest, gap, ended, read.events)


async def asked(url: str, given: argparse.Namespace, videos: Sequence[str]) -> tuple[list[float], list[float]]:
    """The answers to webhooks about these videos, and to the first page beside them."""
    sending = answers(f"{url}/webhooks/sora", given.rate, given.seconds, videos)
    return await asyncio.gather(sending, pages(f"{url}/", given.seconds))


def _until_answering(url: str) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=RATE, help="webhooks a second")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long they are sent")
    parser.add_argument("--waiting", type=int, default=WAITING, help="renders that are waited for")
    parser.add_argument("--done", type=int, default=DONE, help="jobs that are done")
    parser.add_argument("--readers", type=int, default=READERS, help="readers that follow the events")
    parser.add_argument("--elsewhere", action="store_true", help="another process polls the renders")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        lowest = shown("bare handler", bare(Path(name), given.rate, given.seconds))
    with tempfile.TemporaryDirectory() as name:
        found = served(Path(name), given)
    highest = shown("reelwork serve", found.answers)
    shown("its first page", found.pages)
    print(f"p99 ratio {highest / lowest:.1f}; at most {found.megabytes:.0f} MB")
    print(f"{found.cpu_seconds:.1f} s of processor in {found.seconds:.0f} s")
    if not given.elsewhere:
        print(f"longest time without a poll of a render: {found.longest_gap / INTERVAL:.2f} intervals")
    got = sorted(found.read) or [0]
    print(f"{found.ended} jobs were done meanwhile; each reader got {got[0]} to {got[-1]} events")


def shown(who: str, found: Sequence[float]) -> float:
    """Print how long answers took; returns the 99th percentile."""
    ordered = sorted(found)
    p50, p99 = (ordered[int(share * (len(ordered) - 1))] * 1000 for share in (0.5, 0.99))
    print(f"{who:14} p50 {p50:7.1f} ms, p99 {p99:7.1f} ms ({len(ordered)} answered)", flush=True)
    return p99


if __name__ == "__main__":
    main()
