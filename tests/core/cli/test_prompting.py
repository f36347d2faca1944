"""Prompts made by plugins: moderated as they come out, shown by the plan, refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

WORKFLOW = """
[brief]
prompt = "A lighthouse in the fog"
duration = 0.5
resolution = "480p"

[plugins]
prompt_transform = ["template"]

[plugin.template]
prompt = "{{ prompt }}, with a {{ vars.thing }}"

[plugin.rules]
block = ["chainsaw"]
"""


def test_moderation_sees_what_a_template_made(cli, folder: Path) -> None:
    (folder / "fog.toml").write_text(WORKFLOW)
    plan = cli("plan", "fog.toml", "--var", "thing=chainsaw")
    assert plan.code == 3, plan.err
    assert "would be rejected by 'rules'" in plan.out
    run = cli("run", "fog.toml", "--var", "thing=chainsaw", "--json").json
    assert run["jobs"][0]["status"] == "rejected"
    assert cli("run", "fog.toml", "--var", "thing=lantern").code == 0


def test_a_row_without_what_its_template_needs_stops_all_of_them(cli, folder: Path) -> None:
    (folder / "fog.toml").write_text(WORKFLOW)
    (folder / "rows.csv").write_text("prompt,vars.thing,vars.other\nA quiet harbour,lantern,1\nA wide beach,,1\n")
    outcome = cli("run", "rows.csv", "--workflow", "fog.toml", "--yes")
    assert outcome.code == 2
    assert "template: prompt, line 1: there is no 'thing'; there are: other" in outcome.err
    assert "Nothing was sent, nothing was spent." in outcome.err
    assert cli("jobs", "list", "--json").json == []


def test_a_mistake_in_a_template_is_told_with_its_line(cli, folder: Path) -> None:
    (folder / "fog.toml").write_text(WORKFLOW.replace("vars.thing", "var.thing"))
    outcome = cli("plan", "fog.toml")
    assert outcome.code == 2
    assert "fog.toml, line 11" in outcome.err
    assert "line 1: there is no 'var' here; there are: prompt," in outcome.err
