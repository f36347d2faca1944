"""Lists of 100,000 jobs, and a gallery of 5,000 posts: `python -m benchmarks.long_lists`.

Beside `jobs list` stands a Python program that does nothing but read the same rows with sqlite3 and print them as
JSON. Processor seconds are those of the whole process; each is the median of five.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reelwork.store.commands import NewJob
from reelwork.store.records import RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.testing.samples import sample_job, sample_post
from reelwork_hooks import Effect
from reelwork_plugins.publishers.gallery import Gallery, GalleryConfig

JOBS, POSTS, PART, TRIES = 100_000, 5_000, 500, 5
LISTS: dict[str, tuple[str, ...]] = {
    "the newest 20": (),
    "held ones (none)": ("--status", "held"),
    "a text that one has": ("--search", "prompt 77777 "),
    "metadata that none has": ("--metadata", "client=nobody"),
    "20,000": ("--limit", "20000"),
}
BARE = """
import json, sqlite3, sys
newest = "SELECT id, status, step, data FROM jobs ORDER BY seq DESC LIMIT ?"
rows = sqlite3.connect(sys.argv[1]).execute(newest, (int(sys.argv[2]),))
print(json.dumps([{"id": i, "status": s, "step": t, "data": json.loads(d)} for i, s, t, d in rows], indent=2))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.db"
        asyncio.run(_fill(store))
        for name, options in LISTS.items():
            seconds, memory = _measured(
                [sys.executable, "-m", "reelwork", "jobs", "list", "--json", *options], store
            )
            print(f"  {name:24} {seconds:6.2f} s of processor  {memory:4.0f} MB")
        for many in (20, 20_000):
            seconds, memory = _measured([sys.executable, "-c", BARE, str(store), str(many)], store)
            print(f"  bare sqlite3, {many:<10,} {seconds:6.2f} s of processor  {memory:4.0f} MB")
        _gallery(Path(folder))


async def _fill(path: Path) -> None:
    store = SqliteStore(path)
    await store.add_run(RunRow("run", None, "flow", "", time.time()))
    for first in range(0, JOBS, 5000):
        new = [NewJob(f"1list{n:08d}", f"k{n}", "submit", _data(n)) for n in range(first, first + 5000)]
        await store.add_jobs("run", new)
    store.close()


def _data(number: int) -> str:
    job: Any = sample_job().model_dump(mode="json")
    brief = {**job["brief"], "prompt": f"prompt {number} of a fox in the snow", "metadata": {"client": "acme"}}
    return json.dumps({"workflow": "flow", "provider": "preview", "brief": brief, "spec": job["spec"]})


def _measured(command: list[str], store: Path) -> tuple[float, float]:
    """Return the processor's seconds, the median, and the most megabytes."""
    seconds, kilobytes = [], 0
    for _ in range(TRIES):
        process = subprocess.Popen(
            command, env={**os.environ, "REELWORK_STORE": str(store)}, stdout=subprocess.DEVNULL
        )
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = code
        seconds.append(usage.ru_utime + usage.ru_stime)
        kilobytes = max(kilobytes, usage.ru_maxrss)
    return statistics.median(seconds), kilobytes / 1024


def _gallery(folder: Path) -> None:
    context: Any = SimpleNamespace(base_dir=folder, output_dir=folder, now=lambda: datetime.now(UTC))
    gallery, post, job = Gallery(GalleryConfig(), context), sample_post(), sample_job()
    parts = []
    for first in range(0, POSTS, PART):
        began = resource.getrusage(resource.RUSAGE_SELF)
        for number in range(first, first + PART):
            gallery.publish(post, job, Effect(key=f"key-{number}"))
        ended = resource.getrusage(resource.RUSAGE_SELF)
        parts.append(ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
    print(f"  gallery: posts 501-1000 {parts[1] / PART * 1000:.1f} ms each of processor, the last 500 "
          f"{parts[-1] / PART * 1000:.1f} ms: {parts[-1] / parts[1]:.2f} times as long")  # fmt: skip


if __name__ == "__main__":
    main()
