from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer

Serve = Callable[..., VideoServer]
MIN, HOUR, DAY = 60, 3600, 86_400
STEPS = [10 * MIN, -10 * MIN, 2 * HOUR, -2 * HOUR, 2 * DAY, -2 * DAY]
STAGES = ("asked", "rendering", "listed", "fetched")
ALL = list(product(STAGES, STEPS))
SOME = [("asked", -2 * HOUR), ("rendering", 2 * DAY), ("listed", 10 * MIN), ("fetched", -2 * DAY)]
faked = pytest.mark.skipif(shutil.which("faketime") is None, reason="libfaketime is not installed")


class FakedClock:
    """A wall clock for a process, which can be set while it runs. The boot clock stays right."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)
        found = subprocess.run(["faketime", "now", "env"], capture_output=True, text=True, check=True).stdout
        self._preload = next(line for line in found.splitlines() if line.startswith("LD_PRELOAD="))

    def set(self, seconds: float) -> None:
        self._file.write_text(f"{seconds:+.0f}s\n")

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": self._preload.partition("=")[2],
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@faked
@pytest.mark.parametrize(("stage", "step"), ALL if os.environ.get("REELWORK_CLOCKS") == "full" else SOME)
def test_a_clock_that_is_set_costs_nothing_and_loses_nothing(
    desk: Desk, serve: Serve, stage: str, step: int
) -> None:
    clock = FakedClock(desk.folder)

    def at(name: str, answer: Answer) -> Answer:
        if name == stage:
            clock.set(step)
        return answer

    def create(server: VideoServer, asked: Asked) -> Answer:
        job = server.accept(asked, status="in_progress", progress=10)
        first_lost = stage == "listed" and len(server.jobs) == 2
        return at("asked", LOST if first_lost else Answer(job))

    def listing(server: VideoServer, asked: Asked) -> Answer:
        found = [dict(job) for job in reversed(server.jobs.values())]
        for job in server.jobs.values():
            job.update(status="completed", progress=100)
        return at("listed", Answer({"object": "list", "data": found, "has_more": False}))

    def show(server: VideoServer, asked: Asked) -> Answer:
        job = server.jobs[asked.path.rsplit("/", 1)[1]]
        job.update(status="completed", progress=100)
        return at("rendering", Answer(dict(job)))

    def content(server: VideoServer, asked: Asked) -> Answer:
        return at("fetched", Answer(server.clip, headers={"Content-Type": "video/mp4"}))

    server = serve(create=create, listing=listing, show=show, content=content)
    batch = desk.write("rows.csv", "id,prompt\na,A red fox in the snow\nb,A blue whale at dusk\n")
    workflow = desk.workflow(server.origin, rest="[limits]\nconcurrent = 1")
    ended = desk.reelwork("run", batch, "--workflow", workflow, "--yes", timeout=120, **clock.environ)
    if ended.code != 0:
        ended = desk.reelwork("resume", timeout=120, **clock.environ)
    assert (server.creates, ended.code) == (2, 0), ended.text
    assert "no longer kept" not in ended.text


@faked
def test_a_clock_set_back_after_a_kill_does_not_silence_resume(desk: Desk, serve: Serve) -> None:
    clock = FakedClock(desk.folder)
    clock.set(HOUR)
    server = serve(create=lambda server, asked: Answer(server.accept(asked, status="in_progress", progress=10)))
    env = {**os.environ, "REELWORK_STORE": str(desk.store), "HOME": str(desk.folder), **clock.environ}
    command = [sys.executable, "-m", "reelwork", "run", str(desk.workflow(server.origin)), "--yes"]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=desk.folder, env=env, stdout=silent, stderr=silent)
    ends = time.monotonic() + 60
    while len(server.requests) < 3 and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    clock.set(0)
    for job in server.jobs.values():
        job.update(status="completed", progress=100)
    resumed = desk.reelwork("resume", timeout=90, **clock.environ)
    assert (resumed.code, server.creates) == (0, 1), resumed.text
    assert "was set back by 1 h" in resumed.err
