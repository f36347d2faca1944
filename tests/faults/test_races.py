"""Several processes after the last dollar of a budget, and the last place under a limit: never one too many."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

ROWS = 4
COST = 0.4
"""US dollars for one of these renders."""


def write_workflow(folder: Any, name: str, base_url: str, extra: str) -> str:
    (folder / f"{name}.toml").write_text(
        f"""
        [brief]
        duration = 4
        [provider]
        use = "videos-api"
        base_url = "{base_url}/v1"
        model = "sora-2"
        poll_interval = 0.1
        {extra}
        [plugins]
        prompt_transform = []
        post_download = []
        publish = []
        """
    )
    rows = "".join(f"A quiet harbour at dawn, boat {name} {at}\n" for at in range(ROWS))
    (folder / f"{name}.txt").write_text(rows)
    return name


def start_all(terminal: Any, base_url: str, extra: str, names: str) -> list[Any]:
    written = [write_workflow(terminal.folder, name, base_url, extra) for name in names]
    return [terminal.start("run", f"{name}.txt", "--workflow", f"{name}.toml", "--yes") for name in written]


def listed(terminal: Any) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = json.loads(terminal.run("jobs", "list", "--limit", "100", "--json")[1])
    return jobs


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("period", ["per_day", "per_month"])
def test_processes_never_spend_more_than_the_budget_together(simulator: Any, terminal: Any, period: str) -> None:
    server = simulator()
    ceiling = 3 * COST
    for process in start_all(terminal, server.base_url, f"[budget]\n{period} = {ceiling + 0.1}", "abc"):
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 3, output
    assert len(server.jobs()) == 3
    jobs = listed(terminal)
    assert sorted(job["status"] for job in jobs) == ["done"] * 3 + ["held"] * (3 * ROWS - 3)
    assert all(period in job["reason"] for job in jobs if job["status"] == "held")
    spent = json.loads(terminal.run("spend", "--json")[1])["total"]
    assert float(spent["charged"]) + float(spent["reserved"]) == pytest.approx(ceiling)


def test_processes_never_have_more_renders_under_way_than_allowed(simulator: Any, terminal: Any) -> None:
    server = simulator(render_seconds=0.15)
    for process in start_all(terminal, server.base_url, "[limits]\nconcurrent = 2", "ab"):
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    times = [(job["created_at"], 1) for job in server.jobs()] + [(job["ended_at"], -1) for job in server.jobs()]
    under_way, most = 0, 0
    for _, change in sorted(times):
        under_way += change
        most = max(most, under_way)
    # A busy machine may never have two of them under way.
    assert len(server.jobs()) == 2 * ROWS
    assert 1 <= most <= 2


def is_used_up(jobs: list[dict[str, Any]]) -> bool:
    """Whether three are done, and the one in front of all others was told of the limit.

    Those behind it have waited there since the first request, and say so.
    """
    reasons = [job["reason"] for job in jobs if job["status"] == "active"]
    waits = all(
        "most allowed" in reason or "may not be listed there yet" in reason or "the first request there" in reason
        for reason in reasons
    )
    return len(reasons) == 2 * ROWS - 3 and waits and any("most allowed" in reason for reason in reasons)


@pytest.mark.parametrize("window", ["requests_per_minute", "requests_per_day"])
def test_processes_share_the_requests_of_a_window(simulator: Any, terminal: Any, window: str) -> None:
    server = simulator()
    processes = start_all(terminal, server.base_url, f"[limits]\n{window} = 3", "ab")
    try:
        wait_for(lambda: len(server.jobs()) >= 3)
        wait_for(lambda: is_used_up(listed(terminal)))
        assert len(server.requests(method="POST")) == 3
    finally:
        for process in processes:
            process.kill()
            process.communicate()
