"""DBOS: a workflow of six steps, started directly, on SQLite or PostgreSQL. https://docs.dbos.dev/python

Workflows are started where they are added, which is faster than its queues: those are polled once a second by
default.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import psycopg
from dbos import DBOS, DBOSConfig

from benchmarks.peers.measured import STEPS, Clock, Report, Task, answer, one_at_a_time, settled

COUNTS = (
    "SELECT (SELECT count(*) FROM {0}workflow_status WHERE status = 'SUCCESS'),"
    " (SELECT count(*) FROM {0}operation_outputs)"
)


@DBOS.step()
async def no_op(number: int) -> int:
    return number


@DBOS.workflow()
async def six_steps(job: int) -> int:
    for number in range(STEPS):
        await no_op(number)
    return job


def sqlite_file(task: Task) -> Path:
    path = Path(task.folder) / "dbos.sqlite"
    if "wal" in sys.argv[2:]:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = WAL")
    return path


def counts(task: Task) -> tuple[int, int]:
    if task.database:
        with psycopg.connect(task.database) as pg:
            return tuple(pg.execute(COUNTS.format("dbos.")).fetchone())
    with closing(sqlite3.connect(Path(task.folder) / "dbos.sqlite")) as db:
        return tuple(db.execute(COUNTS.format("")).fetchone())


async def measure(task: Task) -> Report:
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": task.database or f"sqlite:///{sqlite_file(task)}",
        "executor_id": "bench",
        "application_version": "1",
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    places = asyncio.Semaphore(task.at_once)

    async def job(number: int) -> None:
        async with places:
            handle = await DBOS.start_workflow_async(six_steps, number)
            await handle.get_result()

    clock = Clock()
    await asyncio.gather(*(job(number) for number in range(task.jobs)))
    seconds, cpu = clock.read()
    done, steps = await settled(lambda: counts(task), (task.jobs, task.jobs * STEPS))
    latencies = await one_at_a_time(task.singles, job)
    DBOS.destroy()
    return Report(seconds, done, steps, latencies, cpu)


if __name__ == "__main__":
    answer(measure)
