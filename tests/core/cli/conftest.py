from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reelwork.cli.app import reelwork
from reelwork.store.records import JobRow
from reelwork.store.sqlite.store import SqliteStore

SMALL = ("--duration", "0.5", "--resolution", "480p")
"""Options that make a preview quick to draw."""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own to work in, with a home and a store below it."""
    for name in [name for name in os.environ if name.startswith("REELWORK_") or name == "NO_COLOR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def cli() -> Cli:
    """Run a command in this process."""

    def run(*arguments: str) -> Outcome:
        result = CliRunner().invoke(reelwork, list(arguments), prog_name="reelwork")
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def process() -> Cli:
    """Run a command in a process of its own, with nothing but pipes."""

    def run(*arguments: str, **environ: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "reelwork", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environ},
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[], list[JobRow]]:
    """The jobs in the store; none when there is no store."""

    def jobs() -> list[JobRow]:
        path = tmp_path / "data" / "reelwork" / "store.db"
        if not path.exists():
            return []
        store = SqliteStore(path)
        try:
            return store.jobs()
        finally:
            store.close()

    return jobs


@pytest.fixture
def plugin(folder: Path) -> Callable[[str], str]:
    """Write a single-file plugin whose class has these lines in it; returns the file's name."""

    def write(body: str, name: str = "mine.py") -> str:
        lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
        (folder / name).write_text(f"{IMPORTS}\n\nclass Mine(Plugin):\n{lines}\n")
        return name

    return write


IMPORTS = "import asyncio\nfrom reelwork_hooks import Plugin, Verdict, hookimpl\n"
