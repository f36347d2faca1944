"""The time from the end of a render to the next step of its job: by webhooks beside polling alone.

A server drives the jobs, at rest but for them. The service is the simulator in a process of its own, which sends
its webhooks when a render ends, or none. Renders wait for a few places, so that they end between two polls.
The end of a render is the simulator's word, the next step is the line `rendered` in the job's story.

To run:  python -m benchmarks.webhook_latency [--jobs 40]
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

JOBS = 40
INTERVAL = 10.0
"""Seconds between two polls: the default of every provider."""
PATIENCE = 300.0
SECRET = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tr"
FLOW = """
[brief]
duration = 4
[provider]
use = "videos-api"
base_url = "{service}/v1"
model = "sora-2"
poll_interval = {interval}
[plugins]
pre_moderate = []
prompt_transform = []
post_download = []
publish = []
"""


@contextmanager
def started(folder: Path, name: str, said: str, *command: str) -> Iterator[str]:
    """A command of Reelwork's that runs, and the address it says after a word."""
    output = folder / f"{name}.txt"
    with output.open("wb") as file:
        whole = [sys.executable, "-m", "reelwork", *command]
        process = subprocess.Popen(whole, cwd=folder, stdout=file, stderr=file)
    try:
        ends = time.monotonic() + PATIENCE
        while not (found := re.search(said, output.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(output.read_text(errors="replace"))
            time.sleep(0.05)
        yield found[1]
    finally:
        process.terminate()
        process.wait()


def waits(jobs: int, *, webhooks: bool) -> list[float]:
    """The seconds from the end of each render to the next step of its job."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "reelwork.toml").write_text(
            'store = "store.db"\n[webhooks_in.sora]\nscheme = "standard"\nsecrets = ["file:secret"]\n'
        )
        (folder / "secret").write_text(SECRET)
        with started(folder, "serve", r"Serving (\S+)", "serve", "--port", "0") as server:
            told = ("--webhook", f"{server}/webhooks/sora", "--webhook-secret", SECRET) if webhooks else ()
            # Renders queue for a few places, so that they end one after the other and not all at once.
            played = ("simulator", "--port", "0", "--render-seconds", "3", "--concurrent", "4", *told)
            with started(folder, "simulator", r"(http://127\.0\.0\.1:\d+)", *played) as service:
                return _measured(folder, service, jobs)


def _measured(folder: Path, service: str, jobs: int) -> list[float]:
    (folder / "flow.toml").write_text(FLOW.format(service=service, interval=INTERVAL))
    rows = "".join(f"{at},A quiet harbour at dawn with boat number {at}\n" for at in range(jobs))
    (folder / "rows.csv").write_text("id,prompt\n" + rows)
    command = [sys.executable, "-m", "reelwork", "run", "rows.csv", "--workflow", "flow.toml", "--yes"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
    with closing(sqlite3.connect(folder / "store.db")) as db:
        stepped = dict(
            db.execute(
                "SELECT renders.remote_id, events.at FROM events JOIN renders ON renders.job_id = events.job_id"
                " WHERE events.name = 'rendered'"
            ).fetchall()
        )
    with urlopen(f"{service}/_simulator/jobs") as answer:
        ended = {job["id"]: job["ended_at"] for job in json.load(answer)["jobs"]}
    return [stepped[remote_id] - ended[remote_id] for remote_id in stepped]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS)
    jobs = parser.parse_args(arguments).jobs
    for name, webhooks in (("polling alone", False), ("with webhooks", True)):
        found = sorted(waits(jobs, webhooks=webhooks))
        middle, high = statistics.median(found), found[int(0.9 * (len(found) - 1))]
        times = f"median {middle:6.2f} s, p90 {high:6.2f} s, longest {found[-1]:6.2f} s"
        print(f"{name:14} {times} ({len(found)} renders)")


if __name__ == "__main__":
    main()
