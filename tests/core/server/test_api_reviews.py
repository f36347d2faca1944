"""Reviews over the API, at a real server: bound to what was seen, once for each key, and only with the scope."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.core.server.conftest import PATIENCE, Machine

from reelwork.ids import new_id

REVIEWED = """
[review]
always = true
[brief]
prompt = "A lighthouse in the rain"
caption = "Rain"
duration = 1
resolution = "480p"
[provider]
use = "preview"
"""


class Desk:
    """A server with posts in review, and a client for each scope."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        (machine.folder / "coast.toml").write_text(REVIEWED)
        self.tokens = {}
        for scope in ("read", "run", "approve", "admin"):
            done = machine.reelwork("tokens", "add", f"ana-{scope}", "--scope", scope, "--json")
            self.tokens[scope] = json.loads(done.stdout)["token"]
        self.server = machine.start().until_ready()

    def post(self, path: str, document: Any, scope: str = "approve", key: str | None = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[scope]}", "idempotency-key": key or new_id()}
        return self.server.client.post(f"/api/v1{path}", json=document, headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        return self.server.client.get(f"/api/v1{path}", params=query).json()

    def made(self, prompt: str = "A lighthouse in the rain") -> Any:
        """Return the review of a job that waits for it."""
        asked = {"workflow": "coast", "prompt": prompt}
        (job,) = self.post("/runs", asked, "run").json()["jobs"]
        return self.until(job, "waiting")

    def until(self, job: str, *states: str) -> Any:
        """Wait until the post of a job has one of these states."""
        ends = time.monotonic() + PATIENCE
        while True:
            found = self.get(f"/reviews/{job}")
            if [post["state"] for post in found["posts"]] in [[state] for state in states]:
                return found
            assert time.monotonic() < ends, found
            time.sleep(0.1)

    def posts(self, job: str) -> int:
        """The number of posts of a job in the ledger that happened."""
        with closing(sqlite3.connect(self.machine.store)) as db:
            asked = "SELECT count(*) FROM effects WHERE job_id = ? AND kind = 'publish' AND state = 'confirmed'"
            return int(db.execute(asked, (job,)).fetchone()[0])


@pytest.fixture(scope="module")
def desk(new_machine: Callable[[], Machine]) -> Desk:
    return Desk(new_machine())


def test_a_post_is_approved_as_it_was_seen_and_posted_once(desk: Desk) -> None:
    review = desk.made()
    job, version = review["job"], review["version"]
    assert (review["posts"][0]["caption"], review["posts"][0]["waits"], review["spent"]) == ("Rain", True, "0")
    assert job in [one["job"] for one in desk.get("/reviews")["items"]]
    key, asked = new_id(), {"version": version}
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: desk.post(f"/reviews/{job}/approve", asked, key=key), range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    done = desk.post(f"/reviews/{job}/approve", asked, key=key)
    assert (done.status_code, done.headers["idempotency-replayed"]) == (200, "true")
    assert done.json() == {
        "job": job, "run": desk.get(f"/jobs/{job}")["run"], "decision": "approved", "by": "ana-approve",
        "destinations": ["gallery"], "appeals": [],
    }  # fmt: skip
    posted = desk.until(job, "posted")
    assert (posted["posts"][0]["by"], desk.posts(job)) == ("ana-approve", 1)
    assert job not in [one["job"] for one in desk.get("/reviews")["items"]]
    late = desk.post(f"/reviews/{job}/reject", asked)
    assert (late.status_code, "posted by ana-approve" in late.json()["detail"]) == (409, True)
    assert (late.json()["money"], desk.posts(job)) == ("Nothing was changed, and nothing was posted.", 1)


def test_an_approval_of_what_was_shown_before_is_refused_and_says_what_changed(desk: Desk) -> None:
    review = desk.made()
    job, seen = review["job"], review["version"]
    edited = desk.post(f"/reviews/{job}/edit", {"version": seen, "caption": "Fog", "hashtags": ["coast"]})
    assert (edited.status_code, edited.json()["decision"]) == (200, "edited"), edited.text
    ends = time.monotonic() + PATIENCE
    while (now := desk.get(f"/reviews/{job}"))["version"] == seen:
        assert time.monotonic() < ends, now
        time.sleep(0.1)
    stale = desk.post(f"/reviews/{job}/approve", {"version": seen})
    assert stale.status_code == 409
    assert stale.headers["content-type"] == "application/problem+json"
    assert "gallery: caption was 'Rain', is 'Fog' by ana-approve." in stale.json()["detail"]
    assert 'gallery: hashtags was [], is ["coast"]' in stale.json()["detail"]
    assert (desk.get(f"/jobs/{job}")["status"], desk.posts(job)) == ("held", 0)
    unknown = desk.post(f"/reviews/{job}/approve", {"version": "0123456789ab"})
    assert (unknown.status_code, "caption" in unknown.json()["detail"]) == (409, False)
    at_once = {"version": now["version"], "caption": "Sun", "approve": True}
    assert desk.post(f"/reviews/{job}/edit", at_once).status_code == 200
    assert desk.until(job, "posted")["posts"][0]["caption"] == "Sun"
    assert desk.posts(job) == 1


def test_a_rejected_post_is_never_made_and_a_new_render_is_reviewed_again(desk: Desk) -> None:
    review = desk.made()
    job, version = review["job"], review["version"]
    again = desk.post(f"/reviews/{job}/redo", {"version": version})
    assert (again.status_code, again.json()["decision"]) == (200, "redo"), again.text
    ends = time.monotonic() + PATIENCE
    while not (found := desk.get(f"/reviews/{job}"))["posts"] or found["expires_at"] is None:
        assert time.monotonic() < ends, found
        time.sleep(0.1)
    assert [event["name"] for event in desk.get(f"/jobs/{job}")["events"]].count("submitted") == 2
    no = desk.post(f"/reviews/{job}/reject", {"version": found["version"], "reason": "too dark"})
    assert no.json()["decision"] == "rejected"
    rejected = desk.until(job, "rejected")["posts"][0]
    assert (rejected["reason"], desk.posts(job)) == ("rejected by ana-approve: too dark", 0)


def test_what_cannot_be_is_refused_and_changes_nothing(desk: Desk) -> None:
    review = desk.made()
    job, version = review["job"], review["version"]
    before = desk.get(f"/jobs/{job}")
    for act, asked, scope, status in (
        ("approve", {}, "approve", 422),
        ("approve", {"version": version}, "read", 403),
        ("approve", {"version": version}, "run", 403),
        ("approve", {"version": version, "destinations": ["mastodon"]}, "approve", 422),
        ("approve", {"version": version, "by": "Ben"}, "approve", 422),
        ("edit", {"version": version}, "approve", 422),
        ("edit", {"version": version, "options": {"thumbnail": "/etc/passwd"}}, "approve", 403),
        ("edit", {"version": version, "options": {"mood": "calm"}}, "admin", 422),
        ("edit", {"version": version, "privacy": "secret"}, "approve", 422),
    ):
        answer = desk.post(f"/reviews/{job}/{act}", asked, scope)
        assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
    assert desk.get(f"/jobs/{job}") == before
    assert desk.post("/reviews/abcdefgh-none/approve", {"version": version}).status_code == 404
    assert desk.server.client.get("/api/v1/reviews/abcdefgh-none").status_code == 404


def test_a_list_of_reviews_comes_page_by_page(desk: Desk) -> None:
    for number in range(2):
        desk.made(f"A lighthouse in the rain, seen from boat {number}")
    whole = [one["job"] for one in desk.get("/reviews")["items"]]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = desk.get("/reviews", limit=1, **cursor)
        found += [one["job"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == whole
    assert len(found) >= 2
    assert desk.server.client.get("/api/v1/reviews", params={"cursor": "bm9uZQ"}).status_code == 422


def test_a_file_that_was_changed_on_disk_is_not_approved(desk: Desk) -> None:
    review = desk.made()
    video = Path(next(one["path"] for one in review["posts"][0]["files"] if one["role"] == "video"))
    video.write_bytes(b"another film")
    answer = desk.post(f"/reviews/{review['job']}/approve", {"version": review["version"]})
    assert (answer.status_code, "changed since" in answer.json()["detail"]) == (409, True)
    assert desk.posts(review["job"]) == 0
