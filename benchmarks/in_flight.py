"""The cost of waiting for ten thousand renders, and the time until a store with a hundred thousand is at work
again.

The provider is `videos-api`, the service is the simulator in a process of its own. Only the process of `reelwork`
is measured, as the kernel counts it. Requests and the polls of each render come from the simulator's log.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.backlog import multiply

RENDERS = 10_000
BACKLOG = 100_000
INTERVAL = 10.0
"""Seconds between two polls of one render: the default of every provider."""
WINDOW = 60.0
SETTLE = 2 * INTERVAL
RENDER_SECONDS = 3600
"""A per cent of progress every 36 seconds: more than a quarter of the renders have moved at each poll."""
LONGEST = 1800.0
TICKS = os.sysconf("SC_CLK_TCK")
GOALS = {"core": 10.0, "megabytes": 150.0, "saving": 50.0, "lateness": 2.0, "start": 5.0}


@dataclass(frozen=True)
class Used:
    """The resources that a process has used so far."""

    cpu_seconds: float
    resident: float
    """Megabytes now."""
    highest: float
    """Megabytes at most so far."""


def used_by(pid: int) -> Used:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = {name: int(rest.split()[0]) / 1024 for name, _, rest in (line.partition(":") for line in status)
             if name in ("VmRSS", "VmHWM")}  # fmt: skip
    return Used((int(fields[11]) + int(fields[12])) / TICKS, sizes["VmRSS"], sizes["VmHWM"])


@dataclass(frozen=True)
class Simulator:
    """A simulator in another process."""

    address: str

    def read(self, what: str, method: str = "GET") -> Any:
        with urlopen(Request(f"{self.address}/_simulator/{what}", method=method), timeout=300) as answer:
            return json.load(answer)


@contextmanager
def simulator(folder: Path, *options: str) -> Iterator[Simulator]:
    command = [
        reelwork(), "simulator", "--canned", "--port", "0", "--render-seconds", str(RENDER_SECONDS), *options,
    ]  # fmt: skip
    with (folder / "simulator.log").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        ready = next(line for line in process.stdout if "is ready at" in line)
        yield Simulator(ready.split("ready at ", 1)[1].split()[0])
    finally:
        ended(process)
        process.stdout.close()


def ended(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def reelwork() -> str:
    return str(Path(sys.executable).with_name("reelwork"))


@contextmanager
def working(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `reelwork` on the folder's store, until the end of the block."""
    env = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with (folder / "reelwork.log").open("wb") as said:
        process = subprocess.Popen(
            [reelwork(), "--store", str(folder / "store.db"), *arguments],
            env=env, cwd=folder, stdout=said, stderr=said,
        )  # fmt: skip
    try:
        yield process
    finally:
        ended(process)


def write_workflow(folder: Path, address: str) -> Path:
    path = folder / "workflow.toml"
    path.write_text(
        f'[provider]\nuse = "videos-api"\nbase_url = "{address}"\ndialect = "sora"\nprice_per_second = 0\n'
        "deadline = 86400\n"
    )
    return path


# --- ten thousand renders -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waited:
    """The cost of waiting for some time."""

    seconds: float
    core: float
    """Per cent of one core."""
    resident: float
    highest: float
    requests: int
    longest_gap: float
    """The most seconds between two polls of one render."""

    def saving(self, renders: int) -> float:
        """Return the factor by which the requests are fewer than one for each render and interval."""
        return renders * self.seconds / INTERVAL / self.requests if self.requests else 0.0


def wait_for(renders: int, folder: Path) -> Waited:
    rows = "".join(f"{number},a red kite over the sea number {number},4\n" for number in range(renders))
    (folder / "batch.csv").write_text(f"id,prompt,duration\n{rows}")
    with simulator(folder) as service:
        workflow = write_workflow(folder, service.address)
        arguments = ("run", "batch.csv", "--workflow", workflow.name, "--yes", "--no-sheet")
        with working(folder, *arguments) as process:
            submitted(folder, process, renders)
            time.sleep(SETTLE)
            return measured(service, process.pid)


def submitted(folder: Path, process: subprocess.Popen[bytes], renders: int) -> None:
    """Wait until every render has been requested."""
    began = time.monotonic()
    while (count := asked_for(folder / "store.db")) < renders:
        if process.poll() is not None:
            raise SystemExit("reelwork has ended early: see reelwork.log")
        if time.monotonic() - began > LONGEST:
            raise SystemExit(f"only {count} of {renders} renders were asked for in {LONGEST:.0f} s")
        time.sleep(2)
    print(f"{renders} renders were asked for in {time.monotonic() - began:.0f} s", flush=True)


def asked_for(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM renders").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # The store does not exist yet.


def measured(service: Simulator, pid: int) -> Waited:
    service.read("requests", "DELETE")
    before, began = used_by(pid), time.time()
    time.sleep(WINDOW)
    after, seconds = used_by(pid), time.time() - began
    log = service.read("requests")["requests"]
    ids = [job["id"] for job in service.read("jobs")["jobs"]]
    return Waited(
        seconds, 100 * (after.cpu_seconds - before.cpu_seconds) / seconds, after.resident, after.highest,
        len(log), longest_gap(looks(log, ids), ids, began, began + seconds),
    )  # fmt: skip


def looks(log: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> dict[str, list[float]]:
    """Return the times at which each render was reported: singly, or on a page of the list, newest first."""
    newest_first = list(reversed(ids))
    place = {id_: at for at, id_ in enumerate(newest_first)}
    times: dict[str, list[float]] = defaultdict(list)
    for entry in log:
        query = entry["query"]
        if entry["operation"] == "poll":
            times[entry["path"].rsplit("/", 1)[1]].append(entry["time"])
        elif entry["operation"] == "list":
            start = place[query["after"]] + 1 if "after" in query else 0
            for id_ in newest_first[start : start + int(query["limit"])]:
                times[id_].append(entry["time"])
    return times


def longest_gap(times: Mapping[str, Sequence[float]], ids: Sequence[str], began: float, ended_at: float) -> float:
    """Return the longest time without a poll of a render, the ends of the window among them."""
    edges = ([began, *times.get(id_, ()), ended_at] for id_ in ids)
    return max(later - earlier for moments in edges for earlier, later in itertools.pairwise(moments))


# --- a hundred thousand -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Started:
    """The start of a process."""

    seconds: float
    """From the start of the process to its first request for the renders."""
    resident: float


def start_with(backlog: int, folder: Path) -> Started:
    state = folder / "state"
    (folder / "batch.csv").write_text("id,prompt,duration\n0,a red kite over the sea,4\n")
    with simulator(folder, "--state", str(state)) as service:
        workflow = write_workflow(folder, service.address)
        with working(folder, "run", "batch.csv", "--workflow", workflow.name, "--yes", "--no-sheet") as process:
            submitted(folder, process, 1)
        port = service.address.rsplit(":", 1)[1]
    multiply(folder / "store.db", state / "jobs.jsonl", backlog)
    with simulator(folder, "--state", str(state), "--port", port) as service:
        began = time.time()
        with working(folder, "resume", "--no-sheet") as process:
            while not (log := service.read("requests")["requests"]):
                if process.poll() is not None or time.time() - began > LONGEST:
                    raise SystemExit("reelwork resume did not get to work")
                time.sleep(0.05)
            return Started(log[0]["time"] - began, used_by(process.pid).highest)


def main(renders: int = RENDERS, backlog: int = BACKLOG) -> None:
    with tempfile.TemporaryDirectory(prefix="reelwork-bench-") as folder:
        waited = wait_for(renders, Path(folder))
    with tempfile.TemporaryDirectory(prefix="reelwork-bench-") as folder:
        started = start_with(backlog, Path(folder))
    rows = [
        (f"one core, waiting for {renders} renders", f"{waited.core:.1f} %", f"≤ {GOALS['core']:.0f} %"),
        ("memory resident (at most)", f"{waited.resident:.0f} ({waited.highest:.0f}) MB",
         f"≤ {GOALS['megabytes']:.0f} MB"),
        (f"requests in {waited.seconds:.0f} s", f"{waited.requests}", ""),
        ("times fewer than one poll per job", f"{waited.saving(renders):.0f}", f"≥ {GOALS['saving']:.0f}"),
        ("longest time without a look, in intervals", f"{waited.longest_gap / INTERVAL:.2f}",
         f"≤ {GOALS['lateness']:.0f}"),
        (f"start with {backlog} waiting", f"{started.seconds:.1f} s", f"≤ {GOALS['start']:.0f} s"),
        ("memory at its start", f"{started.resident:.0f} MB", ""),
    ]  # fmt: skip
    print(f"{'':44} {'measured':>16} {'goal':>10}")
    for name, value, goal in rows:
        print(f"{name:44} {value:>16} {goal:>10}")


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))
