"""A studio at work, to measure a server in: renders that a simulator makes, jobs that are done, and readers.

The waiting jobs and the done ones are those of `reelwork run`, one of each, repeated with other ids.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.backlog import multiply, name_of, repeat
from benchmarks.in_flight import RENDER_SECONDS, Simulator, Used, reelwork, simulator, submitted, used_by, working
from benchmarks.webhook_latency import FLOW, INTERVAL, SECRET
from reelwork.store.sqlite.store import SqliteStore

ENDING_SECONDS = 1.0
"""Seconds between two renders that end while the server is measured."""
STARTING_SECONDS = 60.0
"""Seconds for the service and the server to start, and for the renders to be polled together."""
EARLIER_SECONDS = 20.0
"""Seconds before that at which the first render ends: jobs are being finished already when it is measured."""
DAY = 86_400.0
PATIENCE = 300.0


@dataclass(frozen=True)
class Studio:
    """A store with its jobs, and a service that makes their videos."""

    folder: Path
    port: str
    videos: tuple[str, ...]
    """The ids of the videos that are waited for."""

    @property
    def path(self) -> Path:
        """The store."""
        return self.folder / "store.db"

    def done(self) -> int:
        """Count the jobs that are done."""
        with closing(sqlite3.connect(self.path)) as db:
            return int(db.execute("SELECT count(*) FROM jobs WHERE status = 'done'").fetchone()[0])

    @contextmanager
    def service(self) -> Iterator[Simulator]:
        """Let the service run."""
        with simulator(self.folder, "--state", str(self.folder / "state"), "--port", self.port) as service:
            yield service


def make_studio(folder: Path, *, waiting: int, done: int) -> Studio:
    """Make a store in which `waiting` renders are waited for, and `done` jobs are done."""
    state = folder / "state"
    (folder / "rows.csv").write_text("id,prompt\n0,a red kite over the sea\n")
    with simulator(folder, "--state", str(state)) as service:
        flow = FLOW.format(service=service.address, interval=INTERVAL) + "\n[limits]\nconcurrent = 100000\n"
        (folder / "flow.toml").write_text(flow)
        with working(folder, "run", "rows.csv", "--workflow", "flow.toml", "--yes", "--no-sheet") as process:
            submitted(folder, process, 1)
    made = [reelwork(), "--store", "store.db", "run", "A quiet harbour at dawn", "--yes", "--no-sheet"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    with closing(sqlite3.connect(folder / "store.db")) as db:
        video, preview = (row[0] for row in db.execute("SELECT remote_id FROM renders ORDER BY submitted_at"))
    multiply(folder / "store.db", state / "jobs.jsonl", waiting)
    repeat(folder / "store.db", 2, preview, done)
    spread_over_a_year(folder / "store.db")
    return Studio(folder, service.address.rsplit(":", 1)[1], tuple(name_of(video, at) for at in range(waiting)))


def spread_over_a_year(path: Path) -> None:
    """Move the done jobs, and their money, to all days of the past year."""
    back = f"abs(random() % 365) * {DAY}"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE jobs SET updated_at = updated_at - {back} WHERE status = 'done'")
        db.execute(
            "UPDATE effects SET reserved_at = jobs.updated_at FROM jobs"
            " WHERE jobs.id = effects.job_id AND jobs.status = 'done'"
        )


def let_some_end(studio: Studio, seconds: float) -> Sequence[str]:
    """Let a render end each second until so many seconds after the start; returns the others' ids.

    The service must not run.
    """
    path, first = studio.folder / "state" / "jobs.jsonl", time.time() + STARTING_SECONDS - EARLIER_SECONDS
    lines = path.read_text().splitlines()
    count = min(int((seconds + EARLIER_SECONDS) / ENDING_SECONDS), len(lines))
    for at in range(count):
        event = json.loads(lines[at])
        event["job"]["created_at"] = event["at"] = first + at * ENDING_SECONDS - RENDER_SECONDS
        lines[at] = json.dumps(event)
    path.write_text("\n".join(lines) + "\n")
    return studio.videos[count:]


@contextmanager
def left_to_others(studio: Studio, videos: Sequence[str]) -> Iterator[None]:
    """Let another process, which lives, have these renders for as long as the block lasts."""
    later = time.time() + DAY
    with closing(SqliteStore(studio.path)) as store, closing(store.register()) as owner:
        with closing(sqlite3.connect(studio.path)) as db, db:
            text = "UPDATE renders SET owner = ?, lease_until = ?, due_at = ? WHERE remote_id = ?"
            db.executemany(text, [(owner.name, later, later, video) for video in videos])
        yield


@dataclass(frozen=True)
class Serving:
    """`reelwork serve` in a process of its own."""

    url: str
    pid: int

    @property
    def used(self) -> Used:
        """The processor's seconds and the memory that it has used so far."""
        return used_by(self.pid)


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    """Run `reelwork serve` on the folder's store, with webhooks of the service."""
    (folder / "reelwork.toml").write_text('[webhooks_in.sora]\nscheme = "standard"\nsecrets = ["file:secret"]\n')
    (folder / "secret").write_text(SECRET)
    with working(folder, "serve", "--port", "0") as process:
        ends = time.monotonic() + PATIENCE
        while not (found := re.search(r"Serving (\S+)", (folder / "reelwork.log").read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit((folder / "reelwork.log").read_text(errors="replace"))
            time.sleep(0.05)
        yield Serving(found[1], process.pid)


@dataclass
class Read:
    """What live readers got, once they have ended."""

    events: list[int]


@contextmanager
def readers(url: str, count: int) -> Iterator[Read]:
    """Let so many readers follow the events of a server, in a process of their own."""
    read = Read([])
    command = [sys.executable, "-m", "benchmarks.event_readers", url, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("following")
    yield read
    read.events += json.loads(process.communicate("end\n", timeout=PATIENCE)[0])
