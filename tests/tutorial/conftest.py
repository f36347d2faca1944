"""A folder of one's own, a video server on this machine, and the command line: what each sample is tried with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reelwork.cli.app import reelwork
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, made the current one, with no settings or keys of this machine's user in reach."""
    for name in list(os.environ):
        if name.startswith(("REELWORK_", "AWS_", "VIDEOS_", "OPENAI_", "STORAGE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of the examples that belong to the tutorial."""
    return Path(__file__).resolve().parents[2] / "examples" / "from_the_tutorial"


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli() -> Callable[..., Outcome]:
    """Run a command of `reelwork` in this process."""

    def run(*arguments: str) -> Outcome:
        result = CliRunner().invoke(reelwork, list(arguments), prog_name="reelwork")
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def plain() -> Iterator[RunningSimulator]:
    """A simulator for all tests that ask for nothing but faults; each finds it empty."""
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0.05)) as running:
        yield running


@pytest.fixture
def start(away: Path, plain: RunningSimulator) -> Iterator[Callable[..., RunningSimulator]]:
    """Start a simulator, and write the `reelwork.toml` that points at it."""
    with ExitStack() as stack:

        def run(**settings: Any) -> RunningSimulator:
            if set(settings) <= {"faults"}:
                simulator = plain
                plain.restart()
                plain.simulation.log.clear()
                plain.set_faults(list(settings.get("faults", ())))
            else:
                chosen = {"canned": True, "render_seconds": 0.05, **settings}
                simulator = stack.enter_context(run_simulator(SimulatorSettings(**chosen)))
            away.joinpath("reelwork.toml").write_text(SETTINGS.format(simulator.base_url), encoding="utf-8")
            return simulator

        yield run


@pytest.fixture
def simulator(start: Callable[..., RunningSimulator]) -> RunningSimulator:
    """A simulator that asks for no key."""
    return start()


SETTINGS = """\
[provider]
use = "videos-api"
base_url = "{}"
model = "sora-2"
poll_interval = 0.05
settle_seconds = 0.1

[budget]
per_run = 10
"""
