"""A server on a full disk: it waits, goes on by itself, and pays for each row once."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


class People(ThreadingHTTPServer):
    """Takes the notices that Apprise sends to `json://`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Takes)
        self.told: list[dict[str, str]] = []

    def titles(self) -> list[str]:
        return [one["title"] for one in self.told]


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, People)
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


class Serving:
    """`reelwork serve` in a process of its own, with all that it prints."""

    def __init__(self, terminal: Any, *options: str, ending: ExitStack) -> None:
        self.process = terminal.start(*options, "serve", "--port", "0")
        ending.callback(self.process.stdout.close)
        ending.callback(self.process.kill)
        self.told: list[str] = []
        # Read all the time: a full pipe would hold the server up.
        self._reading = threading.Thread(target=lambda: self.told.extend(iter(self.process.stdout.readline, "")))
        self._reading.start()
        self.wait(lambda: any(line.startswith("Serving ") for line in self.told))
        url = next(line for line in self.told if line.startswith("Serving ")).split()[1]
        self.page = httpx.Client(base_url=url, trust_env=False, timeout=30)
        ending.callback(self.page.close)

    def wait(self, reached: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE
        while not reached():
            assert self.process.poll() is None, self.told
            assert time.monotonic() < ends, self.told
            time.sleep(0.01)

    def end(self) -> None:
        self.process.terminate()
        self._reading.join(timeout=60)
        assert self.process.wait(timeout=60) == 0, self.told
        assert not any("Traceback" in line for line in self.told)


@pytest.mark.slow
def test_a_server_waits_out_a_full_disk_and_pays_for_each_row_once(
    simulator: Any, terminal: Any, disk: SmallDisk, ending: ExitStack
) -> None:
    server = simulator(render_seconds=0.3)
    write_workflow(terminal.folder, server.url_of("sora") + "/v1", "sora")
    write_rows(terminal.folder, ROWS)
    store = ("--store", str(disk.path / "s.db"))
    serving = Serving(terminal, *store, ending=ending)
    wait = serving.wait
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
    wait(lambda: len(serving.page.get("/api/v1/jobs?status=done&limit=100").json()["items"]) == ROWS)
    serving.end()
    assert (len(creates(server)), set(creates(server).values())) == (ROWS, {1})
    report = check(disk.path / "s.db", time.time())
    assert (report.jobs, report.ok) == ({"done": ROWS}, True)


@pytest.mark.slow
def test_people_are_told_of_a_full_disk_and_of_its_end_though_nothing_can_be_written(
    terminal: Any, disk: SmallDisk, ending: ExitStack
) -> None:
    people = ending.enter_context(People())
    taking = threading.Thread(target=people.serve_forever, kwargs={"poll_interval": 0.05})
    taking.start()
    ending.callback(taking.join)
    ending.callback(people.shutdown)
    settings = '[notify]\nto = ["env:NOTIFY_URL"]\nprivate = true\n'
    (terminal.folder / "reelwork.toml").write_text(settings, encoding="utf-8")
    terminal.env["NOTIFY_URL"] = f"json://127.0.0.1:{people.server_address[1]}/"
    serving = Serving(terminal, "--store", str(disk.path / "s.db"), ending=ending)
    disk.fill()
    serving.wait(lambda: serving.page.get("/readyz").status_code == 503)
    serving.wait(lambda: bool(people.told))
    # The page tells the same, and nothing more is sent for as long as it lasts.
    assert "could not be written" in serving.page.get("/").text
    time.sleep(15)
    assert people.titles() == ["Reelwork: The store cannot be written"]
    assert "Make room on the disk" in people.told[0]["message"]
    disk.make_room()
    serving.wait(lambda: len(people.told) > 1)
    assert people.titles()[1:] == ["Reelwork: Mended"]
    assert serving.page.get("/readyz").status_code == 200
    figures = serving.page.get("/metrics").text
    assert 'reelwork_notices_total{outcome="sent"} 2' in figures
    serving.end()
    assert (check(disk.path / "s.db", time.time()).ok, len(people.told)) == (True, 2)
