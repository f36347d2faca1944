"""The acts of persons on the pages of a real server: starting a workflow, moving a post, dealing with failures."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.core.server.conftest import PATIENCE, Machine, Running

from reelwork.ids import new_id

HARBOUR = """
[brief]
prompt = "Fishing boats leaving a small harbour at dawn"
duration = 1
[plugins]
publish = ["gallery"]
"""
PAID = """
[brief]
duration = 4
[provider]
use = "videos-api"
base_url = "http://127.0.0.1:9/v1"
price_per_second = 0.1
[plugins]
publish = []
"""
TIMED = """
[brief]
duration = 1
publish_at = "{at}"
[plugins]
publish = ["gallery"]
"""
SMALL = ("--provider", "preview", "--duration", "1", "--yes", "--no-sheet")


@pytest.fixture(scope="module")
def machine(new_machine: Callable[[], Machine]) -> Machine:
    made = new_machine()
    (made.folder / "harbour.toml").write_text(HARBOUR, encoding="utf-8")
    (made.folder / "paid.toml").write_text(PAID, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def server(machine: Machine) -> Running:
    return machine.start().until_ready()


def person(machine: Machine, server: Running, name: str, *scopes: str) -> dict[str, str]:
    """The headers of a person at a page of the server."""
    made = machine.reelwork("tokens", "add", name, *(word for one in scopes for word in ("--scope", one)))
    found = re.search(r"rwt_\S+", made.stdout)
    assert found is not None, made.stdout + made.stderr
    return {"sec-fetch-site": "same-origin", "origin": server.url, "authorization": f"Bearer {found[0]}"}


@pytest.fixture(scope="module")
def ana(machine: Machine, server: Running) -> dict[str, str]:
    return person(machine, server, "ana", "run", "approve")


def rows(machine: Machine, text: str) -> list[Any]:
    with closing(sqlite3.connect(machine.store)) as db:
        return db.execute(text).fetchall()


def until(wanted: Callable[[], Any], server: Running) -> Any:
    ends = time.monotonic() + PATIENCE
    while not (found := wanted()):
        assert time.monotonic() < ends, server.text
        time.sleep(0.05)
    return found


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the form that says yes."""
    form = page[page.index('action="/start"') :]
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[: form.index("</form>")]))


def test_a_workflow_is_started_with_a_yes_to_its_plan_and_once(
    machine: Machine, server: Running, ana: dict[str, str]
) -> None:
    assert "sign in" in server.client.get("/start").text
    assert "<option>harbour</option>" in server.client.get("/start", headers=ana).text
    before = len(rows(machine, "SELECT id FROM jobs"))
    told = {"workflow": "harbour", "prompt": "A harbour <b>at dusk</b>", "duration": "1.5", "caption": "Ahoy"}
    plan = server.client.post("/start/plan", data=told, headers=ana)
    assert plan.status_code == 200, plan.text
    assert "A harbour &lt;b&gt;at dusk" in plan.text
    assert "Make it, free" in plan.text
    assert len(rows(machine, "SELECT id FROM jobs")) == before
    yes = hidden(plan.text)
    assert yes["caption"] == "Ahoy"
    unkeyed = server.client.post("/start", data={**yes, "key": ""}, headers=ana)
    assert (unkeyed.status_code, "Look at the plan first" in unkeyed.text) == (400, True)
    answers = [server.client.post("/start", data=yes, headers=ana) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]
    # The button pressed twice leads to the same job.
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert len(rows(machine, "SELECT id FROM jobs")) == before + 1
    job = answers[0].headers["location"].removeprefix("/jobs/")
    until(lambda: rows(machine, f"SELECT 1 FROM jobs WHERE id = '{job}' AND status = 'done'"), server)


def test_what_costs_needs_a_yes_to_that_price(machine: Machine, server: Running, ana: dict[str, str]) -> None:
    told = {"workflow": "paid", "prompt": "A harbour at dusk", "title": "Mine"}
    plan = server.client.post("/start/plan", data=told, headers=ana)
    assert "Make it for $0.40" in plan.text, plan.text
    before = rows(machine, "SELECT count(*) FROM jobs")
    # A form that says less, as when the price has risen since: the form again, with what was typed.
    less = server.client.post("/start", data={**hidden(plan.text), "cost": "0.39"}, headers=ana)
    assert less.status_code == 409
    assert "Nobody has agreed to that" in less.text
    assert 'value="Mine"' in less.text
    assert rows(machine, "SELECT count(*) FROM jobs") == before


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"workflow": "nobody", "prompt": "A harbour at dusk"}, "nobody"),
        ({"workflow": "../harbour", "prompt": "A harbour at dusk"}, "harbour"),
        ({"workflow": "harbour", "duration": "long"}, "duration"),
        ({}, "workflow"),
    ],
)
def test_what_cannot_be_is_said_on_the_form(
    server: Running, ana: dict[str, str], form: dict[str, str], words: str
) -> None:
    for path in ("/start/plan", "/start"):
        answer = server.client.post(path, data={**form, "key": new_id()}, headers=ana)
        assert 400 <= answer.status_code < 500, answer.text
        assert "Not started." in answer.text
        assert words in answer.text


def test_nobody_acts_from_elsewhere_or_without_the_right(server: Running, ana: dict[str, str]) -> None:
    for path in ("/start", "/start/plan", "/jobs/none/move", "/failures/dealt-with"):
        assert server.client.post(path, data={"workflow": "harbour"}).status_code == 401
        evil = {**ana, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert server.client.post(path, data={"workflow": "harbour"}, headers=evil).status_code == 403


def test_a_post_is_moved_once_as_it_was_seen(machine: Machine, server: Running, ana: dict[str, str]) -> None:
    at = (datetime.now().astimezone() + timedelta(days=2)).replace(second=0, microsecond=0)
    (machine.folder / "timed.toml").write_text(TIMED.format(at=at.isoformat()), encoding="utf-8")
    plan = server.client.post(
        "/start/plan", data={"workflow": "timed", "prompt": "A lighthouse at dawn"}, headers=ana
    )
    job = (
        server.client.post("/start", data=hidden(plan.text), headers=ana).headers["location"].removeprefix("/jobs/")
    )
    waits = f"SELECT fence FROM jobs WHERE id = '{job}' AND reason LIKE '%is posted%' AND owner IS NULL"
    until(lambda: rows(machine, waits), server)
    page = server.client.get(f"/calendar?month={at:%Y-%m}", headers=ana).text
    form = re.search(rf'action="/jobs/{job}/move">(.*?)</form>', page)
    assert form is not None
    fields = dict(re.findall(r'name="(fence|destination)" value="([^"]*)"', form[1]))
    to = at + timedelta(days=1, hours=1)
    move = {**fields, "day": f"{to:%Y-%m-%d}", "hour": f"{to:%H:%M}"}
    address = f"/jobs/{job}/move"
    past = server.client.post(address, data={**move, "day": "2020-01-01"}, headers=ana)
    assert "has passed" in past.text
    assert server.client.post(address, data=move, headers=ana).status_code == 303
    # The same form again is about a job that has moved since.
    stale = server.client.post(address, data=move, headers=ana)
    assert (stale.status_code, "has changed" in stale.text) == (409, True)
    told = f"SELECT 1 FROM jobs WHERE id = '{job}' AND owner IS NULL AND reason LIKE '%{to:%Y-%m-%d %H:%M}%'"
    until(lambda: rows(machine, told.replace(f"{to:%Y-%m-%d %H:%M}", f"{to:%H:%M}")), server)
    [(data,)] = rows(machine, f"SELECT data FROM jobs WHERE id = '{job}'")
    assert datetime.fromisoformat(json.loads(data)["brief"]["publish_at"]) == to
    assert ("moved",) in rows(machine, f"SELECT name FROM events WHERE job_id = '{job}'")
    # To a moment from now: it is posted then.
    [(fence,)] = until(lambda: rows(machine, waits), server)
    soon = datetime.now().astimezone() + timedelta(seconds=3)
    again = {**move, "fence": str(fence), "hour": f"{soon:%H:%M:%S}", "day": f"{soon:%Y-%m-%d}"}
    moved = server.client.post(address, data=again, headers=ana)
    assert moved.status_code == 303, moved.text
    until(lambda: rows(machine, f"SELECT 1 FROM jobs WHERE id = '{job}' AND status = 'done'"), server)
    assert server.client.post(address, data=again, headers=ana).status_code == 409


def test_failures_are_dealt_with_and_come_back_when_they_happen_again(new_machine: Callable[[], Machine]) -> None:
    machine = new_machine()
    server = machine.start().until_ready()
    ben = person(machine, server, "ben", "approve")
    for at in range(2):
        ran = machine.reelwork("run", f"A calm sea at dawn {at}", *SMALL)
        assert ran.returncode == 0, ran.stderr
    ids = [one for (one,) in rows(machine, "SELECT id FROM jobs ORDER BY seq")]

    def fail(job: str, at: float) -> None:
        with closing(sqlite3.connect(machine.store)) as db, db:
            text = "UPDATE jobs SET status = 'failed', reason = ?, updated_at = ? WHERE id = ?"
            db.execute(text, (f"the network was down at {at}", at, job))

    def shown() -> tuple[str, dict[str, str]]:
        page = server.client.get("/", headers=ben).text
        return page, dict(re.findall(r'name="(cause|until)" value="([^"]*)"', page))

    fail(ids[0], time.time() - 60)
    page, fields = shown()
    assert "the network was down" in page
    # Another job fails for the same cause before the button is pressed: nobody has seen that.
    fail(ids[1], time.time() - 1)
    answer = server.client.post("/failures/dealt-with", data=fields, headers=ben)
    assert answer.status_code == 303, answer.text
    page, fields = shown()
    assert f"/jobs/{ids[1]}" in page
    assert server.client.post("/failures/dealt-with", data=fields, headers=ben).status_code == 303
    page, fields = shown()
    assert "Dealt with: 1 cause" in page
    assert "by ben" in page
    assert fields == {}
    assert rows(machine, "SELECT by FROM dealt_with") == [("ben",)]
    fail(ids[0], time.time())
    assert shown()[1] != {}
    wrong = server.client.post("/failures/dealt-with", data={"cause": "x", "until": "nan"}, headers=ben)
    assert wrong.status_code == 422
