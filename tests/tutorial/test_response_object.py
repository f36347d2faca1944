"""The tutorial's response object: everything it says, and what it does not say, in `jobs show --json`."""

from __future__ import annotations

from typing import Any


def test_a_job_says_what_the_response_object_says(simulator: Any, cli: Any) -> None:
    prompt = "A golden retriever playing in a sunny garden"
    [made] = cli("run", prompt, "--duration", "4", "--aspect-ratio", "16:9", "--json").json["jobs"]
    job = cli("jobs", "show", made["id"], "--json").json
    [there] = simulator.jobs()
    assert job["remote_id"] == there["id"]
    assert (job["status"], job["render"]["state"]) == ("done", "completed")
    assert job["prompt"] == prompt
    assert job["data"]["model"] == "sora-2"
    assert job["data"]["spec"]["duration"] == 4
    assert (job["data"]["spec"]["resolution"], job["data"]["spec"]["aspect_ratio"]) == ("720p", "16:9")
    assert job["render"]["submitted_at"] <= job["render"]["ended_at"]


def test_and_what_it_cost_where_it_is_and_what_happened(simulator: Any, cli: Any) -> None:
    [made] = cli("run", "Fishing boats leaving a harbour", "--duration", "4", "--json").json["jobs"]
    job = cli("jobs", "show", made["id"], "--json").json
    assert float(job["cost"]) == 0.40
    assert [act["state"] for act in job["effects"]] == ["confirmed", "confirmed"]
    assert [event["name"] for event in job["events"]][-2:] == ["published", "done"]
    assert any(place.endswith(".mp4") for place in job["stored_at"])


def test_a_part_of_the_id_is_enough(simulator: Any, cli: Any) -> None:
    [made] = cli("run", "Fishing boats leaving a harbour", "--duration", "4", "--json").json["jobs"]
    assert cli("jobs", "show", made["id"][-8:], "--json").json["id"] == made["id"]
