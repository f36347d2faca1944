"""The wheels, in an environment that has nothing else: what a person gets who installs them."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
from tests.packaging.conftest import ROOT, run

pytestmark = pytest.mark.skipif(
    os.environ.get("REELWORK_REQUIRE_SERVICES") != "1",
    reason="installs into a fresh environment, which takes a minute: set REELWORK_REQUIRE_SERVICES=1",
)


@pytest.fixture(scope="module")
def environment(wheel_of_reelwork: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "venv", cwd=folder)
    pip = (folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet")
    run(*pip, wheel_of_reelwork, ROOT / "examples" / "plugin", "pytest", cwd=folder)
    return folder / "venv" / "bin"


def test_the_wheel_holds_what_the_code_reads(wheel_of_reelwork: Path) -> None:
    names = set(zipfile.ZipFile(wheel_of_reelwork).namelist())
    for name in (
        "reelwork/py.typed",
        "reelwork_hooks/py.typed",
        "reelwork_plugins/py.typed",
        "reelwork_plugins/letters/DejaVuSans.ttf",
        "reelwork_plugins/moderation/rules/default.txt",
        "reelwork_plugins/publishers/gallery/page.css",
    ):
        assert name in names
    assert any(name.endswith("licenses/NOTICE") for name in names)
    assert not any(name.startswith(("tests", "examples", "docs")) for name in names)


def test_the_example_plugin_is_listed_runs_and_passes_its_tests(environment: Path, tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    listed = json.loads(run(environment / "reelwork", "plugins", "list", "--json", cwd=tmp_path, env=env))
    plugins = listed["plugins"] if isinstance(listed, dict) else listed
    assert "camera-move" in {plugin["name"] for plugin in plugins}
    (tmp_path / "flow.toml").write_text(
        '[brief]\nprompt = "A quiet harbour at dawn"\nduration = 1\nresolution = "480p"\n'
        '[plugins]\nprompt_transform = ["camera-move"]\npublish = []\n'
    )
    answer = json.loads(run(environment / "reelwork", "run", "flow.toml", "--json", cwd=tmp_path, env=env))
    (job,) = answer["jobs"]
    assert job["status"] == "done"
    assert job["prompt"] != "A quiet harbour at dawn"
    tests = ROOT / "examples" / "plugin" / "tests"
    run(environment / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, cwd=tmp_path, env=env)
