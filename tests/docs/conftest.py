"""A folder and a home of its own for whoever tries what the pages say."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, made the current one, with no settings of this machine's user in reach."""
    for name in [*filter(lambda name: name.startswith("REELWORK_"), os.environ), "XDG_DATA_HOME"]:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    return folder
