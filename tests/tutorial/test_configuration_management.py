"""The tutorial's `config.js`: one file that is checked, with layers over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reelwork.settings.workflow import load


@pytest.fixture
def production(examples: Path) -> Path:
    return examples / "production.toml"


def test_everything_the_tutorial_configures_has_its_key(production: Path) -> None:
    workflow = load(production).workflow
    assert workflow.provider.settings["api_key"] == "env:VIDEOS_API_KEY"
    assert workflow.provider.settings["model"] == "sora-2"
    assert workflow.provider.settings["deadline"] == 600
    assert (workflow.brief["duration"], workflow.brief["resolution"]) == (8, "720p")
    assert (workflow.limits.requests_per_minute, workflow.limits.concurrent) == (20, 5)
    assert workflow.plugin["storage"].settings["provider"] == "s3"
    assert workflow.plugin["storage"].settings["bucket"] == "env:STORAGE_BUCKET"


def test_it_is_planned_without_a_key_a_bucket_or_a_network(production: Path, cli: Any) -> None:
    planned = cli("plan", str(production), "--json")
    assert planned.code == 0, planned.err
    assert float(planned.json["cost"]) == 0.80


def test_layers_strongest_first(production: Path, away: Path, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def duration(*options: str) -> float:
        return float(cli("plan", str(production), *options, "--json").json["jobs"][0]["spec"]["duration"])

    away.joinpath("reelwork.toml").write_text("[brief]\nduration = 20\nfps = 30\n", encoding="utf-8")
    assert load(production).workflow.brief["fps"] == 30
    away.joinpath("reelwork.toml").write_text("[brief]\nduration = 20\n", encoding="utf-8")
    assert duration() == 8
    monkeypatch.setenv("REELWORK_BRIEF_DURATION", "12")
    assert duration() == 12
    assert duration("--duration", "4") == 4


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("limits.requests_per_minut=20", "requests_per_minute"),
        ("limits.concurrent=many", "limits.concurrent = 'many' is not possible"),
        ("provider.dedline=5", "deadline"),
    ],
)
def test_a_mistake_is_found_before_anything_runs(production: Path, cli: Any, setting: str, said: str) -> None:
    refused = cli("plan", str(production), "--set", setting)
    assert refused.code == 2
    assert said in refused.err


def test_storage_is_one_more_plugin(simulator: Any, cli: Any, away: Path) -> None:
    pytest.importorskip("obstore", reason="the extra `storage` is not installed")
    bucket = away / "my bucket"
    settings = ("--plugin", "storage", "--set", f"plugin.storage.url=file://{bucket}")
    done = cli("run", "A lighthouse above a calm sea", "--duration", "4", *settings, "--json")
    assert done.code == 0, done.err
    [stored] = bucket.rglob("*.mp4")
    [job] = done.json["jobs"]
    assert stored.read_bytes() == Path(job["video"]).read_bytes()
    assert any(stored.name in place for place in job["stored_at"])
