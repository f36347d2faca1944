from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

PROMPT = "A lighthouse in the fog"
SMALL = ("--duration", "0.5", "--resolution", "480p")


def test_providers_are_listed_with_their_prices(cli) -> None:
    listed = {one["name"]: one for one in cli("providers", "list", "--json").json}
    assert {"preview", "videos-api"} <= set(listed)
    assert listed["preview"]["models"][0]["idempotency"] == "key"
    known = {one["model"]: one for one in listed["videos-api"]["models"]}
    assert known["sora-2"]["price"]["per_second"] == "0.10"
    assert known["sora-2"]["price"]["as_of"]
    told = cli("providers", "list").out
    assert "$0.10 to $0.50" in told


def test_a_provider_is_shown_with_settings_models_and_what_is_shut_down(cli) -> None:
    told = cli("providers", "show", "videos-api").out
    for words in ("base_url", "sora-2-pro", "4, 8, 12, 16, 20 s", "looks up", "api.openai.com", "2026-09-24"):
        assert words in told
    [one] = cli("providers", "show", "videos-api", "--model", "sora-2", "--json").json["models"]
    assert one["model"] == "sora-2"


def test_with_a_workflow_its_settings_count(cli, folder: Path) -> None:
    (folder / "w.toml").write_text('[provider]\nuse = "videos-api"\nbase_url = "https://api.openai.com"\n')
    shown = cli("providers", "show", "videos-api", "--workflow", "w.toml", "--json").json
    assert {one["retired"] for one in shown["models"]} == {"2026-09-24"}
    assert "since 2026-09-24" in cli("providers", "show", "videos-api", "--workflow", "w.toml").out
    wrong = cli("providers", "show", "preview", "--workflow", "w.toml")
    assert wrong.code == 2
    assert "uses the provider 'videos-api'" in wrong.err


def test_a_provider_nobody_knows(cli) -> None:
    outcome = cli("providers", "show", "preveiw")
    assert outcome.code == 2
    assert "Did you mean 'preview'?" in outcome.err


def test_spending_is_told_by_workflow_and_day(cli, folder: Path) -> None:
    assert "Nothing was spent yet." in cli("spend").out
    (folder / "w.toml").write_text(f'name = "cats"\n[brief]\nprompt = "{PROMPT}"\n')
    cli("run", "w.toml", *SMALL, "--set", "provider.price_per_second=0.5", "--yes")
    [group] = cli("spend", "--by", "workflow", "--json").json["groups"]
    assert (group["name"], group["renders"]) == ("cats", 1)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    told = cli("spend", "--since", "today", "--until", today).out
    assert told.splitlines()[0].split() == ["DAY", "RENDERS", "CHARGED", "RESERVED", "RELEASED"]
    assert told.splitlines()[1].split()[:2] == [today, "1"]
    assert "Nothing was spent in these days." in cli("spend", "--until", "7d").out


@pytest.mark.parametrize("day", ["2026-13-01", "soon", "d", "-1d"])
def test_a_day_that_is_none_is_refused(cli, day: str) -> None:
    outcome = cli("spend", f"--since={day}")
    assert outcome.code == 2
    assert "is not a day" in outcome.err


def test_days_in_the_wrong_order_are_refused(cli) -> None:
    outcome = cli("spend", "--since", "2026-02-01", "--until", "2026-01-01")
    assert outcome.code == 2
    assert "is before" in outcome.err
