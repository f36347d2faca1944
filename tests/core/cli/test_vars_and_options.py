"""`--var` and `--option` on a real command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SMALL = ("--duration", "0.5", "--resolution", "480p")


def test_vars_fill_the_places_of_a_workflow(cli: Any, folder: Path) -> None:
    (folder / "flow.toml").write_text('[brief]\nprompt = "A pier in {vars.season}"\n')
    outcome = cli("plan", "flow.toml", *SMALL, "--var", "season=autumn", "--json")
    assert outcome.code == 0, outcome.err
    [job] = outcome.json["jobs"]
    assert job["prompt"]["text"].startswith("A pier in autumn")
    assert {"parameter": "vars", "outcome": "emulated"}.items() <= job["fates"][-1].items()


def test_options_are_refused_where_none_are_declared(cli: Any) -> None:
    for command in ("plan", "run"):
        outcome = cli(command, "A lighthouse at dawn", *SMALL, "--option", "camera=orbit", "--option", "n=2")
        assert outcome.code == 2
        assert "options: preview takes no options; leave out camera, n" in outcome.err
    assert "not of the form KEY=VALUE" in cli("plan", "A fox", "--option", "camera").err
