"""Webhooks at real servers: with the simulator that sends them, with two servers on one store, and with a kill."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import standardwebhooks
from prometheus_client.parser import text_string_to_metric_families
from tests.core.server.conftest import PATIENCE, Machine, Running

from reelwork_plugins.simulator import SimulatorSettings, run_simulator

SECRET = f"whsec_{base64.b64encode(b'k' * 24).decode()}"
HOOK = {"HOOK_SECRET": SECRET}
# Polling alone would take ten minutes: what ends before that was told by a webhook.
SLOW = 600
FLOW = """
[brief]
duration = 4
[provider]
use = "videos-api"
base_url = "{videos}"
model = "sora-2"
poll_interval = {slow}
[plugins]
prompt_transform = []
post_download = []
publish = []
"""


def with_webhooks(machine: Machine) -> Machine:
    (machine.folder / "reelwork.toml").write_text(
        '[webhooks_in.sora]\nscheme = "standard"\nsecrets = ["env:HOOK_SECRET"]\n', encoding="utf-8"
    )
    return machine


def counted(server: Running) -> dict[str, float]:
    families = text_string_to_metric_families(server.client.get("/metrics").text)
    samples = [
        sample for family in families for sample in family.samples if sample.name == "reelwork_webhooks_total"
    ]
    return {sample.labels["outcome"]: sample.value for sample in samples}


def signed(body: str, id_: str) -> dict[str, str]:
    at = datetime.now(UTC).replace(microsecond=0)
    signature = standardwebhooks.Webhook(SECRET).sign(id_, at, body)
    return {"webhook-id": id_, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def until(wanted: Callable[[], Any], told: Running) -> Any:
    ends = time.monotonic() + PATIENCE
    while not (found := wanted()):
        assert time.monotonic() < ends, told.text
        time.sleep(0.05)
    return found


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("", {"accepted": 1}),
        ("create:accept-then-slow=6", {"unknown": 1}),
        ("webhook:duplicate", {"accepted": 1, "duplicate": 1}),
        ("webhook:forged", {"accepted": 1, "forged": 6}),
    ],
    ids=["in time", "earlier than the answer", "twice", "forged"],
)
def test_a_video_is_fetched_when_the_webhook_says_so(
    machine: Machine, fault: str, expected: dict[str, int]
) -> None:
    server = with_webhooks(machine).start(**HOOK).until_ready()
    settings = SimulatorSettings(
        canned=True, render_seconds=4, webhook=f"{server.url}/webhooks/sora", webhook_secret=SECRET,
        faults=(fault,) if fault else (),
    )  # fmt: skip
    with run_simulator(settings) as videos:
        (machine.folder / "flow.toml").write_text(FLOW.format(videos=videos.base_url + "/v1", slow=SLOW))
        # This process drives its job itself: a webhook that the server took is seen by every process on the store.
        done = machine.reelwork("run", "a calm sea", "--workflow", "flow.toml", "--yes", "--json", **HOOK)
        assert done.returncode == 0, done.stderr
        polls = [one for one in videos.requests(method="GET") if one["path"].startswith("/v1/videos/video_")]
        # The simulator tries a forged one again, as it would a true one, and counts on for a while.
        until(lambda: counted(server) == expected, server)
    # One poll, if the service asks for it, before the video is done; the next would be minutes later.
    assert len([one for one in polls if not one["path"].endswith("/content")]) <= 2, polls
    assert server.stop()[0] == 0


def test_two_servers_on_one_store_hear_each_webhook_once(machine: Machine) -> None:
    with_webhooks(machine)
    servers = [machine.start(**HOOK).until_ready() for _ in range(2)]
    bodies = [json.dumps({"data": {"id": f"v{at}"}}) for at in range(40)]
    answers: list[int] = []

    def send(server: Running) -> None:
        for at, body in enumerate(bodies):
            answers.append(
                server.client.post("/webhooks/sora", content=body, headers=signed(body, f"m{at}")).status_code
            )

    threads = [threading.Thread(target=send, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [204] * 80
    outcomes = [counted(server) for server in servers]
    assert sum(one.get("unknown", 0) for one in outcomes) == 40
    assert sum(one.get("duplicate", 0) for one in outcomes) == 40


def test_a_kill_between_receipt_and_commit_lets_the_sender_send_it_again(machine: Machine) -> None:
    server = with_webhooks(machine).start(**HOOK).until_ready()
    body, outcome = json.dumps({"data": {"id": "v1"}}), []

    def send() -> None:
        try:
            outcome.append(
                server.client.post("/webhooks/sora", content=body, headers=signed(body, "m1")).status_code
            )
        except httpx.TransportError:
            outcome.append(0)

    with closing(sqlite3.connect(machine.store, isolation_level=None)) as other:
        # Nobody else can commit now, so the webhook is received and waits.
        other.execute("BEGIN IMMEDIATE")
        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(1.0)
        assert outcome == []
        server.kill()
        sender.join(PATIENCE)
        assert outcome == [0]
        other.execute("ROLLBACK")
        assert other.execute("SELECT count(*) FROM webhooks_seen").fetchone() == (0,)
        again = machine.start(**HOOK).until_ready()
        assert again.client.post("/webhooks/sora", content=body, headers=signed(body, "m1")).status_code == 204
        assert other.execute("SELECT count(*) FROM webhooks_seen").fetchone() == (1,)
        assert other.execute("SELECT name FROM hints").fetchall() == [("render v1",)]
    assert counted(again) == {"unknown": 1}


def test_serve_checks_its_webhooks_before_it_starts(machine: Machine) -> None:
    with_webhooks(machine)
    for command in (("serve", "--check"), ("serve", "--port", "0")):
        refused = machine.reelwork(*command)
        assert refused.returncode == 2, refused.stdout
        assert "HOOK_SECRET is not set" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert machine.reelwork("serve", "--check", **HOOK).returncode == 0
    # What is the server's is no part of a workflow.
    assert machine.reelwork("plan", "a calm sea").returncode == 0


def test_webhooks_have_an_address_where_nothing_else_is_answered(machine: Machine) -> None:
    server = with_webhooks(machine).start("serve", "--port", "0", "--webhooks-listen", "127.0.0.1:0", **HOOK)
    server.until_ready()
    found = until(lambda: re.search(r"^Taking webhooks at (\S+)/webhooks/NAME", server.text, re.MULTILINE), server)
    body = json.dumps({"data": {"id": "v1"}})
    with httpx.Client(base_url=found[1], trust_env=False, timeout=PATIENCE) as client:
        called = {"host": "studio.example.com"}
        answer = client.post("/webhooks/sora", content=body, headers={**signed(body, "m1"), **called})
        assert answer.status_code == 204
        assert client.post("/webhooks/sora", content=body, headers=called).status_code == 401
        for path in ("/", "/healthz", "/metrics", "/api/v1/jobs", "/api/v1/openapi.json", "/webhooks"):
            assert client.get(path, headers=called).status_code == 404, path
    assert counted(server) == {"unknown": 1, "forged": 1}
    assert server.stop()[0] == 0
    for wrong in ("8687", "127.0.0.1", "127.0.0.1:8687/x", "a:b", "[::1"):
        refused = machine.reelwork("serve", "--check", "--webhooks-listen", wrong, **HOOK)
        assert (refused.returncode, "--webhooks-listen" in refused.stderr) == (2, True), refused.stderr
