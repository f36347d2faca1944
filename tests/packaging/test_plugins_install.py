"""`plugins install` and `plugins uninstall`, in real environments of every kind, with real packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.packaging.conftest import run

pytestmark = pytest.mark.skipif(
    os.environ.get("REELWORK_REQUIRE_SERVICES") != "1",
    reason="installs into fresh environments, which takes a minute: set REELWORK_REQUIRE_SERVICES=1",
)

TINY = """
    from reelwork_hooks import Plugin, hookimpl

    class Tiny(Plugin):
        '''Adds a word.'''

        @hookimpl
        def prompt_transform(self, prompt):
            return prompt + ", tiny"
"""


def wheel(
    folder: Path,
    name: str,
    source: str = TINY,
    *,
    version: str = "1.0",
    needs: Sequence[str] = (),
    plugin: str = "",
) -> Path:
    """Write a wheel with one module; with `plugin`, that is a plugin of this name."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {need}" for need in needs)]
    files: Mapping[str, str] = {
        f"{module}.py": textwrap.dedent(source),
        f"{info}/METADATA": "\n".join(["Metadata-Version: 2.1", *metadata, ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[reelwork.plugins]\n{plugin} = {module}:Tiny\n" if plugin else "",
    }
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name_, text in files.items():
            archive.writestr(name_, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{name_},,\n" for name_ in (*files, f"{info}/RECORD")))
    return path


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """An environment with Reelwork, and a folder to work in."""

    folder: Path
    reelwork: Path
    env: Mapping[str, str]

    def does(self, *words: object) -> Said:
        done = subprocess.run(
            [str(word) for word in (self.reelwork, *words)], cwd=self.folder, env=dict(self.env),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def plugins(self) -> set[str]:
        said = self.does("plugins", "list", "--json")
        assert said.code == 0, said
        return {entry["name"] for entry in json.loads(said.out)}


def environ(installers: Path, uv_cache: Path, folder: Path) -> dict[str, str]:
    """Return the variables of a person whose home is the folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("REELWORK_", "XDG_", "PIPX_"))}
    env |= {"HOME": str(folder), "UV_TOOL_BIN_DIR": str(folder / "bin"), "PIPX_BIN_DIR": str(folder / "bin")}
    env |= {"UV_CACHE_DIR": str(uv_cache), "NO_COLOR": "1"}
    return env | {"PATH": f"{installers}{os.pathsep}{env['PATH']}"}


def place(kind: str, reelwork: Path, env: dict[str, str], folder: Path) -> Place:
    commands = {
        "pip": [
            (sys.executable, "-m", "venv", "bare"),
            ("bare/bin/python", "-m", "pip", "install", "--quiet", reelwork),
        ],
        "uv": [
            ("uv", "venv", "--quiet", "--python", sys.executable, "bare"),
            ("uv", "pip", "install", "--quiet", "--python", "bare/bin/python", reelwork),
        ],
        "uv tool": [("uv", "tool", "install", "--quiet", "--python", sys.executable, reelwork)],
        "pipx": [("pipx", "install", "--quiet", "--python", sys.executable, reelwork)],
    }[kind]
    for command in commands:
        run(*command, cwd=folder, env=env)
    # Where the person stands, and what is set, is not where the tool was installed from.
    env |= {"UV_TOOL_BIN_DIR": str(folder / "other")}
    bin_ = folder / ("bare/bin" if kind in ("pip", "uv") else "bin")
    return Place(folder, bin_ / "reelwork", env)


RUNS = {
    "pip": "-m pip install --constraint",
    "uv": "$ uv pip install --python",
    "uv tool": "uv tool install --python",
    "pipx": "pipx inject reelwork",
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_plugin_comes_and_goes_in_every_kind_of_environment(
    installers: Path, uv_cache: Path, wheel_of_reelwork: Path, tmp_path: Path, kind: str
) -> None:
    here = place(kind, wheel_of_reelwork, environ(installers, uv_cache, tmp_path), tmp_path)
    kept = wheel(tmp_path, "rw-kept", plugin="kept")
    assert here.does("plugins", "install", kept, "--yes").code == 0
    said = here.does("plugins", "install", wheel(tmp_path, "rw-tiny", plugin="tiny"), "--yes")
    assert said.code == 0, said
    assert RUNS[kind] in said.err
    for line in ("Installed: rw-tiny 1.0", 'add = ["tiny"]', "Adds a word."):
        assert line in said.out
    assert {"tiny", "kept"} <= here.plugins()
    assert here.does("plugins", "install", "rw-tiny").code == 0, "it is there, so nothing has to be agreed to"

    clash = wheel(tmp_path, "rw-clash", plugin="clash", needs=["click<8"])
    said = here.does("plugins", "install", clash, "--yes")
    assert said.code == 1, said
    assert "click" in said.err.partition("Error:")[2], said.err
    assert "Nothing was changed." in said.err
    assert "keep their versions" in said.err

    useless = wheel(tmp_path, "rw-useless")
    said = here.does("plugins", "install", useless, "--yes")
    assert (said.code, "It brings no plugin" in said.out) == (1, True), said
    assert "uninstalled again" in said.err
    assert {"tiny", "kept"} <= here.plugins()

    said = here.does("plugins", "uninstall", "rw-tiny", "--yes")
    assert said.code == 0, said
    assert here.plugins() & {"tiny", "kept"} == {"kept"}
    answer = here.does("plugins", "install", useless, "--yes", "--json")
    assert json.loads(answer.out)["packages"][0]["version"] == "1.0", "it was not uninstalled before"
    assert json.loads(answer.out)["uninstalled_again"] is True


@pytest.fixture(scope="module")
def bare(
    installers: Path, uv_cache: Path, fresh: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Place:
    folder = tmp_path_factory.mktemp("bare")
    return Place(folder, fresh(folder) / "reelwork", environ(installers, uv_cache, folder))


BROKEN = {
    "import": ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
    "crash": ("import os\nos._exit(3)", "ended without an answer"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_plugin_that_cannot_be_used_goes_again_or_is_kept_when_asked(bare: Place, kind: str) -> None:
    source, reason = BROKEN[kind]
    helper = wheel(bare.folder, f"rw-helper-{kind}", "")
    needs = [f"rw-helper-{kind} @ {helper.as_uri()}"]
    package = wheel(bare.folder, f"rw-broken-{kind}", source, needs=needs, plugin=f"broken-{kind}")
    said = bare.does("plugins", "install", package, "--yes")
    assert said.code == 1, said
    assert reason in " ".join(said.out.split())
    assert f"--no-plugin broken-{kind}" in said.out
    listed = bare.does("plugins", "list", "--json", "--no-plugin", "rules")
    assert f"broken-{kind}" not in listed.out

    said = bare.does("plugins", "install", package, "--yes", "--keep")
    assert said.code == 1
    off = json.loads(bare.does("plugins", "list", "--json", "--no-plugin", f"broken-{kind}").out)
    assert [entry["off"] for entry in off if entry["name"] == f"broken-{kind}"] == [True]
    helped = bare.does("plugins", "uninstall", f"rw-helper-{kind}", "--yes")
    assert helped.code == 2
    assert bare.does("plugins", "uninstall", f"rw-broken-{kind}", "--yes").code == 0


def test_a_package_that_only_gathers_others_brings_theirs(bare: Place) -> None:
    member = wheel(bare.folder, "rw-member", plugin="member")
    package = wheel(bare.folder, "rw-all", "", needs=[f"rw-member @ {member.as_uri()}"])
    said = bare.does("plugins", "install", package, "--yes")
    assert said.code == 0, said
    assert "Installed: rw-member 1.0" in said.out
    assert 'add = ["member"]' in said.out
    assert "rw-member is needed by rw-all" in bare.does("plugins", "uninstall", "rw-member", "--yes").err
    assert "member" in bare.plugins()


def test_jobs_that_go_on_with_a_plugin_are_told_before_it_goes(bare: Place) -> None:
    package = wheel(bare.folder, "rw-sea", HOLDS, plugin="sea")
    assert bare.does("plugins", "install", package, "--yes").code == 0
    (bare.folder / "flow.toml").write_text(
        '[brief]\nprompt = "A quiet harbour"\nduration = 0.5\nresolution = "480p"\n[plugins]\nadd = ["sea"]\n'
    )
    assert bare.does("run", "flow.toml").code == 3
    said = bare.does("plugins", "uninstall", "rw-sea")
    assert said.code == 2
    assert "still use: sea (1 job)" in said.err
    assert "sea" in bare.plugins()
    said = bare.does("plugins", "uninstall", "rw-sea", "--yes", "--json")
    assert json.loads(said.out) == {"uninstalled": ["rw-sea"], "jobs_that_use_it": {"sea": 1}}
    assert "sea" not in bare.plugins()
    assert "'sea'" in bare.does("resume").err


HOLDS = """
    from reelwork_hooks import Plugin, Verdict, hookimpl

    class Tiny(Plugin):
        @hookimpl
        def pre_moderate(self, content):
            return Verdict.hold("a person should look at it", "sea")
"""
