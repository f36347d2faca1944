"""Follows the events of a server with many readers at once, until a line comes; prints how many each one got.

To run:  python -m benchmarks.event_readers URL COUNT
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import urlsplit


async def follow(host: str, port: int, got: list[int], at: int, ready: asyncio.Semaphore) -> None:
    """Count the events that one reader gets."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    status = await reader.readline()
    if b" 200 " not in status:
        raise SystemExit(f"a reader was refused: {status.decode()}")
    ready.release()
    while line := await reader.readline():
        got[at] += line.startswith(b"id:")


async def main(url: str, count: int) -> None:
    parts, got, ready = urlsplit(url), [0] * count, asyncio.Semaphore(0)
    host, port = parts.hostname or "", parts.port or 80
    tasks = [asyncio.create_task(follow(host, port, got, at, ready)) for at in range(count)]
    for _ in tasks:
        await ready.acquire()
    print(f"following with {count}", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(got), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
