from __future__ import annotations

from pathlib import Path

PROMPT = "A lighthouse in the fog"


def test_a_dry_run_shows_everything_and_writes_nothing(cli, tmp_path: Path, folder: Path) -> None:
    outcome = cli("plan", PROMPT, "--platform", "youtube", "--seed", "7", "--caption", "Home again")
    assert outcome.code == 0, outcome.err
    for told in ("1280x720", "seed 7", "$0.00", "optimized for youtube", "Home again", "gallery", "as of 20"):
        assert told in outcome.out
    assert "platform-style changed the prompt" in outcome.out
    assert "nothing was sent, nothing was spent" in outcome.out
    assert not (tmp_path / "data").exists()
    assert list(folder.iterdir()) == []


def test_run_dry_run_is_the_same_as_plan(cli) -> None:
    assert cli("run", PROMPT, "--dry-run").out == cli("plan", PROMPT).out


def test_no_secret_is_needed(cli) -> None:
    settings = ("--set", "provider.base_url=http://127.0.0.1:9", "--set", "provider.api_key=env:NOT_THERE")
    outcome = cli("plan", PROMPT, "--provider", "videos-api", *settings, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["cost"] is None
    text = cli("plan", PROMPT, "--provider", "videos-api", *settings).out
    assert "Cost: unknown" in text
    assert "translated" in text


def test_a_rejection_is_shown(cli) -> None:
    outcome = cli("plan", "short")
    assert outcome.code == 3
    assert "would be rejected by 'rules'" in outcome.out
    assert cli("plan", "short", "--json").json["jobs"][0]["outcome"] == "rejected"


def test_a_plugin_that_fails_is_shown(cli, plugin) -> None:
    name = plugin("@hookimpl\ndef prompt_transform(self, prompt): raise ValueError('no idea')")
    outcome = cli("plan", PROMPT, "--plugin", name)
    assert outcome.code == 1
    assert "would fail: plugin 'mine', hook prompt_transform: ValueError: no idea" in outcome.out


def test_a_plugin_that_costs_money_is_left_out_and_named(cli, plugin) -> None:
    name = plugin("costs = True\n@hookimpl\ndef prompt_transform(self, prompt): raise SystemError('was asked')")
    outcome = cli("plan", PROMPT, "--plugin", name)
    assert outcome.code == 0, outcome.out
    assert "Not asked, since asking costs money: mine (prompt_transform)." in outcome.out


def test_takes_are_planned_one_by_one(cli) -> None:
    document = cli("plan", PROMPT, "-n", "3", "--seed", "5", "--publish-takes", "first", "--json").json
    assert [job["spec"]["seed"] for job in document["jobs"]] == [5, 6, 7]
    assert [len(job["posts"]) for job in document["jobs"]] == [1, 0, 0]
    fate = next(fate for fate in document["jobs"][0]["fates"] if fate["parameter"] == "takes")
    assert fate["outcome"] == "emulated"


def test_many_rows_are_summed_up(cli, folder: Path) -> None:
    (folder / "b.csv").write_text("\n".join(["prompt", *(f"A lighthouse seen from boat {n}" for n in range(40))]))
    outcome = cli("plan", "b.csv")
    assert "40 jobs at preview" in outcome.out
    assert "… and 30 more" in outcome.out
