"""Real processes and a real server: what is killed here is killed by the operating system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork_plugins.simulator.server import RunningSimulator
from reelwork_plugins.simulator.settings import SimulatorSettings


@pytest.fixture
def simulator() -> Iterator[Callable[..., RunningSimulator]]:
    running: list[RunningSimulator] = []

    def start(**options: Any) -> RunningSimulator:
        settings: dict[str, Any] = {"canned": True, "render_seconds": 0.2, **options}
        running.append(RunningSimulator(SimulatorSettings(**settings)).__enter__())
        return running[-1]

    yield start
    for simulator in running:
        simulator.__exit__(None, None, None)


class Terminal:
    """A folder with a store of its own, and the command line in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")},
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "reelwork", "--store", "store.db", *words]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def run(self, *words: str, seconds: float = 120) -> tuple[int, str]:
        process = self.start(*words)
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            raise AssertionError(f"still running after {seconds} s:\n{output}") from None
        return process.returncode, output

    def run_killed(self, *words: str, until: Callable[[], bool], seconds: float = 60) -> str:
        """Start, and kill -9 as soon as `until` says so."""
        process = self.start(*words)
        deadline = time.monotonic() + seconds
        while not until():
            if process.poll() is not None:
                output, _ = process.communicate()
                raise AssertionError(f"ended with {process.returncode} before it was killed:\n{output}")
            if time.monotonic() > deadline:
                process.kill()
                output, _ = process.communicate()
                raise AssertionError(f"was not killed within {seconds} s:\n{output}")
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return output


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)
