"""A server on a full disk: it waits, goes on by itself, and pays for each row once."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelwork.store.sqlite.maintenance.check import check

sys.path.insert(0, str(Path(__file__).parent))

from test_full_disk import SmallDisk, disk
from test_kill_batch import creates, write_rows, write_workflow

__all__ = ["disk"]
PATIENCE = 180.0
ROWS = 30


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """Ends what a test started, however it goes."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.slow
def test_a_server_waits_out_a_full_disk_and_pays_for_each_row_once(
    simulator: Any, terminal: Any, disk: SmallDisk, ending: ExitStack
) -> None:
    server = simulator(render_seconds=0.3)
    write_workflow(terminal.folder, server.url_of("sora") + "/v1", "sora")
    write_rows(terminal.folder, ROWS)
    store = ("--store", str(disk.path / "s.db"))
    serving = terminal.start(*store, "serve", "--port", "0")
    ending.callback(serving.stdout.close)
    ending.callback(serving.kill)
    told: list[str] = []
    # Read all the time: a full pipe would hold the server up.
    reading = threading.Thread(target=lambda: told.extend(iter(serving.stdout.readline, "")))
    reading.start()

    def wait(reached: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE
        while not reached():
            assert serving.poll() is None, told
            assert time.monotonic() < ends, told
            time.sleep(0.01)

    wait(lambda: any(line.startswith("Serving ") for line in told))
    url = next(line for line in told if line.startswith("Serving ")).split()[1]
    page = httpx.Client(base_url=url, trust_env=False, timeout=30)
    launching = terminal.start("run", "rows.csv", "--workflow", "live.toml", "--yes", "--out", "out", *store)
    wait(lambda: sum(creates(server).values()) >= 3)
    launching.kill()
    launching.communicate()
    for _ in range(3):
        before = sum(creates(server).values())
        wait(lambda before=before: sum(creates(server).values()) > before or before >= ROWS)
        disk.fill()
        # Long enough to come to the end of what the store's own log has room for, as a rule; nothing rests on it.
        time.sleep(3)
        disk.make_room()
        assert set(creates(server).values()) <= {1}
    wait(lambda: len(page.get("/api/v1/jobs?status=done&limit=100").json()["items"]) == ROWS)
    page.close()
    serving.terminate()
    reading.join(timeout=60)
    assert serving.wait(timeout=60) == 0, told
    assert not any("Traceback" in line for line in told)
    assert (len(creates(server)), set(creates(server).values())) == (ROWS, {1})
    report = check(disk.path / "s.db", time.time())
    assert (report.jobs, report.ok) == ({"done": ROWS}, True)
