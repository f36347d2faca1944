"""A long batch from its rows to the gallery: the time of the last jobs beside that of the first.

python -m benchmarks.end_to_end [ROWS]

The provider is `videos-api`, the service is the simulator in a process of its own. A tenth of the rows is compared
with another tenth: from the first video in the gallery on, and up to the last. Processor time is that of `reelwork`
and of what it starts.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.in_flight import simulator, used_by, working

ROWS = 5_000
PARTS = 10
"""Parts of the rows, of which the first and the last are compared."""
GOAL = 1.2
"""The most that the last part may take, as a multiple of the first."""
TICK = 0.1
LONGEST = 3600.0
TICKS = os.sysconf("SC_CLK_TCK")
WORKFLOW = """\
[provider]
use = "videos-api"
base_url = "{address}"
dialect = "sora"
price_per_second = 0
poll_interval = 0.5

[limits]
concurrent = 50
"""


@dataclass(frozen=True)
class Moment:
    """The progress at one moment, with the time spent until then."""

    done: int
    wall: float
    processor: float


@dataclass(frozen=True)
class Part:
    """The time that some jobs took."""

    wall: float
    processor: float


def played(rows: int, folder: Path) -> tuple[list[Moment], float]:
    """Run a batch. Return its progress, and the most memory it took in megabytes."""
    lines = "".join(f"{number},a red kite over the sea number {number},4\n" for number in range(rows))
    (folder / "batch.csv").write_text(f"id,prompt,duration\n{lines}")
    with simulator(folder, "--render-seconds", "1") as service:
        (folder / "workflow.toml").write_text(WORKFLOW.format(address=service.address))
        with working(folder, "run", "batch.csv", "--workflow", "workflow.toml", "--yes", "--no-sheet") as process:
            return watched(folder / "store.db", process, rows)


def watched(store: Path, process: subprocess.Popen[bytes], rows: int) -> tuple[list[Moment], float]:
    moments: list[Moment] = []
    began, highest = time.monotonic(), 0.0
    while (done := published(store)) < rows:
        if process.poll() is not None or time.monotonic() - began > LONGEST:
            raise SystemExit(f"only {done} of {rows} rows were published: see reelwork.log")
        moments.append(Moment(done, time.monotonic(), processor_of(process.pid)))
        highest = max(highest, used_by(process.pid).highest)
        time.sleep(TICK)
    return [*moments, Moment(rows, time.monotonic(), processor_of(process.pid))], highest


def published(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=60)) as db:
            query = "SELECT count(*) FROM effects WHERE kind = 'publish' AND state = 'confirmed'"
            return int(db.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # The store does not exist yet.


def processor_of(pid: int) -> float:
    """Return the processor's seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def part_of(moments: list[Moment], after: int, until: int) -> Part:
    """Return the time from one number of jobs done to another."""
    first, last = (moments[bisect_left(moments, count, key=lambda one: one.done)] for count in (after, until))
    share = (until - after) / (last.done - first.done)
    return Part((last.wall - first.wall) * share, (last.processor - first.processor) * share)


def main(rows: int = ROWS) -> None:
    with tempfile.TemporaryDirectory(prefix="reelwork-bench-") as folder:
        moments, megabytes = played(rows, Path(folder))
    size = rows // PARTS
    first, last = part_of(moments, 1, size + 1), part_of(moments, rows - size, rows)
    print(f"{rows} rows, {moments[-1].wall - moments[0].wall:.0f} s, {moments[-1].processor:.0f} s of processor, "
          f"at most {megabytes:.0f} MB")  # fmt: skip
    print(f"{'':16} {'first ' + str(size):>12} {'last ' + str(size):>12} {'times':>6}   (goal: {GOAL})")
    for name, one, other in (
        ("processor s", first.processor, last.processor),
        ("wall s", first.wall, last.wall),
    ):
        print(f"{name:16} {one:12.1f} {other:12.1f} {other / one:6.2f}")


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:]))
