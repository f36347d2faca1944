"""The tutorial's loop: 60 looks, 10 seconds apart, then an error although the video is paid for."""

from __future__ import annotations

import time
from typing import Any

from reelwork_hooks import ProviderConfig

PROMPT = "A lighthouse above a calm sea at dawn"


def creates(simulator: Any) -> int:
    return len(simulator.requests("/v1/videos", "POST"))


def test_the_times_are_the_tutorials_unless_you_say_otherwise() -> None:
    assert (ProviderConfig().poll_interval, ProviderConfig().deadline) == (10, 600)


def test_it_is_looked_at_until_it_is_done(start: Any, cli: Any) -> None:
    simulator = start(render_seconds=0.3)
    assert cli("run", PROMPT, "--duration", "4").code == 0
    looks = [request for request in simulator.requests() if request["operation"] == "poll"]
    assert len(looks) >= 2
    assert creates(simulator) == 1


def test_past_the_deadline_it_is_overdue_and_not_lost(start: Any, cli: Any) -> None:
    simulator = start(faults=("render:slow=1",))
    left = cli("run", PROMPT, "--duration", "4", "--set", "provider.deadline=0.1")
    assert left.code == 3
    assert "the render is overdue; it is still polled" in left.err
    assert "reelwork resume" in left.out
    done = resumed_until_done(cli)
    assert [job["status"] for job in done["jobs"]] == ["done"]
    assert creates(simulator) == 1


def resumed_until_done(cli: Any) -> Any:
    while True:
        time.sleep(0.2)
        resumed = cli("resume", "--json").json
        if resumed["jobs"][0]["status"] != "active":
            return resumed


def test_failed_looks_fail_nothing(start: Any, cli: Any) -> None:
    simulator = start(faults=("poll:drop*1", "poll:html*1"))
    assert cli("run", PROMPT, "--duration", "4").code == 0
    assert creates(simulator) == 1


def test_a_render_that_failed_says_why_and_is_not_bought_again(start: Any, cli: Any) -> None:
    simulator = start(faults=("render:fail=moderation_blocked",))
    failed = cli("run", PROMPT, "--duration", "4")
    assert failed.code == 1
    assert "moderation_blocked" in failed.out
    assert "pays for a new render" in failed.out
    cli("resume")
    assert creates(simulator) == 1
