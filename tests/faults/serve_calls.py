"""What a careful caller of `reelwork serve` does: it sends each request with a key, and again with the same one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from reelwork.ids import new_id
from reelwork.server import tokens
from reelwork.server.tokens import Scope
from reelwork.store.sqlite.store import SqliteStore
from reelwork_hooks import InvalidInput, ReelworkError

WAIT_SECONDS = 120.0
"""Longer than anything takes that is waited for here."""


def token_of(folder: Path) -> str:
    """Return the token of all processes in a folder: keys of requests are each token's own."""
    kept, part = folder / "token", folder / f"token-{os.getpid()}"
    # Whoever comes second waits for the first one's.
    with closing(SqliteStore(folder / "store.db")) as store, suppress(InvalidInput):
        part.write_text(asyncio.run(tokens.add(store, "case", (Scope.ADMIN,), time.time())))
        part.rename(kept)
    ends = time.monotonic() + WAIT_SECONDS
    while not kept.exists() and time.monotonic() < ends:
        time.sleep(0.01)
    return kept.read_text()


class Plain(httpx.AsyncHTTPTransport):
    """A transport of its own class: requests to other sides may be watched, and these are not."""

    handle_async_request = httpx.AsyncHTTPTransport.handle_async_request


def caller(url: str, token: str) -> httpx.AsyncClient:
    """Return a client of a server."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=url, headers=headers, transport=Plain(), timeout=60)


async def send(
    http: httpx.AsyncClient, rows: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], key: str
) -> None:
    """Launch a batch, once however often it is sent."""
    agree = {"unknown_cost": True, "cost": "100", "public": settings["plugins"]["publish"]}
    asked = {"rows": list(rows), "settings": settings, "agree": agree}
    answer = await http.post(
        "/api/v1/runs", json=asked, headers={"Idempotency-Key": sha256(key.encode()).hexdigest()}
    )
    if answer.status_code != 201:
        raise ReelworkError(f"The rows were refused: {answer.text}")


async def let_go_on(http: httpx.AsyncClient) -> None:
    """Let go on what has failed or is held."""
    for status in ("failed", "held"):
        for job in (await http.get("/api/v1/jobs", params={"status": status, "limit": 100})).json()["items"]:
            headers = {"Idempotency-Key": new_id()}
            answer = await http.post(f"/api/v1/jobs/{job['id']}/resume", json={}, headers=headers)
            # Another server may have taken it meanwhile.
            if answer.status_code not in (200, 409):
                raise ReelworkError(f"The job was not resumed: {answer.text}")


async def until_idle(http: httpx.AsyncClient) -> None:
    """Wait until nothing goes on by itself any more."""
    # As a caller does who has no stream of events.
    while (await http.get("/api/v1/jobs", params={"status": "active"})).json()["items"]:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
