"""Reelwork's engine on its real store, with steps that do nothing but are committed like any others.

A job's data, its row and the lines of its story are what a video's job has. Each step moves the row on and adds a
line to the story; the lines are what the steps are counted by afterwards.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, cast

from benchmarks.peers.measured import STEPS, Clock, Report, Task, answer, one_at_a_time, settled
from reelwork.engine.events import Happening, RenderSeen
from reelwork.engine.loop import Engine
from reelwork.engine.renders.polling import Waiting
from reelwork.engine.stages.step import Next, Working
from reelwork.planning.job_state import JobData
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.commands import NewJob, Tell
from reelwork.store.records import ACTIVE, DONE, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.sqlite.workers import Owner
from reelwork_hooks.models import Brief, Spec

FIRST, LAST = "step-1", f"step-{STEPS}"
COUNTS = "SELECT (SELECT count(*) FROM jobs WHERE status = 'done'), (SELECT count(*) FROM events)"
DATA = JobData(
    workflow="bench",
    provider="none",
    brief=Brief(prompt="A golden retriever in a sunny garden"),
    spec=Spec(width=1280, height=720, aspect_ratio="16:9", resolution="720p", duration=4),
).model_dump_json()


class NoOps:
    """Goes from step to step."""

    def __init__(self) -> None:
        names = [f"step-{number}" for number in range(1, STEPS + 1)]
        self._next = dict(zip(names, [*names[1:], "end"], strict=True))
        self._lines = {name: (Tell(name),) for name in names}

    async def run(self, work: Working) -> Next:
        step = work.row.step
        status = DONE if step == LAST else ACTIVE
        return Next(self._next[step], work.data, status=status, tells=self._lines[step])


class Ends:
    """Waits for a job's last step to be committed."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    def happened(self, happening: Happening) -> None:
        if happening.name == LAST:
            self.ended.set()

    def seen(self, render: RenderSeen) -> None:
        raise AssertionError("there are no renders")


class NoPlugins:
    """A workflow without plugins."""

    order: dict[str, tuple[str, ...]] = {}  # noqa: RUF012

    def check_at_hand(self, *, provider_only: bool) -> None:
        """Need no secrets."""


def new_jobs(prefix: str, count: int) -> list[NewJob]:
    return [NewJob(f"{prefix}-{number}", f"{prefix}:{number}", FIRST, DATA) for number in range(count)]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[SqliteStore, Callable[..., Engine]]]:
    """Open a store with one run. Yield it with a function that makes engines on it."""
    store = SqliteStore(folder / "store.db")
    owner = Owner(store.path)
    pipeline = cast(Pipeline, NoPlugins())

    def engine(slots: int, *watchers: Any) -> Engine:
        return Engine(
            store, owner, NoOps(), Waiting(time.time), lambda run: pipeline, time.time, watchers, slots=slots
        )

    try:
        await store.add_run(RunRow("run", None, "bench", "{}", 0.0))
        yield store, engine
    finally:
        owner.close()
        store.close()


async def run_all(store: SqliteStore, engine: Engine, jobs: int) -> None:
    """Add the jobs and drive them to their ends."""

    async def nothing_left() -> bool:
        return True

    await store.add_jobs("run", new_jobs("job", jobs))
    await engine.drive(nothing_left)


@asynccontextmanager
async def idle(store: SqliteStore, engine: Engine, ends: Ends) -> AsyncIterator[Callable[[int], Any]]:
    """Run an engine that has nothing to do. Yield a function that adds one job and waits for its end."""
    driving = asyncio.create_task(engine.drive())

    async def single(number: int) -> None:
        ends.ended.clear()
        await store.add_jobs("run", new_jobs(f"single-{number}", 1))
        await ends.ended.wait()

    try:
        yield single
    finally:
        engine.stop()
        await driving


def counts(folder: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(folder / "store.db")) as db:
        return cast(tuple[int, int], db.execute(COUNTS).fetchone())


async def measure(task: Task) -> Report:
    folder = Path(task.folder)
    async with opened(folder) as (store, engine):
        clock, loop = Clock(), time.thread_time()
        await run_all(store, engine(task.at_once), task.jobs)
        (seconds, cpu), loop = clock.read(), time.thread_time() - loop
        done, steps = await settled(lambda: counts(folder), (task.jobs, task.jobs * STEPS))
        ends = Ends()
        async with idle(store, engine(task.at_once, ends), ends) as single:
            latencies = await one_at_a_time(task.singles, single)
    return Report(seconds, done, steps, latencies, cpu, {"cpu of the loop's thread": loop})


if __name__ == "__main__":
    answer(measure)
