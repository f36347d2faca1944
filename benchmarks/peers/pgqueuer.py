"""PgQueuer: six jobs, each adding the next, on PostgreSQL. https://janbjorge.github.io/pgqueuer

It is a queue without steps, so a step is a job of its own. Workers are woken by NOTIFY. `pgq run` uses uvloop, and
so does this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import psycopg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from benchmarks.peers.measured import STEPS, Clock, Finish, Report, Task, answer, one_at_a_time, settled

COUNT = "SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'"


@asynccontextmanager
async def worker(task: Task, queries: Queries, ended: Callable[[], None]) -> Any:
    connection = await asyncpg.connect(task.database)
    pgq = PgQueuer(AsyncpgDriver(connection))

    @pgq.entrypoint("step")
    async def step(job: Job) -> None:
        number = int(job.payload or b"0")
        if number < STEPS:
            await queries.enqueue("step", str(number + 1).encode())
        else:
            ended()

    running = asyncio.create_task(pgq.qm.run(batch_size=task.at_once // 2, max_concurrent_tasks=task.at_once))
    try:
        yield running
    finally:
        pgq.qm.shutdown.set()
        await running


def counts(task: Task) -> tuple[int, int]:
    """Return the numbers of jobs and steps that are done: each step is a line of the log."""
    with psycopg.connect(task.database) as db:
        steps = db.execute(COUNT).fetchone()
        waiting = db.execute("SELECT count(*) FROM pgqueuer").fetchone()
    assert steps is not None
    assert waiting is not None
    return task.jobs - waiting[0], steps[0]


async def measure(task: Task) -> Report:
    connection = await asyncpg.connect(task.database)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.enqueue(["step"] * task.jobs, [b"1"] * task.jobs, [0] * task.jobs)
    finish = Finish(task.jobs)
    clock = Clock()
    async with worker(task, queries, finish.job_ended):
        await finish.wait()
        seconds, cpu = clock.read()
    done, steps = await settled(lambda: counts(task), (task.jobs, task.jobs * STEPS))
    ended = asyncio.Event()

    async def single(_: int) -> None:
        ended.clear()
        await queries.enqueue("step", b"1")
        await ended.wait()

    async with worker(task, queries, ended.set):
        latencies = await one_at_a_time(task.singles, single)
    await connection.close()
    return Report(seconds, done, steps, latencies, cpu)


if __name__ == "__main__":
    answer(measure, uvloop.run)
