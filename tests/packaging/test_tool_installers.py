"""The wheel as an application: what a person gets who installs it with pipx or uv."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from tests.packaging.conftest import run

pytestmark = pytest.mark.skipif(
    os.environ.get("REELWORK_REQUIRE_SERVICES") != "1",
    reason="installs into fresh environments, which takes a minute: set REELWORK_REQUIRE_SERVICES=1",
)

INSTALLS = {
    "uv": ("uv", "tool", "install", "--quiet", "--python", sys.executable),
    "pipx": ("pipx", "install", "--quiet", "--python", sys.executable),
}


@pytest.mark.parametrize("installer", INSTALLS)
def test_an_installed_tool_makes_a_video(
    installers: Path, wheel_of_reelwork: Path, tmp_path: Path, installer: str
) -> None:
    bin_ = tmp_path / "bin"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("REELWORK_", "XDG_", "PIPX_"))}
    env |= {"HOME": str(tmp_path), "UV_TOOL_BIN_DIR": str(bin_), "PIPX_BIN_DIR": str(bin_), "NO_COLOR": "1"}
    program, *words = INSTALLS[installer]
    run(installers / program, *words, wheel_of_reelwork, cwd=tmp_path, env=env)
    (tmp_path / "flow.toml").write_text(
        '[brief]\nprompt = "A quiet harbour at dawn"\nduration = 1\nresolution = "480p"\n[plugins]\npublish = []\n'
    )
    answer = json.loads(run(bin_ / "reelwork", "run", "flow.toml", "--json", cwd=tmp_path, env=env))
    (job,) = answer["jobs"]
    assert job["status"] == "done"
    found = run(bin_ / "reelwork", "plugins", "check", "gallery", cwd=tmp_path, env=env)
    assert "gallery" in found
