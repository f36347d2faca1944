"""`doctor` asks the network whether it accepts a token that stands in a workflow's settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reelwork.testing import SampleContext
from reelwork_plugins.publishers.discord import Discord
from reelwork_plugins.publishers.mastodon import Mastodon
from reelwork_plugins.publishers.telegram import Telegram
from reelwork_plugins.simulator import SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.discord.channel import HOOKS
from reelwork_plugins.simulator.networks.telegram.handlers import TOKEN as BOT_TOKEN
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN

SECRET = "env:REELWORK_TEST_TOKEN"
CASES: Mapping[str, tuple[Any, Callable[[str], Mapping[str, Any]], Callable[[str], str]]] = {
    "mastodon": (Mastodon, lambda url: {"instance": url, "access_token": SECRET}, lambda url: OPEN_TOKEN),
    "telegram": (
        Telegram,
        lambda url: {"token": SECRET, "chat": "@rehearsal", "base_url": url},
        lambda url: BOT_TOKEN,
    ),
    "discord": (
        Discord,
        lambda url: {"webhook": SECRET},
        lambda url: f"{url}/api/webhooks/{HOOKS[0].id}/{OPEN_TOKEN}",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_token_of_a_workflow_is_asked_about(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, settings, token = CASES[name]
    with run_simulator(SimulatorSettings(network=name)) as simulator:
        url = simulator.base_url
        monkeypatch.setenv("REELWORK_TEST_TOKEN", token(url))

        def found(**given: Any) -> list[Any]:
            plugin = kind(kind.Config(**(given or settings(url))), SampleContext(tmp_path, name))
            return [list(asyncio.run(plugin.doctor_problems(offline))) for offline in (False, True)]

        assert found() == [[], []]
        simulator.set_faults(["account:401*9"])
        [[problem], offline] = found()
        assert "Unauthorized" in problem.message
        assert problem.hint
        assert offline == []
        # Its account is checked as such, and not here.
        assert found(account="main") == [[], []]
    assert simulator.posts() == []
