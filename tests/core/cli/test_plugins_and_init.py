from __future__ import annotations

from pathlib import Path

import pytest

from reelwork.cli.commands.init import STARTERS

SMALL = ("--duration", "0.5", "--resolution", "480p")


def test_plugins_are_listed_with_hooks_and_origin(cli) -> None:
    outcome = cli("plugins", "list")
    assert outcome.code == 0
    for told in ("rules", "pre_moderate", "provider preview", "platforms youtube", "reelwork 0"):
        assert told in outcome.out
    names = {entry["name"]: entry for entry in cli("plugins", "list", "--json").json}
    assert names["gallery"]["hooks"] == ["publish", "find_post"]
    assert all(entry["broken"] is None for entry in names.values())


def test_a_plugin_is_shown_with_its_settings(cli) -> None:
    outcome = cli("plugins", "show", "rules")
    assert outcome.code == 0
    for told in ("Keyword policy", "Hooks: pre_moderate", "min_length", "whole number", "10", "Fewest characters"):
        assert told in outcome.out


def test_a_provider_is_shown_with_what_it_can_do(cli) -> None:
    outcome = cli("plugins", "show", "preview")
    assert outcome.code == 0
    for told in ("0.5 to 60 s", "poll_interval", "Seconds between two polls", "same key", "$0.00 a second"):
        assert told in outcome.out
    assert cli("plugins", "show", "preview", "--json").json["providers"]["preview"]["capabilities"]["seed"] is True


def test_a_provider_that_needs_settings_is_shown_all_the_same(cli) -> None:
    outcome = cli("plugins", "show", "videos-api")
    assert outcome.code == 0
    assert "base_url" in outcome.out
    assert "required" in outcome.out
    assert "depends on its settings" in outcome.out


def test_a_plugin_file_is_shown(cli, plugin) -> None:
    name = plugin('"""Shouts."""\n@hookimpl\ndef prompt_transform(self, prompt): return None')
    outcome = cli("plugins", "show", name)
    assert "Shouts." in outcome.out
    assert "It has no settings." in outcome.out


# --- init ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_init_writes_runs(cli, folder: Path) -> None:
    assert cli("init").code == 0
    written = {"my_plugin.py", "prompts.csv", "workflow.toml", "workflow.schema.json"}
    assert {path.name for path in folder.iterdir()} == written
    outcome = cli("run", "workflow.toml", *SMALL, "--json")
    assert outcome.code == 0, outcome.err
    assert "slow camera" in outcome.json["jobs"][0]["prompt"]
    batch = cli("run", "prompts.csv", "--workflow", "workflow.toml", "--resolution", "480p", "--json")
    assert batch.code == 0, batch.err
    assert [job["row"] for job in batch.json["jobs"]] == ["garden", "harbour", "tea"]


def test_the_lines_init_comments_out_are_right(cli, folder: Path) -> None:
    cli("init")
    path = folder / "workflow.toml"
    live = [
        line.removeprefix("# ") if line.startswith(LIVE) else line
        for line in path.read_text().splitlines()
        if not line.startswith('use = "preview"')
    ]
    path.write_text("\n".join(live))
    outcome = cli("plan", "workflow.toml", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["provider"] == "videos-api"
    assert outcome.json["cost"] == "0.80"


LIVE = ("# use =", "# base_url", "# api_key", "# model", "# price", "# platforms", "# title", "# per_")


@pytest.mark.parametrize("name", ["workflow.toml", "prompts.csv", "my_plugin.py"])
def test_init_never_overwrites(cli, folder: Path, name: str) -> None:
    (folder / name).write_text("mine")
    outcome = cli("init")
    assert outcome.code == 2
    assert f"{name} already exists" in outcome.err
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_text() == "mine"


def test_init_makes_the_folder_it_is_given(cli, folder: Path) -> None:
    assert cli("init", "new/place").code == 0
    assert (folder / "new" / "place" / "workflow.toml").exists()


# --- starters -----------------------------------------------------------------------------------------------


def test_starters_are_listed_with_their_files(cli) -> None:
    outcome = cli("init", "--list")
    for told in ("first", "campaign.toml", "batch", "live", "A real provider"):
        assert told in outcome.out
    listed = cli("init", "--list", "--json").json
    assert listed["batch"]["files"] == ["batch.toml", "prompts.csv"]


@pytest.mark.slow
def test_every_starter_s_own_commands_work(cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOS_API_KEY", "sk-nothing-0123456789")
    for name, starter in STARTERS.items():
        assert cli("init", name, name).code == 0
        monkeypatch.chdir(folder / name)
        for command in starter.commands:
            if command.startswith("plan"):
                outcome = cli(*command.split(" "))
                assert outcome.code == 0, outcome.err
        monkeypatch.chdir(folder)


def test_a_campaign_makes_a_video_for_each_platform(cli) -> None:
    cli("init", "campaign")
    outcome = cli("run", "campaign.toml", *SMALL, "--json")
    assert outcome.code == 0, outcome.err
    assert [job["platform"] for job in outcome.json["jobs"]] == ["youtube", "instagram", "tiktok"]
    assert "handheld" in outcome.json["jobs"][2]["prompt"]


def test_a_starter_mistyped_is_not_taken_for_a_folder(cli, folder: Path) -> None:
    outcome = cli("init", "campain")
    assert outcome.code == 2
    assert "Did you mean 'campaign'?" in outcome.err
    assert list(folder.iterdir()) == []
    assert cli("init", "./campain").code == 0


def test_a_schema_that_is_there_is_left_as_it_is(cli, folder: Path) -> None:
    (folder / "workflow.schema.json").write_text("mine")
    assert cli("init", "live").code == 0
    assert (folder / "workflow.schema.json").read_text() == "mine"


def test_the_schema_can_be_written_and_printed(cli, folder: Path) -> None:
    assert cli("schema", "--out", "s.json").code == 0
    assert (folder / "s.json").read_text() == cli("schema").out
    assert cli("schema", "--out", "no/folder/s.json").code == 2
