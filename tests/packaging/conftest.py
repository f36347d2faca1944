"""The wheel and the installers, made once for all tests that install."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*words: object, cwd: Path, env: Mapping[str, str] = os.environ) -> str:
    """Run a command that must succeed, and return what it printed."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd, env=dict(env), capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that one of the workers of pytest-xdist makes, and the others wait for."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            make(folder)
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="session")
def wheel_of_reelwork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=folder)

    (wheel,) = once(tmp_path_factory, "wheel", make).glob("reelwork-*.whl")
    return wheel


@pytest.fixture(scope="session")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the commands `uv` and `pipx`."""

    def make(folder: Path) -> None:
        run(sys.executable, "-m", "venv", "--without-pip", "venv", cwd=folder)
        pip = (sys.executable, "-m", "pip", "--python", folder / "venv" / "bin" / "python")
        run(*pip, "install", "--quiet", "uv", "pipx", cwd=folder)

    return once(tmp_path_factory, "installers", make) / "venv" / "bin"


@pytest.fixture(scope="session")
def uv_cache(installers: Path) -> Path:
    """Where uv keeps what it unpacked: each environment links to it, which takes a second instead of twenty."""
    return installers.parent.parent / "uv-cache"


@pytest.fixture(scope="session")
def fresh(installers: Path, uv_cache: Path, wheel_of_reelwork: Path) -> Callable[[Path], Path]:
    """Make an environment with pip and Reelwork in a folder, and return where its commands are."""
    env = {**os.environ, "UV_CACHE_DIR": str(uv_cache)}

    def make(folder: Path) -> Path:
        uv = installers / "uv"
        run(uv, "venv", "--quiet", "--seed", "--python", sys.executable, folder / "venv", cwd=folder, env=env)
        python = folder / "venv" / "bin" / "python"
        run(uv, "pip", "install", "--quiet", "--python", python, wheel_of_reelwork, cwd=folder, env=env)
        return python.parent

    return make
