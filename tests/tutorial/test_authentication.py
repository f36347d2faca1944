"""The tutorial's client with its key from the environment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

KEY = "sk-live-0123456789abcdef"


@pytest.fixture
def live(examples: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The example workflow, pointed at a server."""

    def point(base_url: str) -> str:
        monkeypatch.setenv("REELWORK_PROVIDER_BASE_URL", base_url)
        monkeypatch.setenv("REELWORK_PROVIDER_POLL_INTERVAL", "0.05")
        return str(examples / "live.toml")

    return point


def test_the_key_comes_from_the_environment(start: Any, live: Any, cli: Any, monkeypatch: Any) -> None:
    simulator = start(api_key=KEY)
    monkeypatch.setenv("VIDEOS_API_KEY", KEY)
    done = cli("run", live(simulator.base_url))
    assert done.code == 0, done.err
    assert len(simulator.jobs()) == 1


def test_without_the_key_nothing_leaves(start: Any, live: Any, cli: Any) -> None:
    simulator = start(api_key=KEY)
    done = cli("run", live(simulator.base_url))
    assert done.code == 2
    assert "VIDEOS_API_KEY is not set" in done.err
    assert "Nothing was sent" in done.err
    assert simulator.requests() == []


def test_the_key_is_shown_nowhere(start: Any, live: Any, cli: Any, monkeypatch: Any, tmp_path: Path) -> None:
    simulator = start(api_key="another key")
    monkeypatch.setenv("VIDEOS_API_KEY", KEY)
    done = cli("-v", "run", live(simulator.base_url))
    assert done.code == 3
    assert "401" in done.out
    shown = cli("jobs", "list", "--json")
    story = cli("jobs", "show", shown.json[0]["id"])
    assert KEY not in done.out + done.err + shown.out + story.out
    with closing(sqlite3.connect(tmp_path / "data" / "reelwork" / "store.db")) as store, store:
        kept = "\n".join(store.iterdump())
    store.close()
    assert "env:VIDEOS_API_KEY" in kept
    assert KEY not in kept


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_key_written_into_the_workflow_is_refused(away: Path, simulator: Any, cli: Any, command: str) -> None:
    done = cli(command, "A cat playing with yarn", "--set", f"provider.api_key={KEY}")
    assert done.code == 2
    assert "give a reference, not the secret itself" in done.err
    assert KEY not in done.out + done.err
    assert simulator.requests() == []
