"""Absurd: a task of six steps on PostgreSQL. https://github.com/earendil-works/absurd

Five workers of ten tasks each: one connection is the limit of one worker, and with 25 or 50 it gets slower again.
"""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from absurd_sdk import AsyncAbsurd
from absurdctl import BUNDLED_SCHEMA_SQL

from benchmarks.peers.measured import STEPS, Clock, Finish, Report, Task, answer, one_at_a_time, settled

WORKERS = 5
POLL = 0.01
"""Seconds. Absurd polls for tasks at an interval (0.25 s by default); nothing wakes it."""
COUNTS = (
    "SELECT (SELECT count(*) FROM absurd.t_default WHERE state = 'completed'),"
    " (SELECT count(*) FROM absurd.c_default)"
)


async def no_op() -> int:
    return 1


def worker(task: Task, ended: Any) -> AsyncAbsurd:
    app = AsyncAbsurd(task.database)

    @app.register_task(name="six-steps")
    async def six_steps(params: Any, context: Any) -> int:
        for number in range(STEPS):
            await context.step(f"step-{number}", no_op)
        ended()
        return params["job"]

    return app


def counts(task: Task) -> tuple[int, int]:
    with psycopg.connect(task.database) as db:
        return tuple(db.execute(COUNTS).fetchone())


async def throughput(task: Task, client: AsyncAbsurd) -> tuple[float, float]:
    for number in range(task.jobs):
        await client.spawn("six-steps", {"job": number})
    finish = Finish(task.jobs)
    workers = [worker(task, finish.job_ended) for _ in range(WORKERS)]
    clock = Clock()
    each = task.at_once // WORKERS
    running = [
        asyncio.create_task(app.start_worker(worker_id=str(number), concurrency=each, poll_interval=POLL))
        for number, app in enumerate(workers)
    ]
    await finish.wait()
    spent = clock.read()
    await _stop(workers, running)
    return spent


async def latency(task: Task, client: AsyncAbsurd) -> list[float]:
    ended = asyncio.Event()
    app = worker(task, ended.set)
    running = asyncio.create_task(app.start_worker(worker_id="single", poll_interval=POLL))

    async def single(number: int) -> None:
        ended.clear()
        await client.spawn("six-steps", {"job": number})
        await ended.wait()

    latencies = await one_at_a_time(task.singles, single)
    await _stop([app], [running])
    return latencies


async def _stop(workers: list[AsyncAbsurd], running: list[asyncio.Task[None]]) -> None:
    for app in workers:
        app.stop_worker()
    await asyncio.gather(*running)
    for app in workers:
        await app.close()


async def measure(task: Task) -> Report:
    with psycopg.connect(task.database, autocommit=True) as db:
        db.execute(BUNDLED_SCHEMA_SQL)
    client = AsyncAbsurd(task.database)
    client.register_task(name="six-steps")(lambda params, context: asyncio.sleep(0))
    await client.create_queue("default")
    seconds, cpu = await throughput(task, client)
    done, steps = await settled(lambda: counts(task), (task.jobs, task.jobs * STEPS))
    latencies = await latency(task, client)
    await client.close()
    return Report(seconds, done, steps, latencies, cpu)


if __name__ == "__main__":
    answer(measure)
