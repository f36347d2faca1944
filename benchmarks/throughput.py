"""Jobs per second and the latency of one job: Reelwork's engine, other durable engines, and bare `sqlite3`.

Every engine runs the same jobs, six steps that do nothing, each step durably recorded, and as many jobs at once, in
a process of its own, one engine after the other. Each engine's own store must show afterwards that all jobs are
done and all steps recorded; an incomplete run has no figure. The best of three rounds counts, for each figure and
each engine: a machine's other load can only slow it. The peers' packages are pinned in `pyproject.toml` (dependency
group `peers`) and live in an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.peers import postgres
from benchmarks.peers.measured import STEPS, Report, Task

ROOT = Path(__file__).parents[1]
PEERS = Path(os.environ.get("REELWORK_BENCH_PEERS", sys.prefix + "-peers")).absolute() / "bin" / "python"
OWN, BARE = "Reelwork (SQLite)", "bare sqlite3, the same commits"
GOAL = 10.0
"""Times the jobs per second of the fastest peer."""
TIME_LIMIT = 900.0
"""Seconds for one run of one engine."""


@dataclass(frozen=True)
class Engine:
    """An engine to measure."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    server: bool = True
    """It needs PostgreSQL."""
    peer: bool = True
    rounds: int = 3
    slow: bool = False
    """Rounds after the first have a tenth of the jobs."""

    @property
    def python(self) -> Path:
        return PEERS if self.peer else Path(sys.executable)


ENGINES = (
    Engine(OWN, "benchmarks.own_engine", server=False, peer=False),
    Engine(BARE, "benchmarks.bare_sqlite", server=False, peer=False),
    Engine("PgQueuer (PostgreSQL)", "benchmarks.peers.pgqueuer"),
    Engine("Absurd (PostgreSQL)", "benchmarks.peers.absurd"),
    Engine("DBOS (SQLite as it comes)", "benchmarks.peers.dbos", server=False, slow=True),
    Engine("DBOS (SQLite in WAL mode)", "benchmarks.peers.dbos", ("wal",), server=False, slow=True),
    Engine("DBOS (PostgreSQL)", "benchmarks.peers.dbos", slow=True),
    Engine("Procrastinate (PostgreSQL)", "benchmarks.peers.procrastinate", slow=True),
)


class Broken(Exception):
    """A run without a figure, with the reason."""


def run_once(engine: Engine, task: Task) -> Report:
    """Run an engine once, in a process of its own. Raises `Broken`."""
    command = [str(engine.python), "-m", engine.module, json.dumps(asdict(task)), *engine.arguments]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIME_LIMIT, check=True)
        report = Report(**json.loads(ended.stdout.splitlines()[-1]))
    except subprocess.TimeoutExpired as error:
        raise Broken(f"not done after {TIME_LIMIT:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise Broken(f"failed:\n{error.stderr[-2000:]}") from error
    expected = (task.jobs, task.jobs * STEPS)
    if (report.jobs, report.steps) != expected:
        raise Broken(f"{report.jobs} jobs and {report.steps} steps in its store instead of {expected}")
    return report


@dataclass(frozen=True)
class Result:
    """The reports of all rounds of one engine."""

    engine: Engine
    reports: tuple[Report, ...]

    @property
    def rates(self) -> list[float]:
        """Jobs per second of each round."""
        return [report.jobs / report.seconds for report in self.reports]

    @property
    def rate(self) -> float:
        return max(self.rates)

    @property
    def cpu(self) -> float:
        """Seconds of processor time a job takes in the engine's own process."""
        return min(report.cpu / report.jobs for report in self.reports)

    def percentile(self, share: float) -> float:
        """Return the seconds of a single job within which this share of them ended."""
        return min(percentile(report.latencies, share) for report in self.reports)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def measure(engines: Sequence[Engine], task: Task, server: postgres.Server | None, folder: Path) -> list[Result]:
    """Run the rounds, interleaved, so that the machine's other load meets all of them alike."""
    reports: dict[Engine, list[Report]] = {engine: [] for engine in engines}
    for turn in range(max(engine.rounds for engine in engines)):
        for engine in engines:
            if turn >= engine.rounds:
                continue
            place = folder / f"{turn}-{engines.index(engine)}"
            place.mkdir()
            database = server.database("bench") if engine.server and server is not None else ""
            print(f"  {engine.name}, round {turn + 1} of {engine.rounds} …", file=sys.stderr, flush=True)
            try:
                jobs = task.jobs // 10 if engine.slow and turn else task.jobs
                given = Task(str(place), database, jobs, task.at_once, task.singles)
                reports[engine].append(run_once(engine, given))
            except Broken as error:
                print(f"{engine.name}: {error}")
    return [Result(engine, tuple(found)) for engine, found in reports.items() if found]


def show(results: Sequence[Result]) -> None:
    own = next(result for result in results if result.engine.name == OWN)
    print(
        f"{'engine':32} {'jobs/s':>8} {'slowest':>8} {'Reelwork/it':>12} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>7}"
    )
    for result in results:
        print(
            f"{result.engine.name:32} {result.rate:8.0f} {min(result.rates):8.0f} {own.rate / result.rate:12.2f}"
            f" {result.percentile(0.5) * 1000:8.1f} {result.percentile(0.99) * 1000:8.1f} {result.cpu * 1000:7.2f}"
        )
    print("p50, p99: one job at a time on an idle engine. CPU: of the engine's process, for a job; no server's.")


def judge(results: Sequence[Result]) -> None:
    by_name = {result.engine.name: result for result in results}
    own, bare = by_name[OWN], by_name.get(BARE)
    peers = [result for result in results if result.engine.peer]
    if peers:
        best = max(peers, key=lambda result: result.rate)
        print(f"Throughput: {own.rate / best.rate:.1f} times {best.engine.name}, the best peer; goal: {GOAL:.0f}")
        quickest = [min(result.percentile(share) for result in peers) * 1000 for share in (0.5, 0.99)]
        mine = [own.percentile(share) * 1000 for share in (0.5, 0.99)]
        print(
            f"Latency: p50 {mine[0]:.1f} ms and p99 {mine[1]:.1f} ms; the best of the peers:"
            f" {quickest[0]:.1f} and {quickest[1]:.1f}; goal: less than these"
        )
    if bare is not None:
        counted = bare.reports[-1].details
        print(
            f"Bare sqlite3: {bare.rate / own.rate:.1f} times Reelwork, with the same {counted['commits']} commits"
            f" of {counted['steps per commit']:.0f} steps each;\n  a single job is"
            f" {counted['commits of a single job']:.1f} commits"
        )
        cheapest = min(own.reports, key=lambda report: report.cpu)
        loop = cheapest.details["cpu of the loop's thread"] / cheapest.jobs
        print(
            f"  CPU of a job: bare {bare.cpu * 1000:.2f} ms; Reelwork {loop * 1000:.2f} ms in the event loop and"
            f" {(own.cpu - loop) * 1000:.2f} ms in the store's thread"
        )


def flushes(folder: Path) -> float:
    """Return the number of times a second that this disk writes 4096 bytes durably, one after the other."""
    times = 300
    with (folder / "flushes").open("wb") as file:
        start = time.perf_counter()
        for _ in range(times):
            os.write(file.fileno(), bytes(4096))
            os.fsync(file.fileno())
        return times / (time.perf_counter() - start)


def versions() -> str:
    """Return the versions of the peers' packages."""
    if not PEERS.exists():
        return "no peers"
    names = ("pgqueuer", "absurd-sdk", "dbos", "procrastinate")
    script = f"from importlib.metadata import version\nprint(', '.join(f'{{n}} {{version(n)}}' for n in {names}))"
    return subprocess.run([str(PEERS), "-c", script], check=True, capture_output=True, text=True).stdout.strip()


def missing(engine: Engine, server: postgres.Server | None) -> str:
    if engine.peer and not PEERS.exists():
        return "its package is not installed here: make bench does it"
    return postgres.MISSING if engine.server and server is None else ""


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--singles", type=int, default=200, help="jobs run one at a time")
    parser.add_argument("--rounds", type=int, default=3, help="at most so many of each engine")
    parser.add_argument("--only", default="", help="engines whose name has this in it, beside Reelwork")
    options = parser.parse_args(arguments)
    wanted = [
        replace(one, rounds=min(one.rounds, options.rounds))
        for one in ENGINES
        if one.name == OWN or options.only.lower() in one.name.lower()
    ]
    # So that the server and the files go with it, however it is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="reelwork-bench-") as name, postgres.server() as server:
        absent = {engine: why for engine in wanted if (why := missing(engine, server))}
        present = [engine for engine in wanted if engine not in absent]
        version = server.version() if server is not None else "not installed"
        disk = flushes(Path(name))
        results = measure(present, Task("", jobs=options.jobs, singles=options.singles), server, Path(name))
    print(
        f"{options.jobs} jobs of {STEPS} steps, {Task('').at_once} at once; SQLite {sqlite3.sqlite_version},"
        f" PostgreSQL {version}, {disk:.0f} flushes/s\n{versions()}"
    )
    show(results)
    for engine, why in absent.items():
        print(f"{engine.name:32} not run: {why}")
    judge(results)


if __name__ == "__main__":
    main(sys.argv[1:])
