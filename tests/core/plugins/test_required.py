"""`requires` in a workflow: checked before anything is sent, and never installed by itself."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import WorkflowInvalid
from reelwork.settings.workflow import load

AV = importlib.metadata.version("av")


def refused(workshop: Any, text: str) -> WorkflowInvalid:
    with pytest.raises(WorkflowInvalid) as caught:
        workshop.build(text)
    return caught.value


def test_what_is_here_is_enough(workshop: Any) -> None:
    requires = ["pydantic>=2", f"AV=={AV}", "reelwork[xlsx]>=0.2", "nowhere>=1; python_version < '3'"]
    assert workshop.build(f"requires = {requires}").order["publish"] == ("gallery",)


def test_what_is_missing_is_told_with_the_command_to_install_it(workshop: Any) -> None:
    # The package would bring the plugin, and the missing package explains more than the missing plugin.
    text = "requires = ['reelwork-acme>=1.2', 'av>900', 'pydantic']\n[plugins]\npublish = ['acme']\n"
    problem = refused(workshop, text)
    assert problem.message.endswith(f"requires reelwork-acme>=1.2 (not installed), av>900 ({AV} is installed).")
    assert problem.hint == "To install them: reelwork plugins install 'reelwork-acme>=1.2' 'av>900'"
    assert problem.money == "Nothing was sent."


def test_a_newer_reelwork_is_an_upgrade(workshop: Any) -> None:
    problem = refused(workshop, "requires = ['reelwork>=900']")
    assert problem.hint == "Upgrade Reelwork: pip install -U 'reelwork>=900'"


def test_what_an_extra_needs_is_looked_for(workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site" / "acme_extra-1.dist-info"
    info.mkdir(parents=True)
    needs = "nowhere>=3; extra == 'far'", "pydantic>=2; extra == 'near'"
    lines = ["Metadata-Version: 2.1", "Name: acme-extra", "Version: 1", *(f"Requires-Dist: {one}" for one in needs)]
    (info / "METADATA").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(info.parent))
    assert workshop.build('requires = ["acme-extra[near]", "acme-extra"]')
    problem = refused(workshop, 'requires = ["acme-extra[far]"]')
    assert "acme-extra[far] (nowhere, for its extra far: not installed)" in problem.message


@pytest.mark.parametrize(
    ("given", "told"),
    [("'>=1'", "is not a package with its versions"), ("'acme @ https://a.example/x.whl'", "has an address")],
)
def test_what_is_no_requirement_is_refused_in_its_line(workshop: Any, given: str, told: str) -> None:
    problem = refused(workshop, f"name = 'a'\nrequires = [{given}]\n")
    assert told in problem.message
    assert "line 2" in problem.message


def test_each_layer_adds_and_an_empty_list_takes_back(tmp_path: Path) -> None:
    (tmp_path / "reelwork.toml").write_text("requires = ['acme>=1']\n")
    path = tmp_path / "live.toml"
    path.write_text("requires = ['board', 'acme>=1']\n")
    assert load(path, environ={}, cwd=tmp_path).workflow.requires == ("acme>=1", "board")
    options: dict[str, Any] = {"requires": []}
    assert load(path, environ={}, cwd=tmp_path, options=options).workflow.requires == ()
