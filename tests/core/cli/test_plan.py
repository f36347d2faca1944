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
    assert "would fail: plugin 'mine' (mine.py), hook prompt_transform: ValueError: no idea" in outcome.out


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


# --- batches that were run before -------------------------------------------------------------------------

SMALL = ("--duration", "0.5", "--resolution", "480p")
PAID = ("--set", "provider.price_per_second=0.5")


def write_rows(folder: Path, *ids: str) -> str:
    rows = [f"{id_},A quiet sea at night number {id_}" for id_ in ids]
    (folder / "b.csv").write_text("\n".join(["id,prompt", *rows]) + "\n")
    return "b.csv"


def test_rows_that_were_made_before_are_shown_and_not_counted(cli, kept, folder: Path) -> None:
    assert cli("run", write_rows(folder, "a"), *SMALL, *PAID, "--yes").code == 0
    batch = write_rows(folder, "a", "b", "c")
    outcome = cli("plan", batch, *SMALL, *PAID)
    assert outcome.code == 0, outcome.err
    assert "2 new jobs at preview. Cost: $0.50 (prices" in outcome.out
    assert "1 job of an earlier run: 1 done. Not counted above, and not made again." in outcome.out
    assert "row a  done" in outcome.out
    assert "number a" not in outcome.out
    document = cli("run", batch, *SMALL, *PAID, "--dry-run", "--json").json
    assert [job["row"] for job in document["jobs"]] == ["b", "c"]
    assert document["cost"] == "0.50"
    [known] = document["known"]
    assert (known["row"], known["status"], known["goes_on"]) == ("a", "done", False)
    assert known["id"] == kept()[0].id


def test_again_plans_all_rows(cli, folder: Path) -> None:
    batch = write_rows(folder, "a", "b")
    assert cli("run", batch, *SMALL).code == 0
    assert "0 new jobs at preview. Cost: nothing" in cli("run", batch, *SMALL, "--dry-run").out
    document = cli("run", batch, *SMALL, "--dry-run", "--again", "--json").json
    assert (len(document["jobs"]), document["known"]) == (2, [])


def test_what_goes_on_and_what_may_yet_be_spent_on_it(cli, folder: Path) -> None:
    held = ("--set", "budget.per_day=0.10", "--yes")
    assert cli("run", write_rows(folder, "a"), *SMALL, *PAID, *held).code == 3
    outcome = cli("plan", write_rows(folder, "a", "b"), *SMALL, *PAID)
    assert "1 new job at preview. Cost: $0.25" in outcome.out
    assert "still to be asked for, as agreed to then: $0.25" in outcome.out
    assert "row a  held  continues: asking the provider" in outcome.out


def test_a_row_that_was_changed_is_told_by_the_plan_too(cli, folder: Path) -> None:
    assert cli("run", write_rows(folder, "a"), *SMALL).code == 0
    (folder / "b.csv").write_text("id,prompt\na,A loud sea at noon\n")
    assert "Note: row a was changed since the first run" in cli("plan", "b.csv", *SMALL).out


def test_another_provider_has_made_none_of_them(cli, folder: Path) -> None:
    batch = write_rows(folder, "a")
    assert cli("run", batch, *SMALL).code == 0
    other = ("--provider", "videos-api", "--set", "provider.base_url=http://127.0.0.1:9")
    assert len(cli("plan", batch, *other, "--json").json["jobs"]) == 1


# --- lengths ----------------------------------------------------------------------------------------------

LONG = "@hookimpl\ndef prompt_transform(self, prompt): return prompt.replace(text=prompt.text + ' and fog' * 9000)"


def test_the_plan_tells_how_long_the_prompt_is_when_it_is_sent(cli) -> None:
    job = cli("plan", PROMPT, "--platform", "youtube", "--json").json["jobs"][0]
    fate = next(fate for fate in job["fates"] if fate["parameter"] == "prompt")
    assert fate["asked"] == f"{len(PROMPT)} characters"
    assert fate["becomes"] == f"{len(job['prompt']['text'])} characters"
    assert fate["becomes"] != fate["asked"]
    made = cli("run", PROMPT, "--platform", "youtube", *SMALL, "--json").json["jobs"][0]["id"]
    assert f"{fate['asked']} → {fate['becomes']}" in cli("jobs", "show", made).out


def test_a_prompt_that_plugins_made_too_long_is_refused_before_it_is_sent(cli, kept, plugin) -> None:
    name = plugin(LONG)
    api = ("--provider", "videos-api", "--set", "provider.base_url=http://127.0.0.1:9", "--plugin", name)
    told = "the prompt has 72023 characters, after mine changed it; videos-api takes at most 32000"
    outcome = cli("plan", PROMPT, *api, "--json")
    assert outcome.code == 1
    assert outcome.json["jobs"][0]["problem"] == told
    assert outcome.json["jobs"][0]["outcome"] == "failed"
    done = cli("run", PROMPT, *api, "--yes", "--json")
    assert done.code == 1
    [job] = done.json["jobs"]
    assert job["reason"] == f"{told}. Nothing was spent."
    assert cli("jobs", "show", job["id"], "--json").json["effects"] == []


def test_copy_that_is_longer_than_the_platform_takes_is_noted(cli) -> None:
    plain = ("--set", "plugins.prompt_transform=[]", "--platform", "twitter")
    notes = cli("plan", PROMPT, *plain, "--caption", "sea " * 70 + "🌊", "--json").json["jobs"][0]["notes"]
    assert "the caption has 282 characters; twitter takes at most 280" in notes
    tagged = cli("plan", PROMPT, *plain, "--caption", "s" * 279, "--hashtag", "sea", "--json").json["jobs"][0]
    assert "the caption with its hashtags has 284 characters; twitter takes at most 280" in tagged["notes"]
    many = [word for number in range(6) for word in ("--hashtag", f"tag{number}")]
    notes = cli("plan", PROMPT, *plain[:2], "--platform", "instagram", *many, "--json").json["jobs"][0]["notes"]
    assert "there are 6 hashtags; instagram takes at most 5" in notes
    title = cli("plan", PROMPT, *plain[:2], "--platform", "youtube", "--title", "x" * 101, "--json").json
    assert "the title has 101 characters; youtube takes at most 100" in title["jobs"][0]["notes"]


def test_copy_that_fits_is_not_noted(cli) -> None:
    for platform in ("youtube", "instagram", "tiktok", "twitter"):
        job = cli("plan", PROMPT, "--platform", platform, "--caption", "sea " * 2000, "--json").json["jobs"][0]
        assert not [note for note in job["notes"] if "takes at most" in note]
