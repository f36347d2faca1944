"""The log is the witness of every other test: it must be complete, ordered and free of secrets."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import httpx
import pytest
from tests.plugins.simulator.conftest import accepted, create_unanswered

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, read_log, run_simulator
from reelwork_plugins.simulator.log import MOST_KEPT, RequestLog


def test_every_request_is_there_in_order_with_what_became_of_it(
    client: httpx.Client, simulator: RunningSimulator
) -> None:
    video = client.post(
        "/v1/videos", json={"prompt": "x", "seconds": "8"}, headers={"idempotency-key": "k-1"}
    ).json()["id"]
    client.get(f"/v1/videos/{video}", params={"a": "b"})
    client.get(f"/sora/v1/videos/{video}/content", headers={"range": "bytes=0-9"})
    client.post("/vllm-omni/v1/videos", json={})
    client.get("/nowhere")
    entries = client.get("/_simulator/requests").json()["requests"]
    assert [(entry["method"], entry["operation"], entry["dialect"], entry["status"]) for entry in entries] == [
        ("POST", "create", "sora", 200),
        ("GET", "poll", "sora", 200),
        ("GET", "content", "sora", 206),
        ("POST", "create", "vllm-omni", 422),
        ("GET", "unknown", "sora", 404),
    ]
    assert entries == simulator.requests()
    assert (entries[0]["job_id"], entries[0]["idempotency_key"]) == (video, "k-1")
    assert entries[0]["fields"] == {"prompt": "x", "seconds": "8"}
    assert entries[1]["query"] == {"a": "b"}
    assert [entry["seq"] for entry in entries] == sorted(entry["seq"] for entry in entries)
    assert client.get("/_simulator/requests?method=post&path=/v1").json()["requests"] == entries[:1]
    assert simulator.requests("/sora") == [entries[2]]
    client.delete("/_simulator/requests")
    assert simulator.requests() == []


def test_keys_are_hashes_in_the_log(client: httpx.Client, simulator: RunningSimulator) -> None:
    for key in ("sk-one", "sk-two", "sk-one"):
        client.get("/v1/videos", headers={"authorization": f"Bearer {key}", "api-key": key})
    seen = [entry["headers"]["authorization"] for entry in simulator.requests()]
    assert seen[0] == seen[2] != seen[1]
    assert "sk-" not in str(simulator.requests())


def test_uploads_and_long_fields_are_kept_short_and_prompts_whole(
    client: httpx.Client, simulator: RunningSimulator
) -> None:
    client.post(
        "/v1/videos", files={"prompt": (None, "p" * 9000), "input_reference": ("a.png", b"123", "image/png")}
    )
    client.post("/v1/videos", json={"prompt": "x", "input_reference": {"image_url": "data:" + "A" * 5000}})
    first, second = simulator.requests()
    assert first["fields"]["prompt"] == "p" * 9000
    assert first["fields"]["input_reference"]["bytes"] == 3
    assert second["fields"]["input_reference"]["image_url"].endswith("… (5005 characters)")


def test_requests_that_break_off_are_there_too(client: httpx.Client, simulator: RunningSimulator) -> None:
    host, port = client.base_url.host, client.base_url.port
    assert port is not None
    head = f"POST /v1/videos HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n"
    with socket.create_connection((host, port)) as broken:
        broken.sendall(f"{head}content-length: 99\r\n\r\n{{".encode())
    for _ in range(3000):
        if simulator.requests():
            break
        threading.Event().wait(0.01)
    entries = simulator.requests()
    assert entries[0]["problem"] == "the client went away before the body was complete"
    assert simulator.jobs() == []


def test_nothing_is_missing_when_many_connections_are_dropped(tmp_path: Path) -> None:
    log_file = tmp_path / "requests.jsonl"
    settings = SimulatorSettings(
        canned=True, render_seconds=0, log_file=log_file, faults=("create:accept-then-drop@30%",)
    )
    answered: list[str] = []

    def work(simulator: RunningSimulator, worker: int) -> None:
        with httpx.Client(base_url=simulator.base_url, timeout=60) as client:
            for number in range(25):
                try:
                    answer = client.post("/v1/videos", json={"prompt": f"{worker}/{number}"})
                except httpx.TransportError:
                    continue
                answered.append(answer.json()["id"])

    with run_simulator(settings) as simulator:
        threads = [threading.Thread(target=work, args=(simulator, worker)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        entries, jobs = simulator.requests(), simulator.jobs()
    assert {entry["fields"]["prompt"] for entry in entries} == {f"{w}/{n}" for w in range(4) for n in range(25)}
    assert len(entries) == len(jobs) == 100
    assert [entry["job_id"] for entry in sorted(entries, key=lambda entry: entry["job_id"])] == sorted(
        job["id"] for job in jobs
    )
    dropped = {entry["job_id"] for entry in entries if entry["dropped"]}
    assert dropped
    assert dropped == {job["id"] for job in jobs} - set(answered)
    assert read_log(log_file) == entries


def test_a_log_cut_short_by_a_kill_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    log_file = tmp_path / "requests.jsonl"
    with run_simulator(SimulatorSettings(canned=True, log_file=log_file)) as simulator:
        httpx.post(f"{simulator.base_url}/v1/videos", json={"prompt": "x"}, timeout=60)
    whole = read_log(log_file)
    with log_file.open("ab") as file:
        file.write(b'{"event": "received", "seq"')
    assert read_log(log_file) == whole
    assert len(whole) == 1


@pytest.mark.parametrize("spec", ["create:slow=60", "create:accept-then-slow=60"])
def test_the_log_shows_what_is_still_under_way(simulator: RunningSimulator, spec: str) -> None:
    simulator.set_faults([f"{spec}*1"])
    seen = simulator.requests
    create_unanswered(simulator.base_url, "x", (lambda: accepted(seen())) if "accept" in spec else seen)
    (entry,) = simulator.requests()
    assert (entry["status"], entry["job_id"] is not None) == (None, "accept" in spec)


def test_a_long_run_keeps_the_newest_requests_in_memory_and_all_in_its_file(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log.jsonl")
    for _ in range(MOST_KEPT + 5):
        log.received(path="/v1/videos", method="GET")
    kept = log.entries()
    log.close()
    assert [entry["seq"] for entry in (kept[0], kept[-1])] == [6, MOST_KEPT + 5]
    assert len(read_log(tmp_path / "log.jsonl")) == MOST_KEPT + 5
