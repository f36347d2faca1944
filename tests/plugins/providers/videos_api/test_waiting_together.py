"""Many jobs wait at a real server: how often it is asked, by one process and by several."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork import Studio
from reelwork.engine.events import Happening, RenderSeen
from reelwork_plugins.simulator import SimulatorSettings, run_simulator

JOBS = 60
INTERVAL = 0.2
PATIENCE = 30.0
"""Seconds after which nothing is expected to come any more."""


class Until:
    """Stops a studio once so many different jobs were heard of."""

    def __init__(self, count: int, *, name: str = "") -> None:
        self.studio: Studio | None = None
        self.jobs: set[str] = set()
        self._count, self._name = count, name

    def happened(self, happening: Happening) -> None:
        if self._name and happening.name == self._name:
            self._heard(happening.job.id)

    def seen(self, render: RenderSeen) -> None:
        if not self._name:
            self._heard(render.job_id)

    def _heard(self, job_id: str) -> None:
        self.jobs.add(job_id)
        if len(self.jobs) >= self._count and self.studio is not None:
            self.studio.stop()


@pytest.fixture
def simulator() -> Iterator[Any]:
    with run_simulator(SimulatorSettings(dialect="vllm-omni", canned=True, render_seconds=3600)) as running:
        yield running


@pytest.fixture
def studio(simulator: Any, tmp_path: Path) -> Callable[[Until], Studio]:
    batch = tmp_path / "batch.csv"
    batch.write_text("id,prompt,duration\n" + "".join(f"{at},a red kite {at},4\n" for at in range(JOBS)))
    provider = {"use": "videos-api", "base_url": simulator.base_url, "dialect": "vllm-omni", "price_per_second": 0}

    def build(until: Until) -> Studio:
        workflow = {"provider": {**provider, "poll_interval": INTERVAL}}
        until.studio = Studio(workflow, store=tmp_path / "store.db", out=tmp_path / "out", watchers=[until])
        return until.studio

    with build(Until(JOBS, name="submitted")) as first:
        first.run_sync(batch)
    time.sleep(INTERVAL)
    simulator.simulation.log.clear()
    return build


def test_one_request_looks_at_all_that_wait(studio: Any, simulator: Any) -> None:
    until = Until(JOBS)
    with studio(until) as second:
        result = second.resume_sync()
    assert result.counts() == {"active": JOBS}
    assert len(until.jobs) == JOBS
    assert [asked["operation"] for asked in simulator.requests()] == ["list"]


def test_processes_on_one_store_do_not_ask_twice(studio: Any, simulator: Any) -> None:
    # Each look of either is a list; a render that both looked at in one interval would be asked about too often.
    untils = [Until(JOBS), Until(JOBS)]
    studios = [studio(until) for until in untils]
    threads = [threading.Thread(target=one.resume_sync) for one in studios]
    for thread in threads:
        thread.start()
    # How long they take to begin says how busy the machine is.
    ends = time.monotonic() + PATIENCE
    while not simulator.requests() and time.monotonic() < ends:
        time.sleep(0.01)
    time.sleep(INTERVAL)
    for one, thread in zip(studios, threads, strict=True):
        one.stop()
        thread.join()
    for one in studios:
        one.close()
    asked = simulator.requests()
    assert {entry["operation"] for entry in asked} == {"list"}
    gaps = [later["time"] - earlier["time"] for earlier, later in itertools.pairwise(asked)]
    assert all(gap > INTERVAL * 0.8 for gap in gaps)
