"""The cost of `reelwork plan` of a large batch: processor time and memory, by the number of rows.

python -m benchmarks.plan_rows [ROWS …]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROWS = (10, 5_000, 50_000)
GOAL_SECONDS, GOAL_MEGABYTES = 15, 200
"""For 50,000 rows."""
PROMPT = "A red fox number {n} walks over a snowy field at dawn, slow dolly shot, soft light"


@dataclass(frozen=True)
class Cost:
    """The resources that one command used."""

    processor: float
    """Seconds, of the user and of the system."""
    wall: float
    megabytes: float


def write_rows(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("id,prompt,duration,platforms,title,caption\n")
        for n in range(rows):
            file.write(f'r{n},"{PROMPT.format(n=n)}",4,youtube,Fox {n},"The fox number {n} walks, and walks on"\n')


def measured(command: list[str], env: dict[str, str]) -> Cost:
    began = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    kilobytes = used.ru_maxrss / 1024 if sys.platform == "darwin" else used.ru_maxrss
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, kilobytes / 1024)


def main(arguments: list[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else arguments
    goal = f"goal for 50,000: {GOAL_SECONDS} s, {GOAL_MEGABYTES} MB"
    print(f"{'rows':>8} {'processor s':>12} {'wall s':>8} {'MB':>6}   ({goal})")
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "HOME": folder, "REELWORK_STORE": f"{folder}/store.db"}
        for rows in [int(one) for one in given] or ROWS:
            path = Path(folder, f"{rows}.csv")
            write_rows(path, rows)
            cost = measured([sys.executable, "-m", "reelwork", "plan", str(path)], env)
            print(f"{rows:8} {cost.processor:12.1f} {cost.wall:8.1f} {cost.megabytes:6.0f}")


if __name__ == "__main__":
    main()
