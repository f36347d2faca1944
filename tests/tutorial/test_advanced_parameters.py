"""Each of the tutorial's parameters: what becomes of it, in the plan and on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PROMPT = "Waves rolling onto a beach of black sand"


@pytest.fixture
def every(examples: Path, start: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A simulator, and the example workflow pointed at it."""
    simulator = start(dialect="vllm-omni")
    monkeypatch.setenv("REELWORK_PROVIDER_BASE_URL", simulator.base_url)
    monkeypatch.setenv("REELWORK_PROVIDER_POLL_INTERVAL", "0.05")
    return simulator, str(examples / "every_parameter.toml")


def fates(plan: Any) -> dict[str, str]:
    return {fate["parameter"]: fate["outcome"] for fate in plan["jobs"][0]["fates"]}


def test_the_plan_names_every_parameter(every: Any, cli: Any) -> None:
    planned = cli("plan", every[1], "--json")
    assert planned.code == 0, planned.err
    assert fates(planned.json) == {
        "prompt": "sent",
        "model": "sent",
        "duration": "translated",
        "resolution": "translated",
        "aspect_ratio": "translated",
        "fps": "sent",
        "seed": "sent",
        "takes": "emulated",
        "metadata": "emulated",
    }
    assert [job["spec"]["seed"] for job in planned.json["jobs"]] == [12345, 12346]


def test_the_requests_carry_what_the_plan_says(every: Any, cli: Any) -> None:
    simulator, workflow = every
    done = cli("run", workflow, "--json")
    assert done.code == 0, done.err
    requests = [request["fields"] for request in simulator.requests("/v1/videos", "POST")]
    sent = [{name: request[name] for name in ("seconds", "size", "fps", "seed")} for request in requests]
    assert sorted(sent, key=lambda one: one["seed"]) == [
        {"seconds": "20", "size": "1920x1080", "fps": "30", "seed": "12345"},
        {"seconds": "20", "size": "1920x1080", "fps": "30", "seed": "12346"},
    ]
    story = cli("jobs", "show", done.json["jobs"][0]["id"], "--json").json
    assert story["data"]["brief"]["metadata"] == {"project": "Marketing Campaign Q1", "user_id": "user_123"}


@pytest.mark.parametrize(
    ("option", "value", "parameter", "outcome"),
    [
        ("--duration", "8", "duration", "translated"),
        ("--resolution", "720p", "resolution", "translated"),
        ("--aspect-ratio", "9:16", "aspect_ratio", "translated"),
        ("--takes", "2", "takes", "emulated"),
        ("--quality", "standard", "quality", None),
        ("--metadata", "project=Q1", "metadata", "emulated"),
    ],
)
def test_what_sora_makes_of_it(
    simulator: Any, cli: Any, option: str, value: str, parameter: str, outcome: str | None
) -> None:
    planned = cli("plan", PROMPT, "--duration", "4", option, value, "--json")
    assert planned.code == 0, planned.err
    assert fates(planned.json).get(parameter) == outcome


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--duration", "60", "it makes 4, 8, 12, 16 or 20 s"),
        ("--resolution", "480p", "it makes 1280x720 or 720x1280"),
        ("--aspect-ratio", "21:9", "it makes 1280x720 or 720x1280"),
        ("--fps", "30", "the frame rate cannot be chosen"),
        ("--seed", "12345", "has no seed"),
        ("--quality", "hd", "has no quality"),
        ("--webhook", "https://yourapi.example/webhook", "has no webhook"),
    ],
)
def test_what_sora_cannot_do_is_refused_not_dropped(
    simulator: Any, cli: Any, option: str, value: str, reason: str
) -> None:
    refused = cli("run", PROMPT, "--duration", "4", option, value)
    assert refused.code == 2
    assert reason in refused.err
    assert simulator.requests() == []


def test_a_webhook_goes_to_a_server_that_calls_one(start: Any, cli: Any) -> None:
    simulator = start(dialect="openrouter")
    settings = ("--set", "provider.dialect=openrouter", "--set", "provider.price_per_second=0.1")
    options = ("--duration", "4", "--webhook", "https://yourapi.example/webhook", *settings)
    assert fates(cli("plan", PROMPT, *options, "--json").json)["webhook"] == "translated"
    assert cli("run", PROMPT, *options).code == 0
    [request] = [one for one in simulator.requests(method="POST") if one["operation"] == "create"]
    assert request["fields"]["callback_url"] == "https://yourapi.example/webhook"


@pytest.mark.parametrize(("name", "value"), [("n", "2"), ("webhook_url", '"https://yourapi.example/w"')])
def test_the_tutorials_own_names_are_understood(away: Path, cli: Any, name: str, value: str) -> None:
    theirs, ours = {"n": ("n", "takes"), "webhook_url": ("webhook_url", "webhook")}[name]
    away.joinpath("named.toml").write_text(f'[brief]\nprompt = "{PROMPT}"\n{theirs} = {value}\n', encoding="utf-8")
    planned = cli("plan", "named.toml", "--provider", "preview", "--json")
    said = planned.out + planned.err
    assert "unknown key" not in said
    assert ours in said


def test_a_name_that_nobody_reads_is_refused(away: Path, cli: Any) -> None:
    away.joinpath("misspelt.toml").write_text(f'[brief]\nprompt = "{PROMPT}"\naspect_ration = "1:1"\n')
    refused = cli("plan", "misspelt.toml")
    assert refused.code == 2
    assert "aspect_ratio" in refused.err


def test_a_preview_takes_them_all_but_a_webhook(examples: Path, cli: Any) -> None:
    every = str(examples / "every_parameter.toml")
    planned = cli("plan", every, "--provider", "preview", "--quality", "hd", "--json")
    assert planned.code == 0, planned.err
    assert set(fates(planned.json).values()) == {"sent", "emulated"}
    assert fates(planned.json)["takes"] == "emulated"
    refused = cli("plan", every, "--provider", "preview", "--webhook", "https://yourapi.example/webhook")
    assert refused.code == 2
    assert "preview has no webhook" in refused.err
