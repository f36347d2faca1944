"""Procrastinate: six jobs, each adding the next, on PostgreSQL. https://procrastinate.readthedocs.io

It is a queue without steps, so a step is a job of its own. Workers are woken by NOTIFY; the interval at which they
also ask is shortened from 5 s, since a notice that comes while a worker asks is overlooked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import procrastinate
import psycopg

from benchmarks.peers.measured import STEPS, Clock, Finish, Report, Task, answer, one_at_a_time, settled

POLL = 0.05
COUNTS = (
    "SELECT count(*) FILTER (WHERE (args->>'number')::int = %s), count(*) FROM procrastinate_jobs"
    " WHERE status = 'succeeded'"
)


class Worker:
    """Return an app with the one task; `ended` is called when a job's last step has run."""

    def __init__(self, task: Task) -> None:
        self.app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=task.database, max_size=20))
        self.ended: Callable[[], None] = lambda: None
        self._at_once = task.at_once

        @self.app.task(name="step")
        async def step(number: int) -> None:
            if number < STEPS:
                await self.step.defer_async(number=number + 1)
            else:
                self.ended()

        self.step = step

    @asynccontextmanager
    async def running(self, ended: Callable[[], None]) -> AsyncIterator[None]:
        self.ended = ended
        work = self.app.run_worker_async(
            concurrency=self._at_once, fetch_job_polling_interval=POLL, install_signal_handlers=False
        )
        running = asyncio.create_task(work)
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def counts(task: Task) -> tuple[int, int]:
    with psycopg.connect(task.database) as db:
        return tuple(db.execute(COUNTS, [STEPS]).fetchone())


async def measure(task: Task) -> Report:
    worker = Worker(task)
    async with worker.app.open_async():
        await worker.app.schema_manager.apply_schema_async()
        await worker.step.batch_defer_async(*({"number": 1} for _ in range(task.jobs)))
        finish = Finish(task.jobs)
        clock = Clock()
        async with worker.running(finish.job_ended):
            await finish.wait()
            seconds, cpu = clock.read()
            done, steps = await settled(lambda: counts(task), (task.jobs, task.jobs * STEPS))
        ended = asyncio.Event()

        async def single(_: int) -> None:
            ended.clear()
            await worker.step.defer_async(number=1)
            await ended.wait()

        async with worker.running(ended.set):
            latencies = await one_at_a_time(task.singles, single)
    return Report(seconds, done, steps, latencies, cpu)


if __name__ == "__main__":
    answer(measure)
