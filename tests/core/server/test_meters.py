"""The figures are what Prometheus can read, by its conventions, and true."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.core.store.conftest import Shop

from reelwork.credentials.accounts import Accounts
from reelwork.engine.events import RenderSeen
from reelwork.server.meters import Meters
from reelwork.store.records import RunRow
from reelwork_hooks.accounts import Credentials

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "store.db")
    yield shop
    shop.store.close()


def samples_of(meters: Meters) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(meters.text().decode()):
        assert family.documentation, family.name
        assert family.name.startswith(("reelwork_", "process_")), family.name
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_a_new_store_has_all_figures_that_alerts_need(shop: Shop, tmp_path: Path) -> None:
    found = samples_of(Meters(shop.store, Accounts(tmp_path / "accounts.json")))
    for status in ("active", "done", "failed", "held", "rejected", "cancelled"):
        assert found["reelwork_jobs", (("status", status),)] == 0
    for name in ("jobs_due", "queue_age_seconds", "unknown_outcomes", "oldest_unknown_age_seconds", "in_doubt_usd"):
        assert found[f"reelwork_{name}", ()] == 0
    assert found["process_resident_memory_bytes", ()] > 0


def test_what_happens_is_counted(shop: Shop, tmp_path: Path) -> None:
    meters = Meters(shop.store, Accounts(tmp_path / "accounts.json"))
    for status in (200, 201, 429, 429, 500, 0, 999):
        meters.answered("videos-api", status)
    meters.seen(RenderSeen("job", "in_progress", None, overdue=False, problem="it fell silent"))
    meters.seen(RenderSeen("job", "in_progress", None, overdue=False))
    found = samples_of(meters)
    counted = {
        dict(labels)["status"]: value
        for (name, labels), value in found.items()
        if name.endswith("http_answers_total")
    }
    assert counted == {"2xx": 2, "429": 2, "5xx": 1, "none": 2}
    assert found["reelwork_poll_errors_total", ()] == 1


def test_budgets_and_tokens_that_end_are_told(shop: Shop, tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "accounts.json")
    accounts.add(
        "shop", "youtube", Credentials({"channel": "UC1"}, {"access_token": "a-secret-that-is-long"}, "UC1")
    )
    frozen = json.dumps({"workflow": {"budget": {"per_day": "10.50", "per_month": None}}})

    async def launch() -> None:
        import time

        await shop.store.add_run(RunRow("run", None, "series", frozen, time.time()))

    asyncio.run(launch())
    meters = Meters(shop.store, accounts)
    found = samples_of(meters)
    assert found[
        "reelwork_budget_remaining_usd", (("brand", ""), ("budget", "per_day"), ("workflow", "series"))
    ] == Decimal("10.5")
    assert not [name for name, labels in found if dict(labels).get("budget") == "per_month"]
    assert b"a-secret-that-is-long" not in meters.text()
