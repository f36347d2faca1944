"""The tutorial's two checks before a video is made, and a third it leaves out: nobody could look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def creates(simulator: Any) -> int:
    return len(simulator.requests("/v1/videos", "POST"))


@pytest.mark.parametrize(("length", "made"), [(9, 0), (10, 1), (1000, 1), (1001, 0)])
def test_the_length_of_a_prompt(simulator: Any, cli: Any, length: int, made: int) -> None:
    cli("run", "x" * length, "--duration", "4")
    assert creates(simulator) == made


@pytest.fixture
def moderated(start: Any, examples: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example workflow, with videos and moderation at one simulator."""

    def begin(*faults: str) -> Any:
        simulator = start(faults=faults)
        monkeypatch.setenv("REELWORK_PROVIDER_BASE_URL", simulator.base_url)
        monkeypatch.setenv("REELWORK_PROVIDER_POLL_INTERVAL", "0.05")
        at = ("--set", f"plugin.openai-moderation.base_url={simulator.base_url}")
        return simulator, ("run", "--workflow", str(examples / "moderated.toml"), *at, "--duration", "4")

    return begin


def test_a_harmless_prompt_passes(moderated: Any, cli: Any) -> None:
    simulator, command = moderated()
    done = cli(*command)
    assert done.code == 0, done.err
    assert creates(simulator) == 1
    assert len(simulator.requests("/v1/moderations", "POST")) >= 1


def test_a_flagged_prompt_is_rejected_before_money_is_spent(moderated: Any, cli: Any) -> None:
    simulator, command = moderated()
    rejected = cli(*command, "A stabbing in a dark alley, seen from above")
    assert rejected.code == 3
    assert "rejected by 'openai-moderation'" in rejected.out
    assert "violence" in rejected.out
    assert creates(simulator) == 0


@pytest.mark.parametrize("fault", ["moderation:500", "moderation:401"])
def test_when_nobody_could_look_it_is_held(moderated: Any, cli: Any, fault: str) -> None:
    simulator, command = moderated(fault)
    held = cli(*command)
    assert held.code == 3
    assert "Held, since moderation could not answer" in held.out
    assert creates(simulator) == 0
    simulator.set_faults([])
    assert cli("resume").code == 0
    assert creates(simulator) == 1


@pytest.mark.parametrize("private", ["4111 1111 1111 1111", "jane.doe@example.com"])
def test_personal_data_is_found_without_a_service(simulator: Any, cli: Any, private: str) -> None:
    rejected = cli("run", f"A banner that reads {private}", "--duration", "4")
    assert rejected.code == 3
    assert private not in rejected.out + rejected.err
    assert creates(simulator) == 0
