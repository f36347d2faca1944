"""The wheels, in an environment that has nothing else: what a person gets who installs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    os.environ.get("REELWORK_REQUIRE_SERVICES") != "1",
    reason="installs into a fresh environment, which takes a minute: set REELWORK_REQUIRE_SERVICES=1",
)


def run(*words: object, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for source in (ROOT, ROOT / "examples" / "plugin"):
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, source, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=True)
    files = sorted(wheels.glob("*.whl"))
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", *files, "pytest", cwd=folder)
    return folder / "bin"


def test_the_wheel_holds_what_the_code_reads(wheels: Path) -> None:
    (wheel,) = wheels.glob("reelwork-0*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "reelwork/py.typed",
        "reelwork_hooks/py.typed",
        "reelwork_plugins/py.typed",
        "reelwork_plugins/providers/preview/DejaVuSans.ttf",
        "reelwork_plugins/moderation/rules/default.txt",
        "reelwork_plugins/publishers/gallery/page.css",
    ):
        assert name in names
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not any(name.startswith(("tests", "examples", "docs")) for name in names)


def test_the_example_plugin_is_listed_runs_and_passes_its_tests(environment: Path, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    listed = json.loads(run(environment / "reelwork", "plugins", "list", "--json", cwd=tmp_path, **env))
    plugins = listed["plugins"] if isinstance(listed, dict) else listed
    assert "camera-move" in {plugin["name"] for plugin in plugins}
    (tmp_path / "flow.toml").write_text(
        '[brief]\nprompt = "A quiet harbour at dawn"\nduration = 1\nresolution = "480p"\n'
        '[plugins]\nprompt_transform = ["camera-move"]\npublish = []\n'
    )
    answer = json.loads(run(environment / "reelwork", "run", "flow.toml", "--json", cwd=tmp_path, **env))
    (job,) = answer["jobs"]
    assert job["status"] == "done"
    assert job["prompt"] != "A quiet harbour at dawn"
    tests = ROOT / "examples" / "plugin" / "tests"
    run(environment / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, cwd=tmp_path, **env)
