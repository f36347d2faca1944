"""The time commands take to start, as ratios to `python -c "import click"` in the same run.

`python -m benchmarks.startup PATH` also measures the `reelwork` command of another version at that path, in pairs.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 21
GOALS = {"--help": 1.5, "jobs list": 3.0}
COMMANDS = {
    "--help": ["--help"],
    "jobs list": ["jobs", "list"],
    "plan": ["plan", "A golden retriever in a sunny garden"],
    "doctor": ["doctor", "--offline"],
}
CLICK = "import click"

Times = tuple[float, float]
"""Seconds that passed, and seconds of processor time."""


def times(command: list[str], home: str) -> Times:
    env = {**os.environ, "XDG_DATA_HOME": home, "HOME": home}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=env, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    passed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return passed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def with_a_job(reelwork: str, home: str) -> None:
    """Make one video, so that there is a store to read, and so that all that Python compiles is compiled."""
    times([reelwork, "run", "A golden retriever in a sunny garden", "--yes"], home)


def measured(commands: dict[str, tuple[list[str], str]]) -> dict[str, list[Times]]:
    taken: dict[str, list[Times]] = {name: [] for name in commands}
    # Interleaved, so that the machine's other load meets all of them alike.
    for _ in range(ROUNDS):
        for name, (command, home) in commands.items():
            taken[name].append(times(command, home))
    return taken


def main(beside: str | None = None) -> None:
    mine = str(Path(sys.executable).with_name("reelwork"))
    versions = {"reelwork": mine, **({"the other": beside} if beside else {})}
    with tempfile.TemporaryDirectory() as folder:
        commands = {CLICK: ([sys.executable, "-c", CLICK], folder)}
        for version, reelwork in versions.items():
            home = Path(folder) / version
            home.mkdir()
            with_a_job(reelwork, str(home))
            commands |= {f"{version} {name}": ([reelwork, *args], str(home)) for name, args in COMMANDS.items()}
        taken = measured(commands)
    show(taken)
    for name in COMMANDS if beside else ():
        pairs = zip(taken[f"reelwork {name}"], taken[f"the other {name}"], strict=True)
        ratio = statistics.median(ours[1] / theirs[1] for ours, theirs in pairs)
        print(f"{name}: {ratio:.2f} times the processor time of the other (median of {ROUNDS} pairs)")


def show(taken: dict[str, list[Times]]) -> None:
    base = statistics.median(passed for passed, _ in taken[CLICK])
    print(f"{'command':24} {'median ms':>10} {'ratio':>6} {'goal':>5} {'processor ms, least':>20} {'median':>7}")
    for name, found in taken.items():
        median = statistics.median(passed for passed, _ in found)
        used = [processor * 1000 for _, processor in found]
        least, middle = min(used), statistics.median(used)
        goal = f"{GOALS[wanted]:.1f}" if (wanted := name.removeprefix("reelwork ")) in GOALS else ""
        ratio = median / base
        print(f"{name:24} {median * 1000:10.0f} {ratio:6.2f} {goal:>5} {least:20.0f} {middle:7.0f}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
