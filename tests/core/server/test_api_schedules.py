"""Schedules that are added over the API, at a real server: by the name of a workflow, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.core.server.conftest import Machine

from reelwork.ids import new_id

FREE = '[brief]\nprompt = "A harbour at dawn"\nduration = 1\n[provider]\nuse = "preview"\n[posts]\nunasked = true\n'
TIMED = f'{FREE}[schedule]\ncron = "30 7 * * 1-5"\ntz = "Europe/Berlin"\noverlap = "skip"\n'
PAID = (
    '[brief]\nprompt = "A harbour at dawn"\nduration = 4\n[budget]\nper_day = 1.00\nper_job = 5\n'
    '[provider]\nuse = "videos-api"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "env:PAID_KEY"\n'
    'model = "sora-2"\nprice_per_second = 0.10\n'
)
DEAR = PAID.replace("[budget]\nper_day = 1.00\nper_job = 5\n", "")
MONDAYS = {"cron": "0 9 * * 1", "tz": "Europe/Berlin"}


class Desk:
    """A server that offers four workflows, and a client for each scope."""

    def __init__(self, machine: Machine) -> None:
        for name, text in (("free", FREE), ("timed", TIMED), ("paid", PAID), ("dear", DEAR)):
            (machine.folder / f"{name}.toml").write_text(text)
        (machine.folder / "rows.csv").write_text("prompt\nA heron\n")
        self.tokens = {}
        for scope in ("read", "run", "approve", "admin"):
            done = machine.reelwork("tokens", "add", scope, "--scope", scope, "--json")
            self.tokens[scope] = json.loads(done.stdout)["token"]
        self.server = machine.start("serve", "--port", "0", PAID_KEY="sk-of-nobody-1234567890").until_ready()

    def add(self, document: Any, scope: str = "run", key: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[scope]}", "idempotency-key": key or new_id()}
        return self.server.client.post("/api/v1/schedules", json=document, headers=headers)

    def names(self) -> list[str]:
        return [one["name"] for one in self.server.client.get("/api/v1/schedules").json()["items"]]


@pytest.fixture(scope="module")
def desk(new_machine: Callable[[], Machine]) -> Desk:
    return Desk(new_machine())


def test_a_workflow_is_scheduled_by_its_name_once_for_each_key(desk: Desk) -> None:
    key, asked = new_id(), {"name": "weekly", "workflow": "free", **MONDAYS}
    first = desk.add(asked, key=key)
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["cron"], told["tz"], told["agreed"], told["notes"]) == ("0 9 * * 1", "Europe/Berlin", None, [])
    assert told["next"]["zone"] == "Europe/Berlin"
    again = desk.add(asked, key=key)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    assert desk.add({**asked, "cron": "0 8 * * 1"}, key=key).status_code == 422
    story = desk.server.client.get("/api/v1/schedules/weekly").json()
    assert {name: story[name] for name in told if name != "notes"} == {
        name: told[name] for name in told if name != "notes"
    }
    taken = desk.add(asked)
    assert (taken.status_code, "There is a schedule named 'weekly'." in taken.json()["detail"]) == (409, True)
    assert desk.add({**asked, "change": True}).status_code == 403
    changed = desk.add({**asked, "cron": "0 8 * * 1", "change": True}, "admin")
    assert (changed.status_code, changed.json()["cron"]) == (201, "0 8 * * 1")


def test_the_workflow_says_when_unless_the_caller_does(desk: Desk) -> None:
    own = desk.add({"name": "own", "workflow": "timed"}).json()
    assert (own["cron"], own["tz"], own["overlap"]) == ("30 7 * * 1-5", "Europe/Berlin", "skip")
    other = desk.add({"name": "other", "workflow": "timed", "every": "6h", "missed": "all"}).json()
    assert (other["cron"], other["every"], other["overlap"], other["missed"]) == (None, "6h", "skip", "all")
    none = desk.add({"name": "never", "workflow": "free"})
    assert none.status_code == 422, none.text


@pytest.mark.parametrize(
    ("asked", "scope", "status"),
    [
        ({"workflow": "../free"}, "run", 404),
        ({"workflow": "free.toml"}, "admin", 404),
        ({"workflow": "/etc/passwd"}, "admin", 404),
        ({"workflow": "rows"}, "run", 404),
        ({"file": "/etc/passwd"}, "run", 422),
        ({"settings": {"provider": {"use": "fal"}}}, "run", 422),
        ({"ping": "https://evil.example/x"}, "run", 403),
        ({"ping": "env:PAID_KEY"}, "run", 403),
        ({"name": "a/b"}, "run", 422),
        ({"cron": "0 9 * *"}, "run", 422),
        ({"tz": "Mars/Olympus"}, "run", 422),
        ({"at": "2020-01-01T00:00", "cron": None}, "run", 422),
        ({}, "read", 403),
        ({}, "approve", 403),
    ],
)
def test_nothing_else_can_be_named(desk: Desk, asked: Any, scope: str, status: int) -> None:
    before = desk.names()
    answer = desk.add({"name": "evil", "workflow": "free", **MONDAYS, **asked}, scope)
    assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
    assert desk.names() == before


def test_each_firing_is_agreed_to_by_the_workflow_or_the_caller(desk: Desk) -> None:
    asked = {"name": "dear", "workflow": "dear", **MONDAYS}
    refused = desk.add(asked)
    assert (refused.status_code, refused.json()["needs"]) == (409, {"agree": {"cost": "0.4"}})
    assert "dear" not in desk.names()
    added = desk.add({**asked, "agree": {"cost": "0.60"}})
    assert (added.status_code, added.json()["agreed"]) == (201, {"cost": "0.60", "public": []})
    # A day's budget that has room for two of the four firings a day: said when it is added.
    short = desk.add({"name": "often", "workflow": "paid", "every": "6h"})
    assert (short.status_code, short.json()["agreed"]) == (201, None), short.text
    assert "has room for 2" in short.json()["notes"][0]
