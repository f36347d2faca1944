"""The address that a provider is given for its call: with the job's own token, which nobody else learns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reelwork import Studio
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.webhooks import job_of_token
from reelwork.studio.results import JobResult
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator

NOTHING: Mapping[str, Any] = dict.fromkeys(("pre_moderate", "prompt_transform", "post_download", "publish"), ())
ADDRESS = "https://studio.example.com/webhooks/mine/:token"


def made(provider: Mapping[str, Any], webhook: str) -> JobResult:
    brief = {"webhook": webhook, "duration": 5, "resolution": "720p"}
    workflow = {"brief": brief, "provider": {"poll_interval": 0.2, **provider}, "plugins": dict(NOTHING)}
    with Studio(workflow, out="out") as studio:
        [job] = studio.run_sync("a calm sea").jobs
    assert job.status == "done", job.reason
    return job


def kling(simulator: RunningSimulator) -> Mapping[str, Any]:
    keys = {"access_key": "env:KLING_ACCESS", "secret_key": "env:KLING_SECRET"}
    return {"use": "kling", "base_url": simulator.base_url, "price_per_second": 0.1, **keys}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REELWORK_STORE", str(tmp_path / "store.db"))
    monkeypatch.setenv("KLING_ACCESS", "ak-of-the-tests")
    monkeypatch.setenv("KLING_SECRET", "sk-of-the-tests-that-is-long-enough-to-sign")
    return tmp_path / "store.db"


def test_each_job_has_a_token_of_its_own_in_its_address(store: Path) -> None:
    settings = SimulatorSettings(protocol="kling", canned=True, render_seconds=0.1)
    with run_simulator(settings) as simulator:
        jobs = [made(kling(simulator), ADDRESS) for _ in range(2)]
        [one, other] = [
            each["fields"]["callback_url"] for each in simulator.requests(method="POST") if each["job_id"]
        ]
    assert one != other
    with closing(SqliteStore(store)) as kept:
        salt = asyncio.run(kept.salt())
    for address, job in ((one, jobs[0]), (other, jobs[1])):
        begin, _, token = address.rpartition("/")
        assert begin == "https://studio.example.com/webhooks/mine"
        assert job_of_token(salt, token) == job.id
        # What is kept, shown and compared is the address as it was written.
        assert all(token.encode() not in path.read_bytes() for path in store.parent.rglob("*") if path.is_file())
