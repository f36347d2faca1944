"""Links for somebody outside: what they show, what they never show, and that they act once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.core.server.conftest import Machine

from reelwork.credentials.accounts import Accounts
from reelwork.ids import new_id
from reelwork.net.addresses import Origin
from reelwork.plugins.catalog import Catalog
from reelwork.server import tokens
from reelwork.server.access import Exposure
from reelwork.server.app import create_app
from reelwork.server.meters import Meters
from reelwork.server.offered import Offered
from reelwork.server.operations import Served
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.post_review import Answer, approve
from reelwork.studio.review_view import post_review_of
from reelwork.studio.session import Session
from reelwork.studio.studio import Studio

FLOW = """
name = "internal-flow"
brand = "acme"
[review]
always = true
[brief]
prompt = "Secret prompt: a harbour at dawn"
title = "Dawn"
caption = "Caption <script>alert(1)</script>"
hashtags = ["coast"]
duration = 0.5
resolution = "480p"
metadata = { campaign = "internal-campaign" }
"""
SETTINGS = '[brands.acme]\nreviewers = ["ana"]\n[brands.bolt]\n'
URL = "http://127.0.0.1:8686"
NULL = {"origin": "null", "sec-fetch-site": "same-origin"}
"""What a browser sends with a form of a page without a referrer."""


@dataclass
class Desk:
    """A store with a job in review, whose time can be moved, and an application on it."""

    folder: Path
    store: SqliteStore
    job: str
    token: str
    later: float = 0.0

    @property
    def now(self) -> float:
        return time.time() + self.later

    def ask(self, method: str, path: str, public: Origin | None = None, **sent: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            pulse = Pulse(ServiceManager({}))
            pulse.beat()
            async with Session(self.store, Catalog()) as session:
                meters = Meters(self.store, Accounts(self.folder / "none.json"))
                exposure, offered = Exposure(True, public, any_name=True), Offered(self.folder)
                served = Served(
                    self.store,
                    exposure,
                    pulse,
                    meters,
                    offered,
                    session=session,
                    owner="1-me",
                    now=lambda: self.now,
                )
                transport = httpx.ASGITransport(create_app(served))
                async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
                    return await client.request(method, path, **sent)

        return asyncio.run(asked())

    def api(self, method: str, path: str, key: str = "", **sent: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": key or new_id()}
        return self.ask(method, f"/api/v1{path}", headers=headers, **sent)

    def link(self, **asked: str) -> str:
        made = self.api("POST", f"/reviews/{self.job}/links", json={"for": "Acme Ltd", **asked})
        assert made.status_code == 201, made.text
        return str(made.json()["link"]).removeprefix(URL)

    def press(self, link: str, **form: str) -> httpx.Response:
        return self.ask("POST", link, data=form, headers=NULL)

    @property
    def state(self) -> str:
        row = self.store.job(self.job)
        assert row is not None
        (post,) = post_review_of(row, self.now).posts
        return post.state


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reelwork.toml").write_text(SETTINGS)
    (tmp_path / "flow.toml").write_text(FLOW)
    job = Studio(str(tmp_path / "flow.toml"), store=tmp_path / "store.db").run_sync().jobs[0].id
    store = SqliteStore(tmp_path / "store.db")
    token = asyncio.run(tokens.add(store, "ana", [tokens.Scope.APPROVE], time.time()))
    return Desk(tmp_path, store, job, token)


def test_a_link_shows_the_posts_and_nothing_of_the_house(desk: Desk) -> None:
    link = desk.link()
    page = desk.ask("GET", link)
    assert page.status_code == 200
    assert ("Dawn" in page.text, "#coast" in page.text, "Gallery" in page.text) == (True, True, True)
    assert "&lt;script&gt;" in page.text
    row = desk.store.job(desk.job)
    assert row is not None
    inside = (
        "Secret prompt",
        "internal",
        "$",
        desk.job,
        desk.job[-8:],
        row.run_id,
        "bolt",
        "preview",
        str(desk.folder),
    )
    assert [word for word in (*inside, "ana", "/jobs", "<script") if word in page.text] == []
    headers = page.headers
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["x-robots-tag"]) == ("no-store", "noindex")
    video = desk.ask("GET", f"{link}/video", headers={"range": "bytes=0-9"})
    assert (video.status_code, len(video.content), video.headers["referrer-policy"]) == (206, 10, "no-referrer")
    assert desk.ask("GET", f"{link}/thumbnail").status_code == 200
    # Looking, also by a program that follows each link in a message, has changed nothing.
    assert (desk.ask("HEAD", link).status_code in (200, 405), desk.state) == (True, "waiting")


def test_it_approves_once_and_says_so(desk: Desk) -> None:
    link = desk.link()
    done = desk.press(link, answer="approve")
    assert (done.status_code, done.headers["location"]) == (303, link)
    assert desk.state == "approved"
    after = desk.ask("GET", link).text
    assert "You approved this on" in after
    assert 'name="answer"' not in after
    fence = desk.store.job(desk.job).fence  # type: ignore[union-attr]
    again = desk.press(link, answer="reject", reason="no")
    assert ("You approved this" in again.text, desk.state) == (True, "approved")
    assert desk.store.job(desk.job).fence == fence  # type: ignore[union-attr]
    (told,) = desk.api("GET", "/review-links").json()["items"]
    assert (told["state"], told["answer"], told["for"], told["by"]) == ("used", "approved", "Acme Ltd", "ana")
    story = [json.loads(event.details) for event in desk.store.events(desk.job) if event.name == "reviewed"]
    assert [one["by"] for one in story] == ["Acme Ltd (by a link from ana)"]


def test_a_rejection_needs_a_reason(desk: Desk) -> None:
    link = desk.link()
    silent = desk.press(link, answer="reject", reason="  ")
    assert (silent.status_code, "say what should be different" in silent.text) == (422, True)
    assert (desk.press(link, answer="neither").status_code, desk.state) == (200, "waiting")
    assert desk.press(link, answer="reject", reason="too dark").status_code == 303
    (post,) = post_review_of(desk.store.job(desk.job), desk.now).posts  # type: ignore[arg-type]
    assert (post.state, "too dark" in post.reason, "Acme Ltd" in post.reason) == ("rejected", True, True)
    assert "You rejected this on" in desk.ask("GET", link).text


def test_it_takes_no_answer_for_another_version(desk: Desk) -> None:
    link = desk.link()
    row = desk.store.job(desk.job)
    assert row is not None
    seen = post_review_of(row, desk.now).version
    body = {"version": seen, "caption": "Other words"}
    assert desk.api("POST", f"/reviews/{desk.job}/edit", json=body).status_code == 200
    Studio(str(desk.folder / "flow.toml"), store=desk.folder / "store.db").resume_sync(desk.job)
    assert desk.state == "waiting"
    for answer in (desk.ask("GET", link), desk.press(link, answer="approve")):
        assert "Changed since the link was sent" in answer.text
        assert "Other words" not in answer.text
    assert desk.state == "waiting"
    assert desk.ask("GET", f"{link}/video").status_code == 404
    fresh = desk.link()
    assert "Other words" in desk.ask("GET", fresh).text


def test_links_end_and_are_taken_back(desk: Desk) -> None:
    short, other = desk.link(expires="2h"), desk.link()
    assert short != other
    desk.later = 7201.0
    assert "This link has ended" in desk.ask("GET", short).text
    assert desk.press(short, answer="approve").status_code in (200, 409)
    newest = desk.api("GET", "/review-links").json()["items"]
    by_state = {one["state"]: one["id"] for one in newest}
    assert set(by_state) == {"open", "expired"}
    back = desk.api("DELETE", f"/review-links/{by_state['open']}")
    assert (back.status_code, back.json()["state"]) == (200, "revoked")
    for answer in (desk.ask("GET", other), desk.press(other, answer="approve"), desk.ask("GET", f"{other}/video")):
        assert answer.status_code == 404
        assert "Acme" not in answer.text
    assert desk.api("DELETE", f"/review-links/{by_state['open']}").status_code == 409
    assert desk.api("DELETE", "/review-links/none").status_code == 404
    assert desk.state == "waiting"


def test_what_somebody_else_decides_stays_decided(desk: Desk) -> None:
    link = desk.link()
    row = desk.store.job(desk.job)
    assert row is not None
    asyncio.run(approve(desk.store, row, Answer("ana"), desk.now))
    assert "Somebody has answered already" in desk.ask("GET", link).text
    assert (desk.press(link, answer="reject", reason="no").status_code, desk.state) == (200, "approved")


@pytest.mark.parametrize("path", ["/r/none", "/r/" + "a" * 43, "/r/%00", "/r/none/video"])
def test_other_addresses_open_nothing(desk: Desk, path: str) -> None:
    for method in ("GET", "POST") if not path.endswith("video") else ("GET",):
        answer = desk.ask(method, path, data={"answer": "approve"} if method == "POST" else None, headers=NULL)
        assert answer.status_code == 404
    assert desk.state == "waiting"


def test_the_code_is_stored_nowhere_and_lost_answers_are_told_again(desk: Desk) -> None:
    key, asked = new_id(), {"for": "Acme Ltd"}
    first, again = (desk.api("POST", f"/reviews/{desk.job}/links", key, json=asked) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json() == again.json()
    code = first.json()["link"].rpartition("/")[2]
    assert len(code) >= 43
    assert len(desk.store.review_links()) == 1
    assert desk.link().rpartition("/")[2] != code
    with closing(sqlite3.connect(desk.store.path)) as db:
        kept = "\n".join(db.iterdump())
    assert code not in kept


def test_the_page_of_a_job_lists_its_links_and_takes_them_back(desk: Desk) -> None:
    link = desk.link()
    signed = {"authorization": f"Bearer {desk.token}", "origin": URL, "sec-fetch-site": "same-origin"}
    page = " ".join(desk.ask("GET", f"/jobs/{desk.job}", headers=signed).text.split())
    assert "Acme Ltd, from ana: open until" in page
    assert link.rpartition("/")[2] not in page
    (made,) = desk.store.review_links()

    def take_back(job: str, id_: str) -> int:
        return desk.ask("POST", f"/jobs/{job}/review/unlink", data={"link": id_}, headers=signed).status_code

    assert (take_back(desk.job, "none"), take_back(desk.job, "")) == (404, 404)
    assert take_back(desk.job, made.id) == 303
    assert desk.ask("GET", link).status_code == 404
    assert "Acme Ltd, from ana: revoked" in " ".join(
        desk.ask("GET", f"/jobs/{desk.job}", headers=signed).text.split()
    )
    assert take_back(desk.job, made.id) == 409


def test_only_reviewers_make_links_and_only_to_what_waits(desk: Desk) -> None:
    other = asyncio.run(tokens.add(desk.store, "ben", [tokens.Scope.APPROVE], time.time()))
    mine, desk.token = desk.token, other
    refused = desk.api("POST", f"/reviews/{desk.job}/links", json={"for": "Acme Ltd"})
    assert (refused.status_code, "may not approve" in refused.json()["detail"]) == (403, True)
    desk.token = mine
    for asked, status in (({"for": " "}, 422), ({"for": "A", "expires": "soon"}, 422), ({}, 422)):
        assert desk.api("POST", f"/reviews/{desk.job}/links", json=asked).status_code == status
    stale = desk.api("POST", f"/reviews/{desk.job}/links", json={"for": "A", "version": "0123456789ab"})
    assert stale.status_code == 409
    assert desk.store.review_links() == []
    link = desk.link()
    assert desk.press(link, answer="approve").status_code == 303
    assert desk.api("POST", f"/reviews/{desk.job}/links", json={"for": "A"}).status_code == 409


def test_a_page_from_elsewhere_acts_by_no_link_that_it_does_not_know(desk: Desk) -> None:
    link = desk.link()
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert desk.ask("POST", link, data={"answer": "approve"}, headers=foreign).status_code == 403
    # Without an origin only links take an answer: everywhere else it is a page from elsewhere.
    assert desk.ask("POST", "/posts/stop", data={"note": "x"}, headers=NULL).status_code == 403
    assert desk.state == "waiting"


def test_a_link_outlives_restarts_counts_once_and_is_never_logged(
    new_machine: Callable[[], Machine],
) -> None:
    machine = new_machine()
    (machine.folder / "flow.toml").write_text(FLOW.replace('brand = "acme"', ""))
    assert machine.reelwork("run", "flow.toml", "--yes", "--no-sheet").returncode == 3
    first = machine.start().until_ready()
    job = first.client.get("/api/v1/jobs").json()["items"][0]["id"]
    # At the address of the server that runs, which nobody has to name.
    link = machine.reelwork("review", "link", job, "--for", "Acme Ltd").stdout.strip()
    assert link.startswith(f"{first.url}/r/")
    path = link.removeprefix(first.url)
    assert "waits for your answer" in first.client.get(path).text
    assert first.stop()[0] == 0
    second = machine.start().until_ready()
    own = {"origin": "null", "sec-fetch-site": "same-origin"}

    def press(answer: str) -> int:
        sent = {"answer": answer, "reason": "no"}
        return second.client.post(path, data=sent, headers=own).status_code

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(press, ["approve", "reject"] * 4))
    assert done.count(303) == 1
    story = second.client.get(f"/api/v1/jobs/{job}").json()["events"]
    assert [event["name"] for event in story].count("reviewed") == 1
    assert second.stop()[0] == 0
    code = path.rpartition("/")[2]
    assert code not in first.text + second.text


def test_a_link_names_the_server_by_its_public_address(desk: Desk) -> None:
    public = Origin("https", "studio.example.com", 443)
    headers = {"authorization": f"Bearer {desk.token}", "idempotency-key": new_id()}
    path = f"/api/v1/reviews/{desk.job}/links"
    made = desk.ask("POST", path, public, json={"for": "Acme Ltd"}, headers=headers)
    assert made.json()["link"].startswith("https://studio.example.com/r/")
