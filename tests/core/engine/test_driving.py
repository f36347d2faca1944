"""The engine by itself, with steps that do nothing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, cast

import pytest

import reelwork.engine.loop
import reelwork.engine.timing
from reelwork.engine.events import Happening, RenderSeen
from reelwork.engine.loop import Engine
from reelwork.engine.renders.polling import Waiting
from reelwork.engine.stages.step import Next, Working, go, stop
from reelwork.planning.job_state import JobData
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.commands import NewJob
from reelwork.store.records import DONE, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.sqlite.workers import Owner
from reelwork_hooks.models import Brief, Spec

SPEC = Spec(width=64, height=64, aspect_ratio="1:1", resolution="480p", duration=1)
DATA = JobData(workflow="w", provider="none", brief=Brief(prompt="x"), spec=SPEC).model_dump_json()


class ThreeSteps:
    """Does nothing, three times."""

    async def run(self, work: Working) -> Next:
        number = int(work.row.step)
        return go(str(number + 1), work.data) if number < 3 else stop(DONE, "end", work.data, "")


class Told:
    """Hands on the ids of jobs that were heard of."""

    def __init__(self) -> None:
        self.ended: asyncio.Queue[str] = asyncio.Queue()

    def happened(self, happening: Happening) -> None:
        self.ended.put_nowait(happening.job.id)

    def seen(self, render: RenderSeen) -> None:
        raise AssertionError("there are no renders")


class NoPlugins:
    order: dict[str, Any] = {}  # noqa: RUF012

    def check_at_hand(self, *, provider_only: bool) -> None:
        """Needs nothing."""


def engine_on(store: SqliteStore, owner: Owner, told: Told) -> Engine:
    return Engine(
        store, owner, ThreeSteps(), Waiting(time.time), lambda run: cast(Pipeline, NoPlugins()), time.time, [told]
    )


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same loop", "another thread"])
def test_a_job_added_in_this_process_wakes_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    monkeypatch.setattr(reelwork.engine.loop, "LONGEST_SLEEP", 3600.0)

    async def scenario(store: SqliteStore, owner: Owner) -> None:
        told = Told()
        engine = engine_on(store, owner, told)
        await store.add_run(RunRow("run", None, "w", "{}", 0.0))
        driving = asyncio.create_task(engine.drive())
        for number in range(5):
            adding = store.add_jobs("run", [NewJob(f"job-{number}", f"key-{number}", "1", DATA)])
            await (asyncio.to_thread(asyncio.run, adding) if elsewhere else adding)
            async with asyncio.timeout(60):
                assert await told.ended.get() == f"job-{number}"
        engine.stop()
        await driving
        assert store.counts() == {DONE: 5}

    store = SqliteStore(tmp_path / "store.db")
    owner = Owner(store.path)
    try:
        asyncio.run(scenario(store, owner))
    finally:
        owner.close()
        store.close()


def test_what_a_process_that_dies_meanwhile_held_wakes_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reelwork.engine.loop, "LONGEST_SLEEP", 3600.0)
    monkeypatch.setattr(reelwork.engine.timing, "LEASE", 0.4)

    async def scenario(store: SqliteStore, owner: Owner, other: Owner) -> None:
        told = Told()
        engine = engine_on(store, owner, told)
        await store.add_run(RunRow("run", None, "w", "{}", 0.0))
        await store.add_jobs("run", [NewJob("job", "key", "1", DATA)])
        await store.claim_jobs(other.name, 3600.0, 1, None)
        driving = asyncio.create_task(engine.drive())
        await asyncio.sleep(0.3)
        assert told.ended.empty()
        other.close()
        async with asyncio.timeout(60):
            assert await told.ended.get() == "job"
        engine.stop()
        await driving

    store = SqliteStore(tmp_path / "store.db")
    owner, other = Owner(store.path), Owner(store.path)
    try:
        asyncio.run(scenario(store, owner, other))
    finally:
        owner.close()
        store.close()
