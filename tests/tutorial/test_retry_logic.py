"""The tutorial's retry around the paid request: here reads are retried, and a create never blindly."""

from __future__ import annotations

from typing import Any

import pytest

PROMPT = "A lighthouse above a calm sea at dawn"


def creates(simulator: Any) -> int:
    return len(simulator.requests("/v1/videos", "POST"))


LOST = ["accept-then-drop*1", "accept-then-500*1", "accept-then-slow=60*1", "no-id*1"]


@pytest.mark.parametrize("fault", LOST)
def test_a_create_that_may_have_arrived_is_found_and_not_sent_again(start: Any, cli: Any, fault: str) -> None:
    simulator = start(faults=(f"create:{fault}",))
    done = cli("run", PROMPT, "--duration", "4", "--set", "provider.submit_timeout=3", "--json")
    assert done.code == 0, done.err
    assert creates(simulator) == len(simulator.jobs()) == 1


def test_a_batch_under_a_storm_pays_once_for_each(start: Any, cli: Any, away: Any) -> None:
    simulator = start(faults=("create:500@40%", "create:accept-then-500@40%"), seed=3)
    prompts = [f"A lighthouse above a calm sea, number {number}" for number in range(8)]
    away.joinpath("prompts.txt").write_text("\n".join(prompts), encoding="utf-8")
    done = cli("run", "prompts.txt", "--duration", "4", "--json").json
    made = [job["prompt"] for job in simulator.jobs()]
    assert len(set(made)) == len(made)
    # What is lost twice is left to a person: by then a list alone is no proof any more.
    assert {job["status"] for job in done["jobs"]} <= {"done", "held"}
    finished = {job["prompt"] for job in done["jobs"] if job["status"] == "done"}
    assert finished == set(made)
    assert creates(simulator) > len(made)


def test_where_nobody_can_be_asked_it_is_held_for_a_person(start: Any, cli: Any) -> None:
    simulator = start(dialect="sglang", faults=("create:accept-then-drop",))
    settings = ("--set", "provider.dialect=sglang", "--set", "provider.price_per_second=0.1")
    held = cli("run", PROMPT, "--duration", "4", *settings, "--json")
    assert held.code == 3
    assert [job["status"] for job in held.json["jobs"]] == ["held"]
    cli("resume")
    assert creates(simulator) == 1


def test_reads_are_retried(start: Any, cli: Any) -> None:
    simulator = start(faults=("poll:500*1", "content:500*1"))
    assert cli("run", PROMPT, "--duration", "4").code == 0
    assert [one["struck"] for one in simulator.faults()] == [1, 1]
    assert creates(simulator) == 1
