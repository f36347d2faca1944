"""The time of many renders under limits, beside the least time those limits allow and the tutorial's two ways.

    python -m benchmarks.makespan [--renders 500] [--only reelwork,chunks,limiter]

The simulator runs in a process of its own, renders for mixed times (the same ones for each, from a seed), and
answers a create 429 when more are requested in a minute, or rendered at once, than its limits allow. Each way to
make the videos runs in a process of its own, one after another. The figures come from the simulator's log.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PER_MINUTE = 210
AT_ONCE = 10
INTERVAL = 0.06
"""Seconds between two polls: 2 % of the mean render."""
LENGTHS = ("render:slow=1@25%", "render:slow=2@33%", "render:slow=4@40%", "render:slow=5")
"""Faults of the simulator; the first that strikes decides. The mean is about 3 seconds."""
GOAL = 1.05
WINDOW = 60.0


@dataclass(frozen=True)
class Measured:
    """One way to make the videos, as the simulator saw it."""

    name: str
    made: int
    renders_done: float
    """Seconds from the first create to the end of the last render."""
    all_done: float
    """Seconds from the start of the process to its end."""
    refused: int
    """Answers of 429."""
    lengths: tuple[float, ...]
    requests: int
    worked: float
    """Seconds of processor time of the process."""
    gap: float
    """Median seconds from the end of a render to the create that took its place."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    ways = {"reelwork": _reelwork, "chunks": _tutorial, "limiter": _tutorial}
    names = options.only.split(",")
    _print([_measure(name, ways[name], options.renders) for name in names], options.renders)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.makespan")
    parser.add_argument("--renders", type=int, default=500)
    parser.add_argument("--only", default="reelwork,chunks,limiter", help="Of reelwork, chunks and limiter.")
    return parser.parse_args(arguments)


def lower_bound(lengths: Sequence[float], at_once: int, per_minute: int) -> float:
    """Return the least seconds in which any order could render these lengths, knowing all of them.

    With n renders, no more than `k * per_minute` of which can begin in the first `k` minutes, at least
    `n - k * per_minute` begin after minute k. At best those are the shortest, and `at_once` of them run all the
    time. For k = 0 this is the bound of the places alone. And no schedule is shorter than its longest render.
    """
    ordered = sorted(lengths)
    bounds = [ordered[-1]]
    for minute in range(-(-len(ordered) // per_minute)):
        late = ordered[: len(ordered) - minute * per_minute]
        bounds.append(minute * WINDOW + max(sum(late) / at_once, late[-1]))
    return max(bounds)


# --- one way after another ---------------------------------------------------------------------------------


@contextmanager
def _simulating(folder: Path) -> Iterator[str]:
    reelwork = str(Path(sys.executable).with_name("reelwork"))
    # The simulator suggests a poll after a quarter of --render-seconds. So it must not be longer than the interval.
    command = [reelwork, "simulator", "--port", "0", "--canned", "--render-seconds", str(INTERVAL * 4)]
    command += ["--creates-per-minute", str(PER_MINUTE), "--refuse-above", str(AT_ONCE), "--seed", "1"]
    for length in LENGTHS:
        command += ["--fault", length]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as simulator:
        assert simulator.stdout is not None
        ready = re.search(r"ready at (\S+)", simulator.stdout.readline())
        assert ready is not None
        try:
            yield ready[1]
        finally:
            simulator.terminate()


def _measure(name: str, way: Any, renders: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="reelwork-makespan-") as text, _simulating(Path(text)) as url:
        command = way(name, url, Path(text), renders)
        start = time.time()
        said = Path(text) / "said.txt"
        with (
            said.open("wb") as words,
            subprocess.Popen(command, cwd=text, stdout=subprocess.DEVNULL, stderr=words) as process,
        ):
            worked = _worked_by(process)
        taken = time.time() - start
        if process.returncode:
            raise SystemExit(f"{name} ended with {process.returncode}: {said.read_text()[-500:]}")
        return _seen(name, url, taken, worked)


def _worked_by(process: subprocess.Popen[bytes]) -> float:
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def _seen(name: str, url: str, taken: float, worked: float) -> Measured:
    with httpx.Client(base_url=url, timeout=60) as client:
        jobs = client.get("/_simulator/jobs").json()["jobs"]
        requests = client.get("/_simulator/requests").json()["requests"]
    first = min(job["created_at"] for job in jobs)
    ended = [job["ended_at"] for job in jobs if job["ended_at"] is not None]
    return Measured(
        name=name,
        made=len(ended),
        renders_done=max(ended) - first,
        all_done=taken,
        refused=sum(request["status"] == 429 for request in requests),
        lengths=tuple(job["fate"]["render_seconds"] for job in jobs),
        requests=len(requests),
        worked=worked,
        gap=_gap([job["created_at"] for job in jobs], ended),
    )


def _gap(starts: Sequence[float], ends: Sequence[float]) -> float:
    later = zip(sorted(ends), sorted(starts)[AT_ONCE:], strict=False)
    return statistics.median([start - end for end, start in later] or [0.0])


def _print(measured: Sequence[Measured], renders: int) -> None:
    print(f"{renders} renders, {PER_MINUTE} a minute and {AT_ONCE} at once, a look every {INTERVAL} s")
    head = (
        "",
        "made",
        "429",
        "bound s",
        "renders s",
        "÷ bound",
        "whole s",
        "÷ bound",
        "requests",
        "CPU s",
        "gap ms",
    )
    print("{:10}{:>5}{:>5}{:>9}{:>11}{:>9}{:>9}{:>9}{:>10}{:>7}{:>8}".format(*head))
    for one in measured:
        bound = lower_bound(one.lengths, AT_ONCE, PER_MINUTE)
        row = f"{one.name:10}{one.made:5}{one.refused:5}{bound:9.1f}{one.renders_done:11.1f}"
        row += f"{one.renders_done / bound:9.3f}{one.all_done:9.1f}{one.all_done / bound:9.3f}"
        print(f"{row}{one.requests:10}{one.worked:7.1f}{one.gap * 1000:8.0f}")
    print(f"goal: reelwork ÷ bound at most {GOAL}, and no 429")


# --- Reelwork ----------------------------------------------------------------------------------------------


WORKFLOW = """
name = "makespan"
[brief]
duration = 4
[provider]
use = "videos-api"
base_url = "{url}"
price_per_second = 0
poll_interval = {interval}
[limits]
requests_per_minute = {per_minute}
concurrent = {at_once}
[plugins]
post_download = ["local"]
"""


def _reelwork(name: str, url: str, folder: Path, renders: int) -> list[str]:
    values = {"url": url, "interval": INTERVAL, "per_minute": PER_MINUTE, "at_once": AT_ONCE}
    (folder / "makespan.toml").write_text(WORKFLOW.format(**values))
    (folder / "prompts.txt").write_text("".join(f"Wave number {number}\n" for number in range(renders)))
    reelwork = str(Path(sys.executable).with_name("reelwork"))
    store = str(folder / "store.db")
    return [reelwork, "--store", store, "run", "prompts.txt", "--workflow", "makespan.toml", "--yes"]


def _tutorial(name: str, url: str, folder: Path, renders: int) -> list[str]:
    script = str(Path(__file__).with_name("tutorial_ways.py"))
    return [sys.executable, script, name, url, str(renders), str(PER_MINUTE), str(AT_ONCE), str(INTERVAL)]


if __name__ == "__main__":
    main()
