"""Brands at a server: a token of one brand sees and acts on nothing of another, at any address."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelwork.credentials.accounts import Accounts
from reelwork.errors import NotReviewer
from reelwork.ids import new_id
from reelwork.plugins.catalog import Catalog
from reelwork.schedules import keeping
from reelwork.schedules.spec import Spec
from reelwork.server import tokens
from reelwork.server.access import Exposure
from reelwork.server.api.events import _Stream
from reelwork.server.app import OPERATIONS, create_app
from reelwork.server.meters import Meters
from reelwork.server.offered import Offered
from reelwork.server.operations import Operation, Served
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.server.sessions import make_link
from reelwork.store.post_stops import PostStop, brand_scope
from reelwork.store.records import JobRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.decisions import resolve
from reelwork.studio.post_review import Answer, approve
from reelwork.studio.review_view import post_review_of
from reelwork.studio.session import Session
from reelwork.studio.studio import Studio

BRANDS = ("acme", "bolt")
SETTINGS = "".join(f'[brands.{brand}]\nreviewers = ["{brand}-approve", "ana"]\n' for brand in BRANDS)
FLOW = """
name = "flow-of-{brand}"
brand = "{brand}"
[review]
always = true
[brief]
prompt = "Prompt of {brand}, at dawn"
caption = "Caption of {brand}"
duration = 0.5
resolution = "480p"
"""
OWN = {"origin": "http://127.0.0.1:8686", "sec-fetch-site": "same-origin"}


@dataclass
class Agency:
    """A store with a job in review, a stop and a schedule of each of two brands, and tokens for each."""

    folder: Path
    store: SqliteStore
    jobs: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def row(self, brand: str) -> JobRow:
        found = self.store.job(self.jobs[brand])
        assert found is not None
        return found

    def ask(self, method: str, path: str, token: str, **sent: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            pulse = Pulse(ServiceManager({}))
            pulse.beat()
            async with Session(self.store, Catalog()) as session:
                meters = Meters(self.store, Accounts(self.folder / "none.json"))
                offered = Offered(self.folder)
                exposure = Exposure(reaches_others=True, any_name=True)
                served = Served(self.store, exposure, pulse, meters, offered, session=session, owner="1-me")
                # What would stream for ever ends once it has told what there is.
                served.stopping.set()
                headers = {"authorization": f"Bearer {self.tokens[token]}", "idempotency-key": new_id()}
                transport = httpx.ASGITransport(create_app(served))
                async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8686") as client:
                    return await client.request(method, path, headers={**headers, **OWN}, **sent)

        return asyncio.run(asked())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    folder = tmp_path_factory.mktemp("agency")
    (folder / "reelwork.toml").write_text(SETTINGS)
    agency = Agency(folder, SqliteStore(folder / "store.db"))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for brand in BRANDS:
            (folder / f"flow-{brand}.toml").write_text(FLOW.format(brand=brand))
            studio = Studio(str(folder / f"flow-{brand}.toml"), store=folder / "store.db")
            agency.jobs[brand] = studio.run_sync().jobs[0].id
            now = time.time()
            spec = Spec(str(folder / f"flow-{brand}.toml"), folder=str(folder), cron="0 9 * * *", brand=brand)
            asyncio.run(keeping.add(agency.store, f"daily-{brand}", spec, now))
            for scope in (tokens.Scope.READ, tokens.Scope.RUN, tokens.Scope.APPROVE):
                name = f"{brand}-{scope}"
                agency.tokens[name] = asyncio.run(tokens.add(agency.store, name, [scope], now, brand))
        for scope in tokens.Scope:
            agency.tokens[scope] = asyncio.run(tokens.add(agency.store, scope, [scope], time.time()))
    return agency


@pytest.fixture
def agency(made: Agency, monkeypatch: pytest.MonkeyPatch) -> Agency:
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(made.folder / "accounts.json"))
    for brand in BRANDS:
        # Anew for each test: a brand may start its own posts.
        stop = PostStop(brand_scope(brand), time.time(), "ana", f"Note of {brand}")
        asyncio.run(made.store.stop_posts(stop))
    return made


def traces(agency: Agency, brand: str) -> list[str]:
    """What only the other brand's things are called."""
    other = next(one for one in BRANDS if one != brand)
    row = agency.row(other)
    names = (f"of {other}", f"daily-{other}", f"flow-{other}", f"{other}-read", f"{other}-run")
    return [row.id, row.id[-8:], row.run_id, f'"{other}"', *names]


SENT: dict[str, Any] = {
    "/api/v1/plans": {"workflow": "flow-{brand}"},
    "/api/v1/runs": {"workflow": "flow-{brand}"},
    "/api/v1/schedules": {"name": "another", "workflow": "flow-{brand}", "every": "6h"},
}
"""What operations need to get past the check of their document."""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
@pytest.mark.parametrize("scope", ["read", "run", "approve"])
def test_no_address_tells_a_brand_of_another_or_lets_it_act_there(
    agency: Agency, operation: Operation, scope: str
) -> None:
    brand, other = BRANDS
    before = [(row.id, row.fence, row.status) for row in agency.store.jobs()]
    schedules = agency.store.schedules()
    # First the other brand's things by their names, then whatever the address tells by itself.
    for named in (other, brand) if operation.method == "GET" else (other,):
        values = {"job": agency.jobs[named], "run": agency.row(named).run_id, "schedule": f"daily-{named}"}
        path = operation.path
        for name in re.findall(r"\{(\w+)\}", operation.path):
            path = path.replace(f"{{{name}}}", values.get(name, named))
        sent: dict[str, Any] = {}
        if operation.method == "POST":
            body = {key: value.replace("{brand}", other) for key, value in SENT.get(operation.path, {}).items()}
            sent = {"json": body} if path.startswith("/api") else {"data": {**body, "workflow": f"flow-{other}"}}
        query = "?follow=false&after=0" if path.endswith("/events") else ""
        answer = agency.ask(operation.method, f"{path}{query}", f"{brand}-{scope}", **sent)
        assert answer.status_code != 500, answer.text
        found = [trace for trace in traces(agency, brand) if trace in answer.text]
        # What the caller itself has named may be repeated as not found.
        asked = [trace for trace in found if answer.status_code in (403, 404) and trace in f"{path}{sent}"]
        assert [trace for trace in found if trace not in asked] == [], answer.text
        if named == other and "{" in operation.path and "{account}" not in operation.path:
            assert answer.status_code in (400, 403, 404, 415, 422), answer.text
    if operation.path not in ("/api/v1/runs", "/sign-out"):
        assert [(row.id, row.fence, row.status) for row in agency.store.jobs()] == before
        assert agency.store.schedules() == schedules
    assert {stop.scope for stop in agency.store.post_stops()} >= {brand_scope(other)}


def test_the_walk_would_find_what_it_looks_for(agency: Agency) -> None:
    job, sought = agency.jobs["bolt"], traces(agency, "acme")
    addresses = ("jobs", f"reviews/{job}", "runs", "schedules")
    for path in ("/", "/jobs", f"/jobs/{job}", "/schedules", *(f"/api/v1/{one}" for one in addresses)):
        told = agency.ask("GET", path, "read").text
        assert [trace for trace in sought if trace in told], path


def test_a_brand_sees_its_own(agency: Agency) -> None:
    for brand in BRANDS:
        listed = agency.ask("GET", "/api/v1/jobs", f"{brand}-read").json()["items"]
        assert {one["brand"] for one in listed} == {brand}
        assert agency.jobs[brand] in [one["id"] for one in listed]
        (review,) = agency.ask("GET", "/api/v1/reviews", f"{brand}-read").json()["items"]
        assert review["job"] == agency.jobs[brand]
        (schedule,) = agency.ask("GET", "/api/v1/schedules", f"{brand}-read").json()["items"]
        assert (schedule["name"], schedule["brand"]) == (f"daily-{brand}", brand)
        (workflow,) = agency.ask("GET", "/api/v1/workflows", f"{brand}-run").json()["items"]
        assert workflow["name"] == f"flow-{brand}"
        spent = agency.ask("GET", "/api/v1/spend?by=brand", f"{brand}-read").json()["groups"]
        assert [one["name"] for one in spent] == [brand]
        home = agency.ask("GET", "/", f"{brand}-read").text
        assert f"Prompt of {brand}" in home
        assert f"Posts of {brand} stopped" in home
        assert agency.ask("GET", f"/jobs/{agency.jobs[brand]}", f"{brand}-read").status_code == 200
        events = agency.ask("GET", "/api/v1/events?follow=false&after=0", f"{brand}-read").text
        assert agency.jobs[brand] in events


@pytest.mark.parametrize("path", ["jobs", "runs", "reviews", "receipts", "schedules", "spend", "review-links"])
def test_lists_are_limited_to_the_brand_that_is_asked_for(agency: Agency, path: str) -> None:
    told = agency.ask("GET", f"/api/v1/{path}?brand=acme", "read")
    assert told.status_code == 200, told.text
    assert [trace for trace in traces(agency, "acme") if trace in told.text] == []
    for token, brand in (("read", "acmee"), ("acme-read", "bolt")):
        refused = agency.ask("GET", f"/api/v1/{path}?brand={brand}", token)
        assert (refused.status_code, brand in refused.json()["detail"]) == (404, True)
    assert agency.ask("GET", f"/api/v1/{path}?brand=acme", "acme-read").status_code == 200


def test_pages_are_limited_to_the_brand_in_their_address(agency: Agency) -> None:
    for path in ("/", "/jobs", "/schedules", "/spend?by=workflow"):
        sign = "&" if "?" in path else "?"
        shown = agency.ask("GET", f"{path}{sign}brand=acme", "admin").text
        assert [trace for trace in traces(agency, "acme") if trace in shown] == []
        assert "<option selected>acme" in shown
        assert 'href="/jobs?brand=acme"' in shown
        both = agency.ask("GET", path, "admin").text
        assert "<option>acme" in both
        assert "?brand=" not in both
    unknown = agency.ask("GET", "/?brand=acmee", "admin")
    assert (unknown.status_code, "brand=acmee" in unknown.text) == (404, False)


def test_a_brand_starts_and_stops_its_own_posts_alone(agency: Agency) -> None:
    asyncio.run(agency.store.stop_posts(PostStop("*", 1.0, "ana", "Secret of bolt")))
    home = agency.ask("GET", "/", "acme-approve").text
    assert "Secret of bolt" not in home
    assert agency.ask("POST", "/posts/start", "acme-approve", data={"a": "b"}).status_code == 303
    assert {stop.scope for stop in agency.store.post_stops()} == {"*", brand_scope("bolt")}
    assert agency.ask("POST", "/posts/stop", "acme-approve", data={"note": "again"}).status_code == 303
    assert {stop.scope for stop in agency.store.post_stops()} == {"*", brand_scope("bolt"), brand_scope("acme")}
    asyncio.run(agency.store.start_posts("*"))
    filtered = agency.ask("POST", "/posts/start?brand=acme", "admin", data={"a": "b"})
    assert (filtered.status_code, filtered.headers["location"]) == (303, "/?brand=acme")
    assert {stop.scope for stop in agency.store.post_stops()} == {brand_scope("bolt")}
    assert agency.ask("POST", "/posts/stop?brand=acme", "admin", data={"note": "Note of acme"}).status_code == 303


def test_what_may_do_everything_is_limited_to_no_brand(agency: Agency) -> None:
    for make in (tokens.add, make_link):
        with pytest.raises(Exception, match="cannot have the scope admin"):
            asyncio.run(make(agency.store, "boss", ["admin"], 0.0, "acme"))


def test_a_browser_is_limited_as_its_link_is(agency: Agency) -> None:
    code = asyncio.run(make_link(agency.store, "ana", ["approve"], time.time(), "acme"))
    entered = agency.ask("POST", "/sign-in", "read", data={"code": code})
    assert entered.status_code == 303
    token = next(one for one in agency.store.tokens() if one.name == "ana-browser")
    assert (token.brand, token.who) == ("acme", "ana")


def test_the_page_of_a_job_offers_approval_to_reviewers_alone(agency: Agency) -> None:
    path, buttons = f"/jobs/{agency.jobs['acme']}", ("review/approve", "Save and approve", "review/link")
    for token, may in (("approve", False), ("acme-approve", True)):
        shown = agency.ask("GET", path, token).text
        assert [one in shown for one in buttons] == [may] * 3
        assert ("Its reviewers may approve it: acme-approve, ana." in shown) is not may
        assert "review/reject" in shown


def test_only_reviewers_approve_and_it_is_asked_where_it_is_written(agency: Agency) -> None:
    now = time.time()
    row = agency.row("bolt")
    version = post_review_of(row, now).version
    for who in ("ben", "", "ana-browser"):
        with pytest.raises(NotReviewer, match="may not approve for the brand bolt") as refused:
            asyncio.run(approve(agency.store, row, Answer(who, (), version), now))
        assert "bolt-approve, ana" in refused.value.hint
    body = {"version": version}
    refused_there = agency.ask("POST", f"/api/v1/reviews/{row.id}/approve", "approve", json=body)
    assert refused_there.status_code == 403
    assert agency.row("bolt").fence == row.fence
    limited = agency.store.of_brand("acme")
    assert limited.job(row.id) is None
    with pytest.raises(Exception, match="has changed"):
        asyncio.run(approve(limited, row, Answer("ana", (), version), now))
    done = agency.ask("POST", f"/api/v1/reviews/{row.id}/approve", "bolt-approve", json=body)
    assert (done.status_code, done.json()["by"]) == (200, "bolt-approve"), done.text


def test_a_stream_of_one_brand_looks_at_the_events_of_others_once(agency: Agency) -> None:
    limited = Served(
        agency.store,
        Exposure(reaches_others=True),
        Pulse(ServiceManager({})),
        Meters(agency.store, Accounts(agency.folder / "none.json")),
    )
    stream = _Stream(limited.of_brand("acme"), None, None, follow=True)
    own = agency.store.events(agency.jobs["acme"])[-1].seq
    # Only the other brand has written since, so all of that is behind it.
    assert agency.store.last_event() > own
    assert stream._after(own) == ([], agency.store.last_event())
    found, newest = stream._after(0)
    assert {row.job_id for row in found} == {row.id for row in agency.store.jobs(brand="acme")}
    assert newest == agency.store.last_event()


# Last: what they make is newer than what the tests before look at.
HOLDS = '''
"""Holds everything for a person."""
from reelwork_hooks import Plugin, Verdict, hookimpl


class Hold(Plugin):
    """Holds everything."""

    @hookimpl
    def pre_moderate(self, content):
        return Verdict.hold("it speaks of fog", "weather")
'''


@pytest.fixture
def held(agency: Agency) -> JobRow:
    """A job of acme that moderation holds, before anything was made."""
    (agency.folder / "hold.py").write_text(HOLDS)
    flow = agency.folder / "flow-held.toml"
    # Offered to nobody: no other test counts it among the workflows.
    flow.write_text(FLOW.format(brand="acme") + '[plugins]\nadd = ["hold.py"]\n')
    job = Studio(str(flow), store=agency.folder / "store.db").run_sync().jobs[0]
    flow.unlink()
    found = agency.store.job(job.id)
    assert found is not None
    assert (found.status, "fog" in found.reason) == ("held", True)
    return found


def test_what_moderation_holds_is_approved_by_reviewers_alone(agency: Agency, held: JobRow) -> None:
    path, form = f"/jobs/{held.id}", {"fence": str(held.fence)}
    for token, may in (("approve", False), ("acme-approve", True)):
        shown = agency.ask("GET", path, token).text
        assert (f"{path}/approve" in shown) is may
        assert ("Its reviewers may approve it: acme-approve, ana." in shown) is not may
        assert f"{path}/reject" in shown
    for token in ("approve", "admin"):
        refused = agency.ask("POST", f"{path}/approve", token, data=form)
        assert (refused.status_code, "may not approve for the brand acme" in refused.text) == (403, True)
    for who in ("", "ben"):
        with pytest.raises(NotReviewer):
            asyncio.run(resolve(agency.store, held, "approve", by=who))
    assert agency.store.job(held.id) == held
    assert agency.ask("POST", f"{path}/approve", "acme-approve", data=form).status_code == 303
    told = next(event for event in agency.store.events(held.id) if event.name == "decided")
    assert json.loads(told.details) == {"decision": "approved", "by": "acme-approve"}


def test_whoever_may_decide_may_reject_what_is_held(agency: Agency, held: JobRow) -> None:
    gone = agency.ask("POST", f"/jobs/{held.id}/reject", "approve", data={"fence": str(held.fence)})
    assert gone.status_code == 303
    found = agency.store.job(held.id)
    assert found is not None
    assert found.status == "rejected"
