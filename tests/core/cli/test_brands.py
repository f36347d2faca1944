"""Brands from the command line: whose account is whose, lists, stops, zones and labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.cli.conftest import SMALL, Cli

SETTINGS = """
[brands.acme]
accounts = ["acme-shop", "notices"]
tz = "America/Sao_Paulo"
disclosure = { ai = "partly", label = "caption" }

[brands.bolt]
accounts = ["bolt-shop"]

[brands.open]
"""
FLOW = """
{brand}
[brief]
prompt = "A harbour at dawn"
duration = 0.5
resolution = "480p"
[plugins]
publish = ["gallery", "mastodon"]
[plugin.mastodon]
account = "{account}"
"""


@pytest.fixture
def flow(folder: Path) -> Path:
    (folder / "reelwork.toml").write_text(SETTINGS)
    return folder / "flow.toml"


def write(flow: Path, brand: str, account: str) -> None:
    named = f'brand = "{brand}"' if brand else ""
    flow.write_text(FLOW.format(brand=named, account=account))


@pytest.mark.parametrize(
    ("brand", "account", "why"),
    [
        ("acme", "bolt-shop", "belongs to the brand bolt, and this workflow is for the brand acme"),
        ("open", "bolt-shop", "belongs to the brand bolt, and this workflow is for the brand open"),
        ("", "bolt-shop", "belongs to the brand bolt, and this workflow is for no brand"),
        ("acme", "anybody", "is none of the accounts of the brand acme"),
    ],
)
def test_an_account_of_another_brand_is_refused_at_the_plan(
    cli: Cli, flow: Path, brand: str, account: str, why: str
) -> None:
    write(flow, brand, account)
    for command in (("run", "--dry-run"), ("run", "--yes"), ("plan",)):
        refused = cli(*command, "flow.toml")
        assert refused.code == 2
        assert f"flow.toml, line 10: the account '{account}' of mastodon {why}" in refused.err
        assert "Nothing was sent." in refused.err
    assert cli("jobs", "list", "--json").json == []


@pytest.mark.parametrize(("brand", "account"), [("acme", "acme-shop"), ("open", "anybody"), ("", "anybody")])
def test_an_account_of_ones_own_or_of_nobody_is_taken(cli: Cli, flow: Path, brand: str, account: str) -> None:
    write(flow, brand, account)
    planned = cli("plan", "flow.toml", "--json")
    assert planned.code == 0, planned.err


def test_a_destination_without_an_account_is_named_by_itself(cli: Cli, flow: Path) -> None:
    direct = 'instance = "https://m.example"\naccess_token = "env:TOKEN"'
    write(flow, "acme", "")
    for name, code in (("mastodon", 2), ("notices", 0)):
        text = FLOW.format(brand='brand = "acme"', account="").replace('account = ""', direct)
        own = text.replace('"mastodon"]', f'"{name}"]').replace("plugin.mastodon]", f"plugin.{name}]")
        flow.write_text(f'{own}use = "mastodon"\n')
        planned = cli("plan", "flow.toml")
        assert planned.code == code, planned.err
        assert ("mastodon, which names no account, is none of the accounts" in planned.err) == (code == 2)


def test_other_settings_cannot_move_a_job_to_an_account_of_another_brand(cli: Cli, flow: Path) -> None:
    write(flow, "acme", "acme-shop")
    flow.write_text(f'{flow.read_text()}[plugin.rules]\nhold = ["harbour"]\n')
    held = cli("run", "flow.toml", "--yes", "--set", 'plugins.publish=["gallery"]')
    assert held.code == 3, held.err
    run = cli("jobs", "list", "--json").json[0]["run"]
    moved = cli(
        "resume", run, "--set", 'plugins.publish=["mastodon"]', "--set", "plugin.mastodon.account=bolt-shop"
    )
    assert moved.code == 2
    assert "belongs to the brand bolt" in moved.err
    assert cli("jobs", "list", "--json").json[0]["run"] == run


def test_jobs_of_one_brand_are_listed(cli: Cli, flow: Path) -> None:
    for brand in ("acme", "open", ""):
        flow.write_text(f'brand = "{brand}"\n[brief]\nprompt = "Dawn for {brand or "nobody"}"\n')
        made = cli("run", "flow.toml", *SMALL)
        assert made.code == 0, made.err
    listed = cli("jobs", "list", "--json").json
    assert [one["brand"] for one in listed] == ["", "open", "acme"]
    (own,) = cli("jobs", "list", "--brand", "acme", "--json").json
    assert (own["brand"], "Dawn for acme" in own["prompt"]) == ("acme", True)
    assert cli("jobs", "list", "--brand", "bolt", "--json").json == []
    assert cli("jobs", "list", "--brand", "bolt").err == ""
    assert "BRAND" in cli("jobs", "list").out
    assert cli("jobs", "show", own["id"], "--json").json["brand"] == "acme"
    spent = cli("spend", "--by", "brand", "--json").json["groups"]
    assert {(one["name"], one["renders"]) for one in spent} == {("", 1), ("acme", 1), ("open", 1)}
    (group,) = cli("spend", "--by", "brand", "--brand", "open", "--json").json["groups"]
    assert (group["name"], group["renders"]) == ("open", 1)
    assert cli("schedule", "list", "--brand", "acme", "--json").json == []
    assert cli("review", "list", "--brand", "acme", "--json").json == []
    for words in (("spend",), ("schedule", "list"), ("review", "list")):
        mistyped = cli(*words, "--brand", "acmee")
        assert (mistyped.code, "Did you mean 'acme'?" in mistyped.err) == (2, True)


def test_posts_of_a_brand_are_stopped_and_started(cli: Cli, flow: Path) -> None:
    stopped = cli("posts", "stop", "--brand", "acme", "--by", "ana", "--note", "wrong logo")
    assert stopped.out == "Posts of acme stopped. Start them again: reelwork posts start --brand acme\n"
    (one,) = cli("posts", "list", "--json").json
    assert (one["name"], one["brand"], one["by"], one["note"]) == (None, "acme", "ana", "wrong logo")
    assert "of acme" in cli("posts", "list").out
    assert cli("posts", "start", "--brand", "bolt").code == 2
    assert cli("posts", "start", "--brand", "acme").out == "Posts of acme started.\n"
    assert cli("posts", "list").out == "No posts are stopped.\n"


def test_a_stop_of_no_brand_is_refused(cli: Cli, flow: Path) -> None:
    mistyped = cli("posts", "stop", "--brand", "acmee")
    assert mistyped.code == 2
    assert "There is no brand named 'acmee'. Did you mean 'acme'?" in mistyped.err
    assert cli("posts", "stop", "gallery", "--brand", "acme").code == 2
    assert cli("posts", "list", "--json").json == []


@pytest.mark.parametrize(
    ("brand", "options", "zone"),
    [
        ("acme", (), "America/Sao_Paulo"),
        ("acme", ("--tz", "Asia/Tokyo"), "Asia/Tokyo"),
        ("open", ("--tz", "Asia/Tokyo"), "Asia/Tokyo"),
    ],
)
def test_a_schedule_has_the_zone_of_its_brand(
    cli: Cli, flow: Path, brand: str, options: tuple[str, ...], zone: str
) -> None:
    flow.write_text(f'brand = "{brand}"\n[brief]\nprompt = "Dawn"\n')
    added = cli("schedule", "add", "daily", "flow.toml", "--cron", "0 9 * * *", *options, "--json")
    assert added.code == 0, added.err
    assert (added.json["brand"], added.json["tz"]) == (brand, zone)


def test_a_schedule_never_fires_for_another_brand(cli: Cli, flow: Path) -> None:
    flow.write_text('brand = "acme"\n[brief]\nprompt = "Dawn"\n')
    assert cli("schedule", "add", "daily", "flow.toml", "--cron", "0 9 * * *").code == 0
    for other in ('brand = "open"\n', ""):
        flow.write_text(f'{other}[brief]\nprompt = "Dawn"\n')
        refused = cli("schedule", "run-now", "daily")
        assert refused.code == 2
        assert "the schedule was added for the brand acme" in refused.err
    assert cli("jobs", "list", "--json").json == []
    assert cli("schedule", "add", "daily", "flow.toml", "--cron", "0 9 * * *").code == 0


def test_posts_say_about_ai_what_the_brand_says(cli: Cli, flow: Path) -> None:
    write(flow, "acme", "acme-shop")
    posts = {post["destination"]: post for post in cli("plan", "flow.toml", "--json").json["jobs"][0]["posts"]}
    assert posts["mastodon"]["disclosure"] == {"ai": "partly", "label": "caption"}
    flow.write_text(f'{flow.read_text()}[destination.mastodon]\ndisclosure = {{ ai = "yes" }}\n')
    posts = {post["destination"]: post for post in cli("plan", "flow.toml", "--json").json["jobs"][0]["posts"]}
    assert posts["mastodon"]["disclosure"] == {"ai": "yes", "label": "field"}


def test_a_brand_that_refuses_words_for_a_label_needs_one_at_each_destination(cli: Cli, flow: Path) -> None:
    settings = SETTINGS.replace('label = "caption"', 'label = "refuse"')
    (flow.parent / "reelwork.toml").write_text(settings)
    write(flow, "acme", "acme-shop")
    refused = cli("plan", "flow.toml")
    assert refused.code == 2
    assert "brands.acme.disclosure: mastodon does not say that it has an AI label of its own" in refused.err
