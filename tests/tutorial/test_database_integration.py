"""The tutorial's records: a job is written down before the request leaves, and by whoever comes later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reelwork import Studio

PROMPT = "A lighthouse above a calm sea at dawn"


def test_the_record_is_there_before_the_request_leaves(start: Any, cli: Any) -> None:
    simulator = start(faults=("create:drop-before",))
    statuses: list[tuple[int, str]] = []

    def begin(rows: Any) -> None:
        with Studio() as beside:
            statuses.extend((len(simulator.requests()), beside.find(row.id).status) for row in rows)
        studio.stop()

    with Studio(on_begin=begin) as studio:
        studio.run_sync(PROMPT, duration=4)
    assert statuses == [(0, "active")]


def test_the_record_holds_what_the_tutorials_table_holds(simulator: Any, cli: Any) -> None:
    shape = ("--duration", "4", "--resolution", "720p", "--aspect-ratio", "16:9")
    cli("run", PROMPT, *shape, "--metadata", "user_id=user_123")
    [listed] = cli("jobs", "list", "--json").json
    story = cli("jobs", "show", listed["id"], "--json").json
    [there] = simulator.jobs()
    assert (story["prompt"], story["status"], story["remote_id"]) == (PROMPT, "done", there["id"])
    brief = story["data"]["brief"]
    assert (brief["duration"], brief["resolution"], brief["aspect_ratio"]) == (4, "720p", "16:9")
    assert brief["metadata"] == {"user_id": "user_123"}


def test_a_failure_is_recorded_with_its_reason(start: Any, cli: Any) -> None:
    start(faults=("create:400",))
    cli("run", PROMPT, "--duration", "4")
    [listed] = cli("jobs", "list", "--status", "rejected", "--json").json
    assert "400" in listed["reason"]


def test_a_store_of_ones_own(simulator: Any, cli: Any, away: Path) -> None:
    cli("--store", "shop.db", "run", PROMPT, "--duration", "4")
    assert away.joinpath("shop.db").exists()
    with Studio(store="shop.db") as studio:
        assert [job.status for job in studio.jobs()] == ["done"]
    assert cli("jobs", "list", "--json").json == []
