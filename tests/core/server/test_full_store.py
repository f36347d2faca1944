"""What a caller is told when the store has no room left."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

import httpx
from tests.core.server.test_access import ALONE

from reelwork.credentials.accounts import Accounts
from reelwork.plugins.catalog import Catalog
from reelwork.server import tokens
from reelwork.server.app import create_app
from reelwork.server.meters import Meters
from reelwork.server.offered import Offered
from reelwork.server.operations import Served
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.server.tokens import Scope
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.session import Session

FREE = '[brief]\nprompt = "A harbour at dawn"\nduration = 1\n[provider]\nuse = "preview"\n[posts]\nunasked = true\n'
MOST = 50
"""Runs that surely have no room."""


def test_a_request_that_cannot_be_written_is_told_that_its_key_acts_once(tmp_path: Path) -> None:
    (tmp_path / "free.toml").write_text(FREE)
    store = SqliteStore(tmp_path / "store.db")

    async def scenario() -> None:
        token = await tokens.add(store, "ana", (Scope.RUN,), 0.0)
        async with Session(store, Catalog()) as session:
            meters = Meters(store, Accounts(tmp_path / "none.json"))
            offered, pulse = Offered(tmp_path), Pulse(ServiceManager({}))
            served = Served(store, ALONE, pulse, meters, offered=offered, session=session, owner="1-me")
            # As on a full disk: SQLite gets no further page.
            pages = store._db._connection.execute("PRAGMA page_count").fetchone()[0]
            store._db._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
            transport = httpx.ASGITransport(create_app(served))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8686") as client:

                async def ask(number: int) -> httpx.Response:
                    headers = {"authorization": f"Bearer {token}", "idempotency-key": f"key-{number}"}
                    return await client.post("/api/v1/runs", json={"workflow": "free"}, headers=headers)

                written, answer = 0, await ask(0)
                while answer.status_code == HTTPStatus.CREATED and written < MOST:
                    written += 1
                    answer = await ask(written)
        told = answer.json()
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, told
        assert told["money"] == "It acts only once."
        assert "same Idempotency-Key" in told["hint"]
        assert "reelwork" not in told["hint"]
        # What was refused is in no half: as many runs as answers.
        assert len(store.runs()) == written

    asyncio.run(scenario())
    store.close()
