"""The tutorial's table of errors: what each answer to the paid request comes to."""

from __future__ import annotations

from typing import Any

import pytest

PROMPT = "A lighthouse above a calm sea at dawn"


def creates(simulator: Any) -> list[int | None]:
    return [request["status"] for request in simulator.requests("/v1/videos", "POST")]


@pytest.mark.parametrize("status", [400, 401])
def test_a_refusal_is_final_and_costs_nothing(start: Any, cli: Any, status: int) -> None:
    simulator = start(faults=(f"create:{status}",))
    refused = cli("run", PROMPT, "--duration", "4")
    assert refused.code == 3
    assert f"answered {status}" in refused.out
    assert "1 job: 1 rejected. Spent: nothing." in refused.out
    assert cli("resume").code in (0, 3)
    assert creates(simulator) == [status]


def test_429_waits_as_long_as_it_says_and_goes_on(start: Any, cli: Any) -> None:
    simulator = start(faults=("create:429:retry-after=1*1",))
    done = cli("run", PROMPT, "--duration", "4", "--json")
    assert done.code == 0
    assert creates(simulator) == [429, 200]
    [job] = done.json["jobs"]
    story = cli("jobs", "show", job["id"], "--json").json
    first, accepted = (event["at"] for event in story["events"] if event["name"] in ("waiting", "submitted"))
    assert accepted - first >= 0.9


def test_500_is_looked_up_before_anything_is_sent_again(start: Any, cli: Any) -> None:
    simulator = start(render_seconds=1.0)
    for before in (", and a boat that comes home", ", and a boat that goes out"):
        assert cli("run", PROMPT + before, "--duration", "4").code == 0
    simulator.set_faults(["create:500*1"])
    done = cli("run", PROMPT, "--duration", "4")
    assert done.code == 0
    assert "unknown" in done.err
    assert "two complete readings" in done.err
    asked = [request["operation"] for request in simulator.requests() if request["operation"] in ("create", "list")]
    lost = asked[[number for number, one in enumerate(asked) if one == "create"][2] :]
    assert lost[:3] == ["create", "list", "list"]
    assert lost.count("create") == 2
    assert len(simulator.jobs()) == 3


def test_500_is_held_where_nothing_is_known_of_the_server(start: Any, cli: Any) -> None:
    simulator = start(faults=("create:500*1",))
    assert cli("run", PROMPT, "--duration", "4").code == 3
    assert simulator.jobs() == []
    assert creates(simulator) == [500]


def test_anything_else_is_unknown_too(start: Any, cli: Any) -> None:
    simulator = start(faults=("create:accept-then-html*1",))
    assert cli("run", PROMPT, "--duration", "4").code == 0
    assert len(creates(simulator)) == len(simulator.jobs()) == 1


def test_after_a_401_the_job_goes_on_with_the_right_key(start: Any, cli: Any, monkeypatch: Any) -> None:
    simulator = start(api_key="the right key")
    monkeypatch.setenv("VIDEOS_API_KEY", "a wrong key")
    options = ("--duration", "4", "--set", "provider.api_key=env:VIDEOS_API_KEY", "--json")
    [job] = cli("run", PROMPT, *options).json["jobs"]
    monkeypatch.setenv("VIDEOS_API_KEY", "the right key")
    again = cli("jobs", "retry", job["id"], "--yes", "--json")
    assert [(one["id"], one["status"]) for one in again.json["jobs"]] == [(job["id"], "done")]
    assert len(simulator.jobs()) == 1
