"""A real server in a process of its own, and an application whose answers are looked at in this one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

PATIENCE = 90.0
"""Seconds for what a busy machine may take; nothing waits that long unless it is broken."""


@dataclass
class Running:
    """A server that was started, with its output so far in a file."""

    process: subprocess.Popen[bytes]
    output: Path
    url: str = ""
    client: httpx.Client = field(init=False)

    def until_told(self, pattern: str) -> str:
        """Wait until its output has this, and return it, or the first group of it."""
        ends = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text, re.MULTILINE)):
            assert self.process.poll() is None, self.text
            assert time.monotonic() < ends, self.text
            time.sleep(0.05)
        return found[found.re.groups]

    def until_ready(self) -> Running:
        """Wait until it says where it serves."""
        self.url = self.until_told(r"^Serving (\S+)")
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=PATIENCE)
        return self

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """End it as systemd does; returns its code, and the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE), time.monotonic() - began


@dataclass(frozen=True)
class Machine:
    """A folder with a store, and the commands that are run there."""

    folder: Path
    started: list[Running] = field(default_factory=list)

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    def environ(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REELWORK_", "NOTIFY"))}
        return {**kept, "REELWORK_ACCOUNTS": str(self.folder / "accounts.json"), **more}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "reelwork", "--store", str(self.store), *arguments]

    def reelwork(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environ(**environ), capture_output=True,
            text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip

    def start(self, *arguments: str, **environ: str) -> Running:
        """Start a server on a free port, or another command, and do not wait."""
        output = self.folder / f"output-{len(self.started)}.txt"
        asked = arguments or ("serve", "--port", "0")
        with output.open("wb") as file:
            process = subprocess.Popen(
                self.command(*asked), cwd=self.folder, env=self.environ(**environ), stdout=file, stderr=file
            )
        self.started.append(Running(process, output))
        return self.started[-1]


@pytest.fixture(scope="module")
def new_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Machine]]:
    """Makes machines; what was started on them is ended with the tests of the module."""
    made: list[Machine] = []

    def make() -> Machine:
        made.append(Machine(tmp_path_factory.mktemp("machine")))
        return made[-1]

    yield make
    for running in (one for machine in made for one in machine.started):
        if running.process.poll() is None:
            running.kill()
        if running.url:
            running.client.close()


@pytest.fixture
def machine(new_machine: Callable[[], Machine]) -> Machine:
    return new_machine()
