"""The time the command takes to start, as a ratio to `python -c "import click"` in the same run."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 21
GOALS = {"reelwork --help": 1.5, "reelwork jobs list": 3.0}


def seconds(command: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    reelwork = str(Path(sys.executable).with_name("reelwork"))
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "XDG_DATA_HOME": folder, "HOME": folder}
        commands = {
            "python -c 'import click'": [sys.executable, "-c", "import click"],
            "reelwork --help": [reelwork, "--help"],
            "reelwork jobs list": [reelwork, "jobs", "list"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        # Interleaved, so that the machine's other load meets all of them alike.
        for _ in range(ROUNDS):
            for name, command in commands.items():
                times[name].append(seconds(command, env))
    base = statistics.median(times["python -c 'import click'"])
    print(f"{'command':28} {'median ms':>10} {'ratio':>7} {'goal':>6}")
    for name, taken in times.items():
        median = statistics.median(taken)
        goal = f"{GOALS[name]:.1f}" if name in GOALS else ""
        print(f"{name:28} {median * 1000:10.0f} {median / base:7.2f} {goal:>6}")


if __name__ == "__main__":
    main()
