"""Requests that act, at a real server: once for each key, and only what a token may."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.core.server.conftest import PATIENCE, Machine

from reelwork.ids import new_id
from reelwork.store.commands import SetJob
from reelwork.store.records import HELD
from reelwork.store.requests import RequestRow
from reelwork.store.sqlite.store import SqliteStore

FREE = '[brief]\nprompt = "A harbour at dawn"\nduration = 1\n[provider]\nuse = "preview"\n[posts]\nunasked = true\n'
# Nothing listens there: a request is never sent, and the job waits.
PAID = (
    '[brief]\nprompt = "A harbour at dawn"\nduration = 4\n'
    '[provider]\nuse = "videos-api"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "env:PAID_KEY"\n'
    'model = "sora-2"\nprice_per_second = 0.10\n'
)
PLACES = FREE.replace(
    "duration = 1", 'duration = 1\nreferences = [{source = "shots/{vars.shot}.png"}]\nvars = {shot = "a"}'
)


class Desk:
    """A server that offers three workflows, and a client for each scope."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        for name, text in (("free", FREE), ("paid", PAID), ("places", PLACES)):
            (machine.folder / f"{name}.toml").write_text(text)
        self.tokens = {}
        for scope in ("read", "run", "approve", "admin"):
            done = machine.reelwork("tokens", "add", scope, "--scope", scope, "--json")
            self.tokens[scope] = json.loads(done.stdout)["token"]
        added = machine.reelwork("schedule", "add", "weekly", "free.toml", "--cron", "0 9 * * 1")
        assert added.returncode == 0, added.stderr
        self.server = machine.start("serve", "--port", "0", PAID_KEY="sk-of-nobody-1234567890").until_ready()

    def post(self, path: str, document: Any, scope: str = "run", key: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[scope]}", "idempotency-key": key or new_id()}
        return self.server.client.post(f"/api/v1{path}", json=document, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        return self.server.client.get(f"/api/v1{path}", params=query).json()

    def until(self, job: str, status: str) -> Any:
        """Wait until a job has a status."""
        # On a busy machine a job may have to wait for the lease of a step that a person's decision cut off.
        ends = time.monotonic() + 2 * PATIENCE
        while (found := self.get(f"/jobs/{job}"))["status"] != status:
            assert time.monotonic() < ends, found
            time.sleep(0.1)
        return found

    def jobs_of(self, document: Any) -> list[Any]:
        return self.get("/jobs", run=document["run"])["items"]


@pytest.fixture(scope="module")
def desk(new_machine: Callable[[], Machine]) -> Desk:
    return Desk(new_machine())


def test_a_workflow_is_started_by_its_name_and_driven_to_its_end(desk: Desk) -> None:
    assert desk.get("/workflows")["items"] == [{"name": name} for name in ("free", "paid", "places")]
    asked = {"workflow": "free", "prompt": "A lighthouse in the rain", "brief": {"title": "Rain"}}
    answer = desk.post("/runs", asked)
    assert answer.status_code == 201, answer.text
    (job,) = answer.json()["jobs"]
    done = desk.until(job, "done")
    assert (done["run"], done["data"]["brief"]["title"]) == (answer.json()["run"], "Rain")
    assert done["data"]["brief"]["prompt"] == asked["prompt"]


def test_rows_make_a_video_each(desk: Desk) -> None:
    rows = [{"id": "one", "prompt": "Tea, poured slowly"}, {"id": "two", "prompt": "Coffee, poured slowly"}]
    answer = desk.post("/runs", {"workflow": "free", "rows": rows})
    assert answer.status_code == 201, answer.text
    assert sorted(job["row"] for job in desk.jobs_of(answer.json())) == ["one", "two"]
    wrong = desk.post("/runs", {"workflow": "free", "rows": [{"prompt": "Tea, poured slowly", "durration": 3}]})
    assert wrong.status_code == 422
    assert "rows, line" in wrong.json()["detail"]
    assert str(desk.machine.folder) not in wrong.text


def test_a_request_that_is_sent_again_acts_once_and_gets_the_same_answer(desk: Desk) -> None:
    key, asked = new_id(), {"workflow": "free"}
    first = desk.post("/runs", asked, key=key)
    again = desk.post("/runs", asked, key=f'"{key}"')
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert len(desk.jobs_of(first.json())) == 1
    other = desk.post("/runs", {"workflow": "free", "prompt": "Another harbour"}, key=key)
    assert (other.status_code, other.json()["errors"][0]["header"]) == (422, "Idempotency-Key")
    # Another token's keys are its own.
    assert desk.post("/runs", asked, "admin", key).json()["run"] != first.json()["run"]


def test_many_at_once_with_one_key_act_once(desk: Desk) -> None:
    key = new_id()
    before = len(desk.get("/runs", limit=500)["items"])
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: desk.post("/runs", {"workflow": "free"}, key=key), range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert len(desk.get("/runs", limit=500)["items"]) == before + 1


def test_one_in_work_elsewhere_waits_and_is_taken_over_once_its_process_has_ended(desk: Desk) -> None:
    key, asked = new_id(), {"workflow": "free"}
    refused = desk.post("/runs", {**asked, "agree": {"cost": "-1"}}, key=key)
    assert refused.status_code == 422
    store = SqliteStore(desk.machine.store)
    other = store.register()
    # As a server leaves it that is killed in the middle: the hash of what was asked is that of the same request.
    asked_for = _hash_of(desk, store, asked)
    row = RequestRow("run", key, asked_for, other.name, time.time())
    assert asyncio.run(store.claim_request(row)) is None
    waits = desk.post("/runs", asked, key=key)
    assert (waits.status_code, waits.headers["retry-after"]) == (409, "1")
    other.close()
    store.close()
    done = desk.post("/runs", asked, key=key)
    assert done.status_code == 201, done.text
    assert desk.post("/runs", asked, key=key).content == done.content


def _hash_of(desk: Desk, store: SqliteStore, asked: Any) -> str:
    key = new_id()
    assert desk.post("/runs", asked, key=key).status_code == 201
    known = asyncio.run(store.claim_request(RequestRow("run", key, "", "", time.time())))
    assert known is not None
    return known.asked


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{}"}, 415),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b'{"prompt": "\\ud800"}', "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"[]", "headers": {"content-type": "application/json"}}, 422),
        ({"json": {"workflw": "free"}}, 422),
        ({"json": {"workflow": "free"}, "headers": {"idempotency-key": ""}}, 400),
        ({"json": {"workflow": "free"}, "headers": {"idempotency-key": "a b"}}, 400),
        ({"json": {"prompt": "x" * 4_000_001}}, 413),
    ],
)
def test_what_cannot_be_done_changes_nothing(desk: Desk, sent: Any, status: int) -> None:
    headers = {"authorization": f"Bearer {desk.tokens['run']}", **sent.pop("headers", {})}
    answer = desk.server.client.post("/api/v1/runs", headers={"idempotency-key": new_id(), **headers}, **sent)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"prompt": "A harbour at dawn"},
        {"workflow": "free", "settings": {"provider": {"use": "videos-api"}}},
        {"workflow": "free", "settings": {"plugins": {"add": ["evil.py"]}}},
        {"workflow": "free", "brief": {"references": [{"source": "/etc/passwd"}]}},
        {"workflow": "free", "brief": {"input_reference": "https://evil.example/a.png"}},
        {"workflow": "free", "brief": {"webhook": "https://evil.example"}},
        {"workflow": "free", "brief": {"webhook_url": "https://evil.example"}},
        {"workflow": "free", "brief": {"options": {"image": "/etc/passwd"}}},
        {"workflow": "free", "brief": {"destinations": {"gallery": {"thumbnail": "/etc/passwd"}}}},
        {"workflow": "free", "rows": [{"prompt": "A harbour at dawn", "references": "/etc/passwd"}]},
        {"workflow": "free", "rows": [{"prompt": "A harbour at dawn", "Webhook": "https://evil.example"}]},
        {"workflow": "free", "rows": [{"prompt": "A harbour at dawn", "destinations.gallery.title": "x"}]},
        {"workflow": "places", "vars": {"shot": "../../secret"}},
        {"workflow": "places", "brief": {"vars": {"shot": "../../secret"}}},
        {"workflow": "places", "rows": [{"prompt": "A harbour at dawn", "vars.shot": "../../secret"}]},
    ],
)
def test_with_the_scope_run_no_file_address_plugin_or_secret_can_be_named(desk: Desk, asked: Any) -> None:
    for path in ("/runs", "/plans"):
        answer = desk.post(path, asked)
        assert answer.status_code == 403, (path, answer.text)
        assert "admin" in answer.json()["detail"] + answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("name", ["../free", "free.toml", "/etc/passwd", "", ".", "reelwork", "FREE"])
def test_a_workflow_is_named_and_not_addressed(desk: Desk, name: str) -> None:
    for scope in ("run", "admin"):
        assert desk.post("/runs", {"workflow": name}, scope).status_code == 404


def test_with_the_scope_run_the_time_of_a_post_can_be_set(desk: Desk) -> None:
    at = "2099-01-05T18:00:00+01:00"
    for asked in ({"brief": {"publish_at": at}}, {"rows": [{"prompt": "A harbour at dawn", "publish_at": at}]}):
        answer = desk.post("/plans", {"workflow": "free", **asked})
        assert (answer.status_code, at in answer.text) == (200, True), answer.text


def test_an_admin_sets_what_a_workflow_sets(desk: Desk) -> None:
    asked = {"prompt": "A harbour at dawn", "settings": {"provider": {"use": "preview"}, "brief": {"duration": 1}}}
    answer = desk.post("/plans", asked, "admin")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["provider"], answer.json()["jobs"][0]["spec"]["duration"]) == ("preview", 1)
    assert answer.json() == desk.post("/plans", asked, "admin").json()


def test_money_is_spent_only_once_somebody_has_agreed(desk: Desk) -> None:
    asked = {"workflow": "paid"}
    plan = desk.post("/plans", asked).json()
    refused = desk.post("/runs", asked)
    assert (refused.status_code, f"${plan['cost']}" in refused.json()["detail"]) == (409, True)
    needed = json.loads(refused.json()["hint"].removeprefix("Agree to it: "))
    assert Decimal(needed["agree"]["cost"]) == Decimal(plan["cost"]) == Decimal("0.40")
    assert desk.post("/runs", {**asked, "agree": {"cost": "0.39"}}).status_code == 409
    assert desk.get("/jobs", search="videos-api")["items"] == []
    started = desk.post("/runs", {**asked, **needed})
    assert started.status_code == 201, started.text
    (job,) = started.json()["jobs"]
    assert desk.post(f"/jobs/{job}/cancel", {}).status_code == 403
    key = new_id()
    ended = desk.post(f"/jobs/{job}/cancel", {}, "approve", key)
    assert ended.json() == {"job": job, "run": started.json()["run"], "decision": "cancelled"}
    assert desk.until(job, "cancelled")["reason"] == "cancelled by a person"
    assert desk.post(f"/jobs/{job}/cancel", {}, "approve", key).content == ended.content
    twice = desk.post(f"/jobs/{job}/cancel", {}, "approve")
    assert (twice.status_code, "is cancelled already" in twice.json()["detail"]) == (422, True)


def test_held_and_refused_jobs_go_on_when_somebody_says_so(desk: Desk) -> None:
    (job,) = desk.post("/runs", {"workflow": "paid", "agree": {"cost": "1"}}).json()["jobs"]
    desk.post(f"/jobs/{job}/cancel", {}, "approve")
    assert desk.post(f"/jobs/{job}/resume", {}, "approve").status_code == 409
    store = SqliteStore(desk.machine.store)
    assert asyncio.run(store.decide(job, SetJob(HELD, "submit", None, "held in a test")))
    key = new_id()
    resumed = desk.post(f"/jobs/{job}/resume", {}, "approve", key)
    assert (resumed.status_code, resumed.json()["decision"]) == (200, "resumed")
    assert "resumed" in [event["name"] for event in desk.until(job, "failed")["events"]]
    assert asyncio.run(store.decide(job, SetJob(HELD, "submit-again", None, "its render failed")))
    assert desk.post(f"/jobs/{job}/resume", {}, "approve", key).content == resumed.content
    assert desk.get(f"/jobs/{job}")["status"] == "held"
    assert desk.post(f"/jobs/{job}/resume", {}, "approve").status_code == 409
    unpaid = desk.post(f"/jobs/{job}/retry", {}, "approve")
    assert (unpaid.status_code, "new render" in unpaid.json()["detail"]) == (409, True)
    assert desk.post(f"/jobs/{job}/retry", {"cost": "0.40"}, "approve").json()["decision"] == "retried"
    desk.post(f"/jobs/{job}/cancel", {}, "approve")
    store.close()


def test_schedules_are_paused_fired_and_removed(desk: Desk) -> None:
    assert desk.post("/schedules/weekly/pause", {"note": "holidays"}).status_code == 403
    key = new_id()
    paused = desk.post("/schedules/weekly/pause", {"note": "holidays"}, "approve", key)
    assert paused.json() == {"schedule": "weekly", "done": "paused"}
    assert desk.get("/schedules/weekly")["paused"] == {"note": "holidays", "until": None}
    assert desk.post("/schedules/weekly/resume", {}, "approve").status_code == 200
    # Sent again, it pauses nothing anew.
    assert desk.post("/schedules/weekly/pause", {"note": "holidays"}, "approve", key).content == paused.content
    assert desk.get("/schedules/weekly")["paused"] is None
    twice = desk.post("/schedules/weekly/resume", {}, "approve")
    assert (twice.status_code, "is not paused" in twice.json()["detail"]) == (422, True)
    key = new_id()
    fired = desk.post("/schedules/weekly/run-now", {}, key=key)
    assert fired.status_code == 201, fired.text
    assert desk.post("/schedules/weekly/run-now", {}, key=key).content == fired.content
    slots = desk.get("/schedules/weekly")["slots"]
    assert [(slot["key"], slot["run"]) for slot in slots] == [(fired.json()["key"], fired.json()["run"])]
    (job,) = desk.jobs_of(fired.json())
    desk.until(job["id"], "done")
    admin = {"authorization": f"Bearer {desk.tokens['admin']}"}
    removed = desk.server.client.delete("/api/v1/schedules/weekly", headers=admin)
    assert (removed.status_code, removed.json()["removed"]["name"]) == (200, "weekly")
    assert desk.get("/schedules")["items"] == []
