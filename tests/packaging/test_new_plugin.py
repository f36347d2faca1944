"""A plugin package, from nothing to used and removed again; and a broken one beside it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    os.environ.get("REELWORK_REQUIRE_SERVICES") != "1",
    reason="installs into a fresh environment, which takes a minute: set REELWORK_REQUIRE_SERVICES=1",
)


class Person:
    """Somebody with an environment of their own and nothing else, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "venv" / "bin"
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
        self.env |= {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "NO_COLOR": "1"}
        self.env["PATH"] = f"{self.bin}{os.pathsep}{self.env['PATH']}"

    def does(self, *words: object, expect: int = 0, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [str(self.bin / str(words[0])), *map(str, words[1:])],
            cwd=cwd or self.folder, env=self.env, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == expect, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def installs(self, *what: object) -> None:
        self.does("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what)

    def plugins(self) -> dict[str, Any]:
        return {entry["name"]: entry for entry in json.loads(self.does("reelwork", "plugins", "list", "--json"))}

    def broken(self) -> set[str]:
        return {name for name, entry in self.plugins().items() if entry["broken"]}

    def runs(self, workflow: str, expect: int = 0) -> Any:
        (self.folder / "flow.toml").write_text(workflow)
        return json.loads(self.does("reelwork", "run", "flow.toml", "--json", expect=expect))


@pytest.fixture(scope="module")
def person(fresh: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Person:
    folder = tmp_path_factory.mktemp("person")
    fresh(folder)
    return Person(folder)


WORKFLOW = """
[brief]
prompt = "A quiet harbour at dawn"
duration = 1
resolution = "480p"

[plugins]
prompt_transform = [{transforms}]
post_download = []
publish = []
"""


def test_from_nothing_to_used_and_back(person: Person) -> None:
    person.does("reelwork", "plugins", "new", "house-style")
    package = person.folder / "reelwork-house-style"
    person.does("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", "built", package)
    (wheel,) = (person.folder / "built").glob("reelwork_house_style-0.1.0-*.whl")

    person.installs(f"{wheel}[test]")
    assert "passed" in person.does("pytest", "-p", "no:cacheprovider", cwd=package)
    person.does("reelwork", "plugins", "check", package)
    person.does("reelwork", "plugins", "check", "house-style")
    listed = person.plugins()["house-style"]
    assert (listed["origin"], listed["broken"]) == ("reelwork-house-style 0.1.0", None)

    used = WORKFLOW.format(transforms='"house-style"')
    (job,) = person.runs(used)["jobs"]
    assert (job["status"], job["prompt"]) == ("done", "A quiet harbour at dawn, 35 mm film, soft grain")
    (job,) = person.runs(WORKFLOW.format(transforms=""))["jobs"]
    assert job["prompt"] == "A quiet harbour at dawn", (
        "installing a plugin changed a workflow that does not name it"
    )

    person.does("python", "-m", "pip", "uninstall", "--quiet", "--yes", "reelwork-house-style")
    assert "house-style" not in person.plugins()
    answer = person.runs(used, expect=2)
    assert "house-style" in answer["error"]["message"]


BROKEN = {
    "import": ("import no_such_module_anywhere\n", "No module named 'no_such_module_anywhere'"),
    "contract": (
        "from reelwork_hooks import Plugin, hookimpl\n\n\nclass Plugin2(Plugin):\n"
        "    @hookimpl\n    def prompt_transform(self, prompt, budget): ...\n",
        "asks for 'budget', which no version of Reelwork up to",
    ),
    "exit": ("import sys\n\nsys.exit(3)\n", "SystemExit: 3"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_package_beside_it_breaks_nothing_else(person: Person, kind: str) -> None:
    source, reason = BROKEN[kind]
    package = person.folder / f"broken-{kind}"
    package.mkdir()
    (package / f"rw_broken_{kind}.py").write_text(source)
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling>=1.26"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "rw-broken-{kind}"\nversion = "1.0"\ndependencies = ["reelwork>=0.1,<2"]\n'
        f'[project.entry-points."reelwork.plugins"]\nbroken-{kind} = "rw_broken_{kind}:Plugin2"\n'
        f'[tool.hatch.build.targets.wheel]\nonly-include = ["rw_broken_{kind}.py"]\n'
    )
    # Built-ins whose extra is not installed are listed as broken too.
    before = person.broken()
    person.installs(package)
    try:
        listed = person.plugins()
        assert reason in listed[f"broken-{kind}"]["broken"]["message"]
        assert listed[f"broken-{kind}"]["origin"] == f"rw-broken-{kind} 1.0"
        assert person.broken() == before | {f"broken-{kind}"}
        shown = person.does("reelwork", "plugins", "list")
        assert "broken" in shown
        assert reason in " ".join(shown.split())
        assert reason in person.does("reelwork", "plugins", "check", f"broken-{kind}", "--json", expect=1)
        (job,) = person.runs(WORKFLOW.format(transforms='"platform-style"'))["jobs"]
        assert job["status"] == "done"
        answer = person.runs(WORKFLOW.format(transforms=f'"broken-{kind}"'), expect=2)
        assert reason in answer["error"]["message"]
    finally:
        person.does("python", "-m", "pip", "uninstall", "--quiet", "--yes", f"rw-broken-{kind}")
