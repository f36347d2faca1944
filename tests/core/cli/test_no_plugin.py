from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = ("--duration", "0.5", "--resolution", "480p")
CRASHES = "import os\nopen('imported', 'w').close()\nos._exit(77)\n"
"""What no error handling stops: it ends the process, and leaves a file that says so."""
POSTS = """
from reelwork_hooks import Plugin, Receipt, hookimpl

open('imported', 'w').close()

class Board(Plugin):
    @hookimpl
    def publish(self, post):
        return Receipt(destination=self.name, id='1')
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution as pip leaves it, for this process and for those it starts."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))

    def write(distribution: str, source: str, *, group: str = "reelwork.plugins", name: str = "board") -> None:
        module = distribution.replace("-", "_").lower() + "_module"
        (site / f"{module}.py").write_text(source)
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:Board\n")

    return write


def off_line(text: str) -> str:
    return " ".join(text.split())


def test_a_plugin_that_crashes_at_import_is_passed_by(process, install: Install, folder: Path) -> None:
    install("Acme-Board", CRASHES)
    assert process("plugins", "list").code == 77
    (folder / "imported").unlink()
    outcome = process("plugins", "list", "--no-plugin", "board")
    assert outcome.code == 0, outcome.err
    assert "board (Acme-Board 1.0) is switched off by --no-plugin or REELWORK_NO_PLUGINS." in outcome.out
    assert "rules" in outcome.out
    assert not (folder / "imported").exists()


@pytest.mark.parametrize("given", ["Acme.Board", "acme_board:board", "board,rules"])
def test_a_plugin_goes_by_its_package_and_by_both(cli, install: Install, folder: Path, given: str) -> None:
    install("Acme-Board", POSTS)
    listed = cli("plugins", "list", "--json", "--no-plugin", given)
    assert "board" in [item["name"] for item in listed.json if item["off"]]
    assert not (folder / "imported").exists()


def test_the_variable_and_an_option_before_the_command_switch_off_too(
    cli, install: Install, folder: Path, monkeypatch
) -> None:
    install("acme-board", CRASHES)
    listed = cli("--no-plugin", "board", "plugins", "list", "--json")
    # What one command switches off is on for the next in the same program.
    assert "REELWORK_NO_PLUGINS" not in os.environ
    monkeypatch.setenv("REELWORK_NO_PLUGINS", "rules, board")
    both = cli("plugins", "list", "--json", "--no-plugin", "gallery")
    assert os.environ["REELWORK_NO_PLUGINS"] == "rules, board"
    assert [item["name"] for item in listed.json if item["off"]] == ["board"]
    assert [item["name"] for item in both.json if item["off"]] == ["board", "gallery", "rules"]
    assert not (folder / "imported").exists()


def test_doctor_says_what_is_off(cli, install: Install, monkeypatch) -> None:
    install("acme-board", CRASHES)
    monkeypatch.setenv("REELWORK_NO_PLUGINS", "acme-board,gone")
    found = cli("doctor", "--offline", "--json").json["findings"]
    texts = {finding["text"]: finding["level"] for finding in found if finding["area"] == "plugins"}
    assert texts["board (acme-board 1.0) is switched off by --no-plugin or REELWORK_NO_PLUGINS"] == "note"
    assert texts["REELWORK_NO_PLUGINS names 'gone', and nothing of that name is installed"] == "warning"


@pytest.mark.parametrize("name", ["rulez", ""])
def test_an_unknown_name_on_the_command_line_is_refused(cli, name: str) -> None:
    outcome = cli("plan", "a garden", "--no-plugin", name, "--json")
    assert outcome.code == 2
    told = outcome.json["error"]["message"]
    assert ("Did you mean 'rules'?" if name else "It is empty.") in told
    assert cli("--no-plugin", name, "plugins", "list").code == 2


def test_an_unknown_name_in_the_environment_is_noted_once(process) -> None:
    outcome = process("plan", "a garden at dawn", REELWORK_NO_PLUGINS="gone-since")
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("gone-since") == 1
    assert "nothing of that name is installed" in outcome.err


def test_a_workflow_that_needs_what_is_off_is_refused(cli, install: Install, folder: Path, kept) -> None:
    install("acme-board", POSTS)
    (folder / "flow.toml").write_text('[brief]\nprompt = "a garden"\n[plugins]\npublish = ["board"]\n')
    outcome = cli("run", "flow.toml", *SMALL, "--yes", "--no-plugin", "board")
    assert outcome.code == 2
    told = off_line(outcome.err)
    assert "The plugin 'board' (acme-board 1.0) is switched off by --no-plugin" in told
    assert "flow.toml lists it under plugins.publish." in told
    assert kept() == []
    assert not (folder / "imported").exists()


def test_moderation_that_is_off_is_never_left_out_in_silence(cli, kept) -> None:
    outcome = cli("run", "a garden", *SMALL, "--no-plugin", "rules")
    assert outcome.code == 2
    assert "'rules'" in outcome.err
    assert "plugins.pre_moderate" in outcome.err
    assert kept() == []


def test_a_provider_that_is_off_is_an_error_of_its_own(cli) -> None:
    outcome = cli("plan", "a garden", "--provider", "preview", "--no-plugin", "preview")
    assert outcome.code == 2
    assert "The plugin 'preview' (reelwork" in outcome.err
    assert "is switched off" in outcome.err


def test_a_platform_of_what_is_off_is_missed_with_the_reason(cli) -> None:
    outcome = cli("plan", "a garden", "--platform", "youtube", "--no-plugin", "platforms")
    assert outcome.code == 2
    assert "What is switched off may bring it: platforms." in off_line(outcome.err)


def test_a_command_of_a_package_that_is_off_is_not_imported(process, install: Install, folder: Path) -> None:
    install("acme-tools", CRASHES, group="reelwork.commands", name="polish")
    outcome = process("--no-plugin", "acme-tools", "polish")
    assert outcome.code == 2
    assert "The command 'polish' (acme-tools 1.0) is switched off" in off_line(outcome.err)
    assert not (folder / "imported").exists()


def test_one_of_two_plugins_of_a_name_is_switched_off(cli, install: Install, folder: Path) -> None:
    install("acme-board", POSTS)
    install("other-board", POSTS)
    one = cli("plugins", "list", "--json", "--no-plugin", "acme-board")
    assert [item["name"] for item in one.json if item["off"]] == ["acme-board:board"]
    both = cli("plugins", "list", "--json", "--no-plugin", "board")
    assert [item["name"] for item in both.json if item["off"]] == ["acme-board:board", "other-board:board"]
