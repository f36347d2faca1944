"""The task of every engine, and its report. Imports nothing but the standard library."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

STEPS = 6
"""No-op steps of a job."""
WARM_UP = 5
"""Single jobs before those that are timed."""


@dataclass(frozen=True)
class Task:
    """The task of an engine."""

    folder: str
    """A folder of its own, empty."""
    database: str = ""
    """A PostgreSQL database of its own, empty, as a URL."""
    jobs: int = 2000
    at_once: int = 50
    """Jobs in flight."""
    singles: int = 200
    """Jobs run one at a time afterwards, on an engine that is idle otherwise."""


@dataclass(frozen=True)
class Report:
    """The figures of an engine."""

    seconds: float
    """From the first start to the last end."""
    jobs: int
    """Jobs that its store says are done."""
    steps: int
    """Steps that its store has a record of."""
    latencies: list[float] = field(default_factory=list)
    """Seconds of each single job, from adding it to its end."""
    cpu: float = 0.0
    """Seconds of processor time this process took for the jobs; a database server's are not in it."""
    details: dict[str, Any] = field(default_factory=dict)


class Finish:
    """Counts jobs to the last one."""

    def __init__(self, jobs: int) -> None:
        self._left = jobs
        self._last = asyncio.Event()

    def job_ended(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._last.set()

    async def wait(self) -> None:
        await self._last.wait()


class Clock:
    """Wall and processor time since it was made."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = _cpu()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, _cpu() - self._cpu


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def one_at_a_time(singles: int, do: Callable[[int], Awaitable[None]]) -> list[float]:
    """Return the seconds of each of so many jobs, run one after another."""
    # Random pauses, which are in step with no engine's polling.
    pauses = random.Random(0)
    seconds = []
    for number in range(WARM_UP + singles):
        await asyncio.sleep(pauses.uniform(0.005, 0.03))
        start = time.perf_counter()
        await do(number)
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]


async def settled(count: Callable[[], tuple[int, int]], expected: tuple[int, int]) -> tuple[int, int]:
    """Return the numbers of jobs and steps in a store, once they are as expected or ten seconds have passed."""
    for _ in range(100):
        if (found := count()) == expected:
            return found
        await asyncio.sleep(0.1)
    return count()


def answer(measure: Callable[[Task], Awaitable[Report]], run: Callable[..., Any] = asyncio.run) -> None:
    """Run the task on the command line, and print the report as the last line."""
    report = run(measure(Task(**json.loads(sys.argv[1]))))
    print(json.dumps(asdict(report)), flush=True)
