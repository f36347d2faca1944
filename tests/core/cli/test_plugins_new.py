"""`plugins new` writes packages that work as they are, and never over anything."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from reelwork import __version__
from reelwork.plugins.scaffold import KINDS, names_from
from reelwork_hooks import InvalidInput

ROOT = Path(__file__).resolve().parents[3]


def test_the_command_offers_what_the_scaffold_has() -> None:
    from reelwork.cli.commands.plugins_new import KINDS as OFFERED

    assert OFFERED == KINDS


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_tests_and_its_check(cli: Any, folder: Path, kind: str) -> None:
    made = cli("plugins", "new", "camera-move-2", "--hook", kind, "--json")
    assert made.code == 0, made.err
    package = folder / "reelwork-camera-move-2"
    assert made.json["folder"] == "reelwork-camera-move-2"
    assert {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()} == set(
        made.json["files"]
    )
    assert not any(b"__NAME__" in path.read_bytes() for path in package.rglob("*") if path.is_file())
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=package, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert tests.returncode == 0, tests.stdout + tests.stderr
    checked = cli("plugins", "check", str(package), "--json")
    (report,) = checked.json["checked"]
    assert (checked.code, report["errors"], report["warnings"]) == (0, 0, 0), report
    assert report["plugin"] == ("reelwork-camera-move-2" if kind == "command" else "camera-move-2")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_in_good_style(cli: Any, folder: Path, kind: str) -> None:
    """Checked as this project checks itself, types included."""
    cli("plugins", "new", "camera-move-3", "--hook", kind)
    package = folder / "reelwork-camera-move-3"
    for module in package.rglob("*.py"):
        source = module.read_text(encoding="utf-8")
        compile(source, str(module), "exec")
        assert max(map(len, source.splitlines())) <= 116
        assert source.endswith("\n")
    settings = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    major, minor, _ = __version__.split(".")
    assert settings["dependencies"] == [f"reelwork>={major}.{minor},<2"]
    group = "reelwork.commands" if kind == "command" else "reelwork.plugins"
    assert {name: list(found) for name, found in settings["entry-points"].items()} == {group: ["camera-move-3"]}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "command"])
def test_the_workflow_in_the_readme_is_one(cli: Any, folder: Path, kind: str) -> None:
    from reelwork.testing import studio_with

    cli("plugins", "new", "camera-move-4", "--hook", kind)
    package = folder / "reelwork-camera-move-4"
    readme = (package / "README.md").read_text(encoding="utf-8")
    (folder / "flow.toml").write_text(readme.partition("```toml\n")[2].partition("```")[0])
    source = package / "reelwork_camera_move_4.py"
    with studio_with({"camera-move-4": _target(source)}, folder, {}) as known:
        from reelwork.studio.studio import Studio

        catalog = known._catalog
    with Studio(folder / "flow.toml", catalog=catalog, store=folder / "store.db") as studio:
        assert studio.plan_sync().jobs


def _target(source: Path) -> Any:
    from reelwork.plugins.catalog import Catalog

    return Catalog([]).get_file(source).target


@pytest.mark.parametrize(
    ("typed", "name", "module", "class_name"),
    [
        ("camera-move", "camera-move", "reelwork_camera_move", "CameraMove"),
        ("Camera_Move", "camera-move", "reelwork_camera_move", "CameraMove"),
        ("reelwork-camera.move", "camera-move", "reelwork_camera_move", "CameraMove"),
        ("x2", "x2", "reelwork_x2", "X2"),
        ("prompt", "prompt", "reelwork_prompt", "PromptPlugin"),
        ("none", "none", "reelwork_none", "NonePlugin"),
    ],
)
def test_a_name_is_made_fit_for_an_index(typed: str, name: str, module: str, class_name: str) -> None:
    names = names_from(typed)
    assert (names.name, names.module, names.class_name) == (name, module, class_name)
    assert names.distribution == f"reelwork-{name}"


@pytest.mark.parametrize("typed", ["", "-", "9lives", "a b", "café", "../up", "a/b", "reelwork-", "x" * 51, "-a"])
def test_other_names_are_refused(typed: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        names_from(typed)
    assert caught.value.money == "Nothing was written."


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_what_is_there_is_never_touched(cli: Any, folder: Path, there: str) -> None:
    target = folder / "reelwork-mine"
    if there == "folder":
        target.mkdir()
        (target / "kept").write_text("mine")
    elif there == "file":
        target.write_text("mine")
    else:
        target.symlink_to(folder / "nowhere")
    before = sorted(map(str, folder.rglob("*")))
    outcome = cli("plugins", "new", "mine")
    assert outcome.code == 2
    assert "already exists" in outcome.err
    assert "Nothing was written." in outcome.err
    assert sorted(map(str, folder.rglob("*"))) == before


def test_the_name_of_an_installed_plugin_is_refused(cli: Any, folder: Path) -> None:
    outcome = cli("plugins", "new", "rules")
    assert (outcome.code, list(folder.iterdir())) == (2, [])
    assert "'rules' is installed already" in outcome.err


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_place_that_cannot_be_written_is_told(cli: Any, folder: Path) -> None:
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    outcome = cli("plugins", "new", "mine")
    folder.chmod(stat.S_IRWXU)
    assert (outcome.code, "cannot be written" in outcome.err) == (2, True)


def test_a_file_in_the_way_of_its_place_is_told(cli: Any, folder: Path) -> None:
    (folder / "taken").write_text("")
    outcome = cli("plugins", "new", "mine", "--dir", "taken")
    assert (outcome.code, "cannot be written" in outcome.err) == (2, True)


def test_it_says_what_to_do_next(cli: Any, folder: Path) -> None:
    shown = cli("plugins", "new", "mine", "--dir", "deep/er").out
    assert "cd deep/er/reelwork-mine" in shown
    assert 'pip install -e ".[test]"' in shown
    assert (folder / "deep/er/reelwork-mine/.github/workflows/ci.yml").read_text().count(
        "${{ matrix.python }}"
    ) == 1
