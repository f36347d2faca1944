"""The tutorial's batch generator: chunks, a progress callback, and everything lost when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROMPTS = ("A cat playing with yarn", "Sunset over mountains", "Busy city street at night")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False
    )


def test_the_example_tells_its_progress(examples: Path, simulator: Any) -> None:
    done = run(examples / "batch.py")
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert shown[:3] == ["Progress: 33.3%", "Progress: 66.7%", "Progress: 100.0%"]
    assert sorted(line.split(maxsplit=1) for line in shown[3:]) == sorted(["done", prompt] for prompt in PROMPTS)


def test_run_again_there_is_nothing_to_do(examples: Path, simulator: Any, cli: Any) -> None:
    batch = str(examples / "prompts.csv")
    assert cli("run", batch, "--duration", "4").code == 0
    again = cli("run", batch, "--duration", "4")
    assert "nothing to do: 3 jobs done before" in again.err
    assert len(simulator.requests("/v1/videos", "POST")) == 3


def test_one_that_fails_stops_no_other(examples: Path, start: Any, cli: Any) -> None:
    start(faults=("create:400@nth=2",))
    done = cli("run", str(examples / "prompts.csv"), "--duration", "4", "--json")
    assert sorted(job["status"] for job in done.json["jobs"]) == ["done", "done", "rejected"]


def test_killed_and_run_again_each_is_paid_for_once(examples: Path, start: Any, cli: Any) -> None:
    simulator = start(render_seconds=1)
    batch = str(examples / "prompts.csv")
    command = [sys.executable, "-m", "reelwork", "run", batch, "--duration", "4"]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not simulator.jobs():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    done = cli("run", batch, "--duration", "4", "--json")
    assert done.code == 0, done.err
    assert sorted(job["prompt"] for job in simulator.jobs()) == sorted(PROMPTS)
