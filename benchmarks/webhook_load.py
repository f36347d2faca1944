"""Webhooks at 200 a second, beside a bare Starlette handler that commits one row for each.

Both answer on loopback from a process of their own, with a SQLite file with `synchronous=FULL`. The server of
Reelwork drives a store with many waiting renders meanwhile, checks each signature, refuses replays, and moves the
due time of a render. The sender keeps to its times whatever the answers take, so that one that is late is seen.

To run:  python -m benchmarks.webhook_load [--rate 200] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import httpx

from benchmarks.webhook_latency import SECRET, started
from reelwork.store.sqlite.store import SqliteStore

RATE = 200
SECONDS = 20.0
RENDERS = 5_000
LATER = 86_400.0
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
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", access_log=False)
"""


def signed(id_: str, body: bytes) -> Mapping[str, str]:
    stamp = str(int(time.time()))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signature}


async def answers(url: str, rate: int, seconds: float) -> list[float]:
    """The seconds from when each webhook was due until it was answered with 204."""
    found: list[float] = []
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=60) as client:

        async def send(number: int, due: float) -> None:
            body = json.dumps({"type": "video.completed", "data": {"id": f"v{number % RENDERS}"}}).encode()
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


def fill(path: Path) -> None:
    """A store with many renders that somebody else polls all day: their provider is not what is measured."""
    SqliteStore(path).close()
    now = time.time()
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "INSERT INTO renders(id, job_id, run_id, provider, account, remote_id, details, state, submitted_at,"
            " due_at, deadline_at, owner, lease_until)"
            " VALUES (?, ?, 'r', 'p', 'a', ?, '{}', 'queued', ?, ?, ?, 'x', ?)",
            [(f"r{n}", f"j{n}", f"v{n}", now, now + LATER, now + LATER, now + LATER) for n in range(RENDERS)],
        )


def measured(folder: Path, rate: int, seconds: float, *, bare: bool) -> list[float]:
    if bare:
        (folder / "bare.py").write_text(BARE)
        import socket

        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen([sys.executable, "bare.py", str(port)], cwd=folder)
        try:
            url = f"http://127.0.0.1:{port}/webhooks/sora"
            _until_answering(url)
            return asyncio.run(answers(url, rate, seconds))
        finally:
            process.terminate()
            process.wait()
    (folder / "reelwork.toml").write_text(
        'store = "store.db"\n[webhooks_in.sora]\nscheme = "standard"\nsecrets = ["file:secret"]\n'
    )
    (folder / "secret").write_text(SECRET)
    fill(folder / "store.db")
    with started(folder, "serve", r"Serving (\S+)", "serve", "--port", "0") as server:
        return asyncio.run(answers(f"{server}/webhooks/sora", rate, seconds))


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
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args(arguments)
    highest: dict[bool, float] = {}
    for bare in (True, False):
        with tempfile.TemporaryDirectory() as name:
            found = sorted(measured(Path(name), given.rate, given.seconds, bare=bare))
        p50, p99 = (found[int(share * (len(found) - 1))] * 1000 for share in (0.5, 0.99))
        highest[bare] = p99
        who = "bare handler" if bare else "reelwork serve"
        print(f"{who:14} {given.rate} webhooks/s: p50 {p50:7.1f} ms, p99 {p99:7.1f} ms ({len(found)} answered)")
    print(f"p99 ratio {highest[False] / highest[True]:.1f}")


if __name__ == "__main__":
    main()
