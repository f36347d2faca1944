"""The wheel as an application: what a person gets who installs it with pipx or uv."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    os.environ.get("REELWORK_REQUIRE_SERVICES") != "1",
    reason="installs into fresh environments, which takes a minute: set REELWORK_REQUIRE_SERVICES=1",
)

INSTALLS = {
    "uv": ("uv", "tool", "install", "--quiet", "--python", sys.executable),
    "pipx": ("pipx", "install", "--quiet", "--python", sys.executable),
}


def run(*words: object, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, and the folder of the two installers."""
    folder = tmp_path_factory.mktemp("installers")
    venv.create(folder / "venv", with_pip=True)
    env = dict(os.environ)
    run(folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "uv", "pipx", cwd=folder, env=env)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=folder, env=env)
    return folder


@pytest.mark.parametrize("installer", INSTALLS)
def test_an_installed_tool_makes_a_video(installers: Path, tmp_path: Path, installer: str) -> None:
    (wheel,) = installers.glob("reelwork-*.whl")
    bin_ = tmp_path / "bin"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("REELWORK_", "XDG_", "PIPX_"))}
    env |= {"HOME": str(tmp_path), "UV_TOOL_BIN_DIR": str(bin_), "PIPX_BIN_DIR": str(bin_), "NO_COLOR": "1"}
    program, *words = INSTALLS[installer]
    run(installers / "venv" / "bin" / program, *words, wheel, cwd=tmp_path, env=env)
    (tmp_path / "flow.toml").write_text(
        '[brief]\nprompt = "A quiet harbour at dawn"\nduration = 1\nresolution = "480p"\n[plugins]\npublish = []\n'
    )
    answer = json.loads(run(bin_ / "reelwork", "run", "flow.toml", "--json", cwd=tmp_path, env=env))
    (job,) = answer["jobs"]
    assert job["status"] == "done"
    found = run(bin_ / "reelwork", "plugins", "check", "gallery", cwd=tmp_path, env=env)
    assert "gallery" in found
