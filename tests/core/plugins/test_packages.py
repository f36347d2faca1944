"""Which installer keeps an environment, what it is asked to run, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwork.plugins.packages.environment import Environment, Kept
from reelwork.plugins.packages.inventory import Inventory, look
from reelwork.plugins.packages.requests import Request, names_from, requests_from
from reelwork.plugins.packages.running import InstallerFailed, constraints_of, reason_in, run
from reelwork.plugins.packages.uv_receipt import NotRepeatable, read_receipt
from reelwork_hooks.errors import InvalidInput

ACME = Request("acme-board", "acme-board>=1.2")
FILE = Path("kept.txt")


@pytest.fixture
def environment(tmp_path: Path) -> Callable[..., Environment]:
    """An environment below a folder, such as a tool of uv has."""

    def make(
        *, has_pip: bool = True, programs: tuple[str, ...] = ("uv", "pipx"), system: bool = False
    ) -> Environment:
        prefix = tmp_path / "venvs" / "reelwork-night"
        for folder in ("site", "stdlib", "bin"):
            (prefix / folder).mkdir(parents=True, exist_ok=True)
        base = prefix if system else tmp_path / "base"

        def find(program: str) -> str | None:
            return program if program in programs else None

        python = str(prefix / "bin" / "python")
        return Environment(python, prefix, base, prefix / "site", prefix / "stdlib", has_pip, find)

    return make


def receipt(environment: Environment, requirements: str, more: str = "") -> None:
    (environment.prefix / "uv-receipt.toml").write_text(f"[tool]\nrequirements = [{requirements}]\n{more}\n")


def typed(environment: Environment) -> list[str]:
    return [str(command) for command in environment.install([ACME], FILE)]


def test_a_plain_environment_is_changed_by_its_own_pip(environment) -> None:
    here = environment()
    assert here.kept is Kept.PIP
    here.check(["install", "acme-board"])
    assert typed(here) == [f"{here.executable} -P -m pip install --constraint kept.txt 'acme-board>=1.2'"]
    [back] = here.uninstall(["acme-board"], ["its-dependency"])
    assert back.words[1:] == ("-P", "-m", "pip", "uninstall", "--yes", "acme-board", "its-dependency")


def test_an_environment_of_uv_has_no_pip(environment) -> None:
    here = environment(has_pip=False)
    assert typed(here) == [
        f"uv pip install --python {here.executable} --constraint kept.txt 'acme-board>=1.2'",
    ]
    with pytest.raises(InvalidInput, match="no pip, and uv is not installed") as refused:
        environment(has_pip=False, programs=()).check(["install", "acme-board"])
    assert "ensurepip" in refused.value.hint


def test_pipx_injects_by_the_name_of_the_environment_and_writes_no_constraint_down(environment) -> None:
    here = environment()
    (here.prefix / "pipx_metadata.json").write_text("{}")
    [command] = here.install([ACME], FILE)
    assert command.words == ("pipx", "inject", "reelwork-night", "acme-board>=1.2")
    assert command.environ["PIP_CONSTRAINT"] == command.environ["UV_CONSTRAINT"] == "kept.txt"
    assert command.environ["PIPX_HOME"] == str(here.prefix.parent.parent)
    [other] = here.install([ACME], FILE, present=["acme-board"])
    assert "--force" in other.words
    [back] = here.uninstall(["acme-board"])
    assert back.words == ("pipx", "uninject", "reelwork-night", "acme-board")
    missing = environment(programs=())
    with pytest.raises(InvalidInput, match="pipx keeps this environment, and is not found") as refused:
        missing.check(["install", "acme-board"])
    assert "pipx inject reelwork-night acme-board" in refused.value.hint


def test_a_tool_of_uv_is_installed_again_with_all_that_it_had(environment) -> None:
    here = environment()
    requirements = (
        '{ name = "reelwork", extras = ["xlsx"], specifier = ">=0.2" }, '
        '{ name = "Rw_Tiny", path = "/w/rw-1.whl" }, '
        '{ name = "mine", editable = "/src/mine" }, { name = "acme-board", specifier = "<1" }'
    )
    entry = 'entrypoints = [{ name = "reelwork", install-path = "/home/p/bin/reelwork", from = "reelwork" }]'
    receipt(here, requirements, f'python = "3.12"\n{entry}')
    here.check(["install", "acme-board"])
    tried, made = here.install([ACME], FILE)
    assert tried.words[:4] == ("uv", "pip", "install", "--dry-run")
    kept = ("reelwork[xlsx]>=0.2", "--with", "Rw_Tiny @ file:///w/rw-1.whl", "--with-editable", "/src/mine")
    start = ("uv", "tool", "install", "--python", "3.12")
    assert made.words == (*start, *kept, "--with", "acme-board>=1.2")
    assert made.environ == {"UV_TOOL_DIR": str(here.prefix.parent), "UV_TOOL_BIN_DIR": "/home/p/bin"}
    [back] = here.uninstall(["acme-board"])
    assert back.words == (*start, *kept)


@pytest.mark.parametrize(
    ("requirements", "more"),
    [
        ('{ name = "reelwork", git = "https://example.org/r?rev=main" }', ""),
        ('{ name = "reelwork" }', 'constraints = [{ name = "click", specifier = "<9" }]'),
        ('{ name = "reelwork" }', '[tool.options]\nindex = ["https://example.org/simple"]'),
        ('{ name = "another-tool" }', ""),
    ],
)
def test_a_tool_of_uv_that_could_lose_something_is_left_to_the_person(environment, requirements, more) -> None:
    here = environment()
    receipt(here, requirements, more)
    with pytest.raises(NotRepeatable):
        read_receipt(here.prefix)
    with pytest.raises(InvalidInput) as refused:
        here.check(["install", "acme-board"])
    assert "uv tool install reelwork --with acme-board" in refused.value.hint


def test_a_python_of_the_system_is_left_alone(environment) -> None:
    here = environment(system=True)
    here.check(["install", "acme-board"])
    (here.stdlib / "EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
    with pytest.raises(InvalidInput, match="belongs to the system") as refused:
        here.check(["install", "acme-board"])
    assert "pipx install reelwork && reelwork plugins install acme-board" in refused.value.hint
    # In an environment of one's own that is made from it, it does not matter.
    environment().check(["install", "acme-board"])


def test_a_folder_that_cannot_be_written_is_left_alone(environment) -> None:
    here = environment()
    here.site.rmdir()
    with pytest.raises(InvalidInput, match="cannot be written") as refused:
        here.check(["install", "acme-board>=1.2"])
    assert f"{here.executable} -m pip install 'acme-board>=1.2'" in refused.value.hint


def test_a_command_shows_no_credentials(environment) -> None:
    secret = Request("acme-board", "acme-board @ https://user:hunter2secret@example.org/a.whl")
    [command] = environment().install([secret], FILE)
    assert "hunter2secret" in " ".join(command.words)
    assert "hunter2secret" not in str(command)


@pytest.fixture(scope="module")
def installed() -> Inventory:
    return look()


def test_reelwork_and_all_that_it_needs_keep_their_versions(installed: Inventory) -> None:
    # httpx needs anyio, which Reelwork does not name; openpyxl is an extra.
    assert {"click", "httpx", "anyio", "openpyxl"} <= set(installed.needed)
    assert not {"reelwork", "pytest", "hypothesis"} & set(installed.needed)
    with constraints_of(installed) as path:
        lines = path.read_text().splitlines()
        assert lines[0] == f"reelwork=={installed.packages['reelwork']}"
        assert f"click=={installed.packages['click']}" in lines
    assert not path.exists()
    for text in ("click", "Click>=8", "reelwork", "reelwork[xlsx]"):
        with pytest.raises(InvalidInput, match="stays as it is"):
            requests_from([text], installed.needed)
    for text, reason in {
        "click": "needed by Reelwork",
        "kling": "comes with Reelwork",
        "pytest": "no package",
    }.items():
        with pytest.raises(InvalidInput, match=reason):
            names_from([text], installed)


@pytest.mark.parametrize("text", ["a b", "--upgrade", "acme; rm", "", "https://example.org/a.whl"])
def test_what_is_no_package_never_reaches_an_installer(text: str) -> None:
    with pytest.raises(InvalidInput):
        requests_from([text], ())


def test_a_wheel_and_a_folder_are_asked_for_by_name(tmp_path: Path) -> None:
    (tmp_path / "acme_board-1.2-py3-none-any.whl").touch()
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "pyproject.toml").write_text('[project]\nname = "Acme.Pack"\n')
    found = requests_from([str(tmp_path / "acme_board-1.2-py3-none-any.whl"), str(tmp_path / "pack")], ())
    assert [one.name for one in found] == ["acme-board", "acme-pack"]
    assert found[1].text == f"Acme.Pack @ {(tmp_path / 'pack').as_uri()}"
    for wrong in ("none.whl", "empty/"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(InvalidInput):
            requests_from([str(tmp_path / wrong)], ())
    with pytest.raises(InvalidInput, match="named twice"):
        requests_from(["acme-board", "acme_board>=2"], ())


def test_what_is_asked_for_may_be_there_already() -> None:
    [at_least] = requests_from(["acme>=1.2"], ())
    assert at_least.met_by("1.3")
    assert not at_least.met_by("1.1")
    assert not at_least.met_by(None)
    [extra] = requests_from(["acme[more]"], ())
    assert not extra.met_by("1.3"), "the extra's own packages may be missing"


PIP = """Collecting rw-clash
ERROR: Cannot install rw-clash==1.0 because these package versions have conflicting dependencies.

The conflict is caused by:
    rw-clash 1.0 depends on click<8
    The user requested (constraint) click==8.4.0

To fix this you could try to:
1. loosen the range of package versions you've specified

ERROR: ResolutionImpossible: for help visit https://pip.example/conflicts
"""
UV = """Using Python 3.11.7 environment at: v
  × No solution found when resolving dependencies:
  ╰─▶ Because rw-clash==1.0 depends on click<8 and you require click==8.4.0, we can conclude that your
      requirements are unsatisfiable.
"""


def test_the_reason_of_an_installer_is_told_in_short() -> None:
    told = reason_in(PIP)
    assert told.startswith("rw-clash 1.0 depends on click<8 The user requested (constraint) click==8.4.0")
    assert "loosen" not in told
    assert "ResolutionImpossible" not in told
    assert reason_in(UV).startswith("No solution found when resolving dependencies: Because rw-clash==1.0 depends")


def test_a_long_reason_is_told_from_its_beginning() -> None:
    folder = "/home/somebody/with/a/long/path/" * 3
    lines = [f"only rw-clash=={number} (from file://{folder}) is available and" for number in range(8)]
    long = f"{UV.replace('Because', 'Because click==8.4.0 is required,')}" + "\n".join(lines)
    assert "click==8.4.0" in reason_in(f"creating virtual environment...\n{long}\nfatal error from pipx")
    by_pipx = UV.replace("  × No", "    error: No").replace("  ╰─▶ Because", "      cause: Because")
    told = reason_in(f"creating virtual environment...\n{by_pipx}" + "Error installing rw-clash from\n" * 8)
    assert "No solution found when resolving dependencies: Because rw-clash==1.0 depends on click<8" in told


def test_an_installer_that_fails_is_told_from_one_that_finds_a_conflict(environment) -> None:
    from reelwork.plugins.packages.environment import Command

    code = "import sys; print(sys.argv[1]); sys.exit(3)"
    for text, conflict in (("ERROR: ResolutionImpossible: help", True), ("ERROR: disk full", False)):
        with pytest.raises(InstallerFailed) as failed:
            run([Command((sys.executable, "-c", code, text))])
        assert failed.value.conflict is conflict
    with pytest.raises(InstallerFailed, match="could not be run"):
        run([Command(("no-such-installer-anywhere",))])
