"""The dashboard as a browser gets it: whole without scripts, with nothing that could run, and for who may act."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from reelwork.credentials.accounts import Accounts
from reelwork.schedules import keeping
from reelwork.schedules.spec import Spec
from reelwork.server.access import Exposure
from reelwork.server.app import create_app
from reelwork.server.meters import Meters
from reelwork.server.operations import Served
from reelwork.server.pulse import Pulse, ServiceManager
from reelwork.server.sessions import make_link
from reelwork.store.commands import NewJob, SetJob, Tell
from reelwork.store.post_stops import PostStop, brand_scope
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.statuses import Status
from reelwork.studio.review_view import post_review_of
from reelwork.studio.studio import Studio
from reelwork_hooks import Credentials

OWN = {"origin": "http://127.0.0.1:8686", "sec-fetch-site": "same-origin"}
EVIL = "<script>fetch('//evil.example')</script><img src=x onerror=alert(1)>"
LARGEST = 100 * 1024
"""Bytes of a page with its style and script."""


@dataclass
class Dashboard:
    """An application on a store, as one browser sees it."""

    store: SqliteStore
    jar: dict[str, str] = field(default_factory=dict)
    now: Callable[[], float] = time.time

    def ask(self, method: str, path: str, data: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        pulse = Pulse(ServiceManager({}))
        pulse.beat()
        meters = Meters(self.store, Accounts(self.store.path.parent / "none.json"))
        served = Served(self.store, Exposure(reaches_others=False), pulse, meters, now=self.now)

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(create_app(served))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:8686", cookies=self.jar
            ) as client:
                answer = await client.request(method, path, data=data, headers=headers)
                self.jar.update(client.cookies)
                return answer

        return asyncio.run(asked())

    def page(self, path: str) -> str:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def press(self, path: str, **data: str) -> httpx.Response:
        return self.ask("POST", path, data, **OWN)

    def sign_in(self, *scopes: str) -> None:
        code = asyncio.run(make_link(self.store, "ana", scopes, time.time()))
        assert "Sign in as ana" in self.page(f"/sign-in?code={code}")
        answer = self.press("/sign-in", code=code)
        assert answer.status_code == 303
        told = answer.headers["set-cookie"]
        assert "HttpOnly" in told
        assert "SameSite=Lax" in told


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one job that is done."""
    folder = tmp_path_factory.mktemp("made")
    with Studio(store=folder / "store.db", out=folder / "out") as studio:
        result = asyncio.run(studio.run(EVIL, duration=0.5, resolution="480p"))
        assert [job.status for job in result.jobs] == ["done"]
    return folder / "store.db"


@pytest.fixture
def dashboard(made: Path, tmp_path: Path) -> Iterator[Dashboard]:
    store = SqliteStore(Path(shutil.copy(made, tmp_path)))
    yield Dashboard(store)
    store.close()


def job_of(dashboard: Dashboard) -> str:
    return dashboard.store.jobs()[0].id


async def _hold(store: SqliteStore, job_id: str) -> None:
    row = store.job(job_id)
    assert row is not None
    verdict = {"decision": "hold", "plugin": "rules", "reason": "a logo", "stage": "clip", "content": "abc"}
    change = SetJob(Status.HELD, "publish", None, reason="the video shows a logo", data=_held(row.data))
    await store.decide(job_id, change, Tell("verdict", verdict))


def _held(data: str) -> str:
    return json.dumps({**json.loads(data), "hold": "moderation"})


def hold(dashboard: Dashboard) -> str:
    job_id = job_of(dashboard)
    asyncio.run(_hold(dashboard.store, job_id))
    return job_id


class Loads(HTMLParser):
    """Finds what a page loads or runs."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.inline += [name for name in found if name.startswith("on") or name == "style"]
        if tag in ("script", "style") and "src" not in found:
            self.inline.append(tag)
        loads = ("src", "poster") if tag != "link" else ("href",)
        self.addresses += [value for name in loads if (value := found.get(name))]


PAGES = (
    "/",
    "/jobs",
    "/jobs?status=done&search=script",
    "/gallery",
    "/calendar",
    "/calendar?month=2027-02",
    "/calendar?month=<script>",
    "/schedules",
    "/accounts",
    "/webhooks",
    "/start",
    "/settings",
    "/spend",
    "/spend?by=run",
    "/sign-in",
)


@pytest.mark.parametrize("path", [*PAGES, "JOB", "/jobs/none", "/schedules/none", "/jobs?before=none"])
def test_no_page_runs_what_a_model_wrote_or_loads_from_elsewhere(dashboard: Dashboard, path: str) -> None:
    answer = dashboard.ask("GET", f"/jobs/{job_of(dashboard)}" if path == "JOB" else path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    # With `no-referrer` browsers send `Origin: null` with its forms, which is refused.
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "<img src=x" not in answer.text
    loads = Loads()
    loads.feed(answer.text)
    assert loads.inline == []
    assert all(re.match(r"/(static|jobs)/", address) for address in loads.addresses), loads.addresses
    size = len(answer.content)
    for address in (one for one in loads.addresses if one.startswith("/static/")):
        file = dashboard.ask("GET", address)
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
        size += len(file.content)
    assert size <= LARGEST


def test_the_first_page_says_what_needs_a_person_and_what_was_made(dashboard: Dashboard) -> None:
    text = dashboard.page("/")
    assert "Nothing needs you" in text
    assert "&lt;script&gt;" in text
    hold(dashboard)
    text = dashboard.page("/")
    assert "1 thing needs you" in text
    assert "the video shows a logo" in text


def test_a_video_is_played_in_parts_and_only_as_the_store_names_it(dashboard: Dashboard) -> None:
    job = job_of(dashboard)
    part = dashboard.ask("GET", f"/jobs/{job}/video", range="bytes=0-9")
    assert (part.status_code, len(part.content)) == (206, 10)
    assert part.headers["content-type"] == "video/mp4"
    assert dashboard.ask("GET", f"/jobs/{job}/thumbnail").headers["content-type"] == "image/jpeg"
    for path in ("/jobs/none/video", f"/jobs/{job}/video?shape=7", f"/jobs/{job}/video?shape=../../etc/passwd"):
        assert dashboard.ask("GET", path).status_code in (200, 404)
    assert dashboard.ask("GET", "/jobs/..%2f..%2fstore.db/video").status_code == 404


def test_a_missing_file_and_an_older_job_are_shown_as_they_are(dashboard: Dashboard) -> None:
    job_id = job_of(dashboard)
    row = dashboard.store.job(job_id)
    assert row is not None
    told = {"left_out": ["X gets no <captions>."]}
    posts = {
        "x": {"state": "published", "receipt": {"id": "1"}},
        "y": {"state": "published", "receipt": {"id": "2", "details": told}},
    }
    clip = {"video": {"path": "/nowhere.mp4", "role": "video"}}
    older = {"brief": {"prompt": "of an older version"}, "provider": "preview", "posts": posts, "clip": clip}
    bare = json.dumps(older)
    asyncio.run(dashboard.store.decide(job_id, SetJob(Status.DONE, "done", None, data=bare)))
    text = dashboard.page(f"/jobs/{job_id}")
    assert "of an older version" in text
    assert text.count("X gets no &lt;captions&gt;.") == 1
    assert "video: 0 bytes" in text
    assert dashboard.ask("GET", f"/jobs/{job_id}/video").status_code == 404


def test_a_link_signs_in_once_and_signing_out_ends_it(dashboard: Dashboard) -> None:
    assert "Sign out" not in dashboard.page("/")
    code = asyncio.run(make_link(dashboard.store, "ana", ["approve"], time.time()))
    other = Dashboard(dashboard.store)
    assert dashboard.press("/sign-in", code=code).status_code == 303
    assert other.press("/sign-in", code=code).status_code == 422
    assert "Sign out ana-browser" in dashboard.page("/")
    assert [one.name for one in dashboard.store.tokens()] == ["ana-browser"]
    kept = dict(dashboard.jar)
    assert dashboard.press("/sign-out").status_code == 303
    assert dashboard.store.tokens() == []
    dashboard.jar = kept
    assert "Sign out" not in dashboard.page("/")
    assert dashboard.press("/posts/stop").status_code == 401


def test_a_link_is_too_old_after_ten_minutes(dashboard: Dashboard) -> None:
    code = asyncio.run(make_link(dashboard.store, "ana", ["approve"], time.time() - 601))
    assert "older than 10 minutes" in dashboard.page(f"/sign-in?code={code}")
    assert dashboard.press("/sign-in", code=code).status_code == 422
    assert dashboard.store.tokens() == []


def test_a_button_needs_a_sign_in_and_a_form_of_this_server(dashboard: Dashboard) -> None:
    assert dashboard.press("/posts/stop").status_code == 401
    dashboard.sign_in("read")
    assert dashboard.press("/posts/stop").status_code == 403
    dashboard.jar.clear()
    dashboard.sign_in("approve")
    # A browser that tells neither: it cannot be seen which page sent the form.
    assert dashboard.ask("POST", "/posts/stop").status_code == 403
    assert dashboard.ask("POST", "/posts/stop", origin="https://evil.example").status_code == 403
    assert dashboard.ask("POST", "/posts/stop", None, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert dashboard.store.post_stops() == []
    assert dashboard.press("/posts/stop", note="wrong logo").status_code == 303
    (stopped,) = dashboard.store.post_stops()
    assert (stopped.by, stopped.note) == ("ana-browser-2", "wrong logo")
    assert "Posts stopped by ana-browser-2" in dashboard.page("/jobs")
    assert dashboard.press("/posts/start").status_code == 303
    assert dashboard.store.post_stops() == []


def test_each_page_says_which_posts_are_stopped(dashboard: Dashboard) -> None:
    async def stop(scope: str) -> None:
        await dashboard.store.stop_posts(PostStop(scope, 1.0, "ana", ""))

    asyncio.run(stop("mastodon"))
    assert "Posts to mastodon stopped by ana</span>" in dashboard.page("/jobs")
    asyncio.run(stop(brand_scope("acme")))
    assert "stopped by ana, and 1 more</span>" in dashboard.page("/jobs")


def test_a_person_decides_about_the_job_as_it_was_shown(dashboard: Dashboard) -> None:
    job = hold(dashboard)
    dashboard.sign_in("approve")
    text = dashboard.page(f"/jobs/{job}")
    fence = re.search(r'name="fence" value="(\d+)"', text)
    assert fence is not None
    assert "Approve" in text
    hold(dashboard)
    late = dashboard.press(f"/jobs/{job}/approve", fence=fence[1])
    assert late.status_code == 409
    assert "has changed" in late.text
    fence = re.search(r'name="fence" value="(\d+)"', dashboard.page(f"/jobs/{job}"))
    assert fence is not None
    assert dashboard.press(f"/jobs/{job}/approve", fence=fence[1]).status_code == 303
    row = dashboard.store.job(job)
    assert row is not None
    assert row.status == Status.ACTIVE
    assert '"abc"' in row.data


def test_a_rejected_job_ends(dashboard: Dashboard) -> None:
    job = hold(dashboard)
    dashboard.sign_in("approve")
    row = dashboard.store.job(job)
    assert row is not None
    assert dashboard.press(f"/jobs/{job}/reject", fence="").status_code == 422
    assert dashboard.press(f"/jobs/{job}/reject", fence=str(row.fence)).status_code == 303
    after = dashboard.store.job(job)
    assert after is not None
    assert after.status == Status.REJECTED


def test_a_schedule_is_paused_and_resumed(dashboard: Dashboard, tmp_path: Path) -> None:
    flow = tmp_path / "flow.toml"
    flow.write_text('[brief]\nprompt = "fog"\n', encoding="utf-8")
    spec = Spec(file=str(flow), cron="0 9 * * 1", tz="Europe/Berlin")
    asyncio.run(keeping.add(dashboard.store, "weekly", spec, time.time()))
    assert "09:00 Europe/Berlin" in dashboard.page("/schedules/weekly")
    dashboard.sign_in("admin")
    assert dashboard.press("/schedules/weekly/pause", note="holidays").status_code == 303
    assert "paused: holidays" in dashboard.page("/schedules")
    assert dashboard.press("/schedules/weekly/resume").status_code == 303
    assert "holidays" not in dashboard.page("/schedules")


def test_a_long_list_is_told_in_pages(dashboard: Dashboard) -> None:
    run = dashboard.store.jobs()[0].run_id
    data = '{"brief": {"prompt": "fog"}, "provider": "preview"}'
    new = [NewJob(f"job-{at:03}", f"key-{at}", "submit", data) for at in range(120)]
    asyncio.run(dashboard.store.add_jobs(run, new))
    path, seen = "/jobs", 0
    for _ in range(5):
        text = dashboard.page(path)
        seen += text.count('<tr role="row">') - 1
        older = re.search(r'rel="next" href="([^"]+)"', text)
        if older is None:
            break
        path = "/jobs" + older[1].replace("&amp;", "&")
    assert seen == 121


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Dashboard]:
    """A job whose post waits for a review."""
    path = tmp_path / "store.db"
    workflow = {"review": {"always": True}, "brief": {"caption": EVIL, "prompt": EVIL}}
    with Studio(workflow, store=path, out=tmp_path / "out") as studio:
        made = asyncio.run(studio.run(EVIL, caption=EVIL, duration=0.5, resolution="480p"))
        assert [job.hold for job in made.jobs] == ["review"]
    store = SqliteStore(path)
    yield Dashboard(store)
    store.close()


def test_a_post_is_approved_as_the_page_showed_it_and_no_other(waiting: Dashboard) -> None:
    job_id = job_of(waiting)
    row = waiting.store.job(job_id)
    assert row is not None
    version = post_review_of(row, time.time()).version
    shown = waiting.page(f"/jobs/{job_id}")
    assert ("gallery: waits for you" in shown, "Sign in to decide" in shown) == (True, True)
    assert "<script>fetch" not in shown
    assert "<textarea" not in shown
    waiting.sign_in("read")
    assert waiting.press(f"/jobs/{job_id}/review/approve", version=version).status_code == 403
    waiting.jar.clear()
    waiting.sign_in("approve")
    shown = waiting.page(f"/jobs/{job_id}")
    assert (f'value="{version}"' in shown, "Approve 1 post" in shown) == (True, True)
    assert ("<script>fetch" in shown, f"/jobs/{job_id}/resume" in shown) == (False, False)
    for stale in ({}, {"version": "0123456789ab"}):
        assert waiting.press(f"/jobs/{job_id}/review/approve", **stale).status_code >= 400
        assert waiting.store.job(job_id) == row
    assert waiting.press(f"/jobs/{job_id}/review/approve", version=version).status_code == 303
    approved = waiting.store.job(job_id)
    assert approved is not None
    (post,) = post_review_of(approved, time.time()).posts
    assert (approved.status, post.state, post.review.by.startswith("ana")) == (Status.ACTIVE, "approved", True)
    # Until it is posted, the same person can take that back.
    assert waiting.press(f"/jobs/{job_id}/review/reject", version=version, reason="too dark").status_code == 303
    rejected = waiting.store.job(job_id)
    assert rejected is not None
    assert post_review_of(rejected, time.time()).posts[0].state == "rejected"


@pytest.fixture
def refused(tmp_path: Path) -> Iterator[Dashboard]:
    """A job that moderation refused."""
    path, rules = tmp_path / "store.db", {"plugin": {"rules": {"block": ["onerror"]}}}
    with Studio(rules, store=path, out=tmp_path / "out") as studio:
        made = asyncio.run(studio.run(EVIL, duration=0.5, resolution="480p"))
        assert [job.status for job in made.jobs] == ["rejected"]
    store = SqliteStore(path)
    yield Dashboard(store)
    store.close()


def test_a_refusal_is_appealed_on_the_page_and_decided_there(refused: Dashboard) -> None:
    job_id = job_of(refused)
    form, path = f"/jobs/{job_id}/appeal", f"/jobs/{job_id}"
    assert form not in refused.page(path)
    refused.sign_in("approve")
    assert (form in refused.page(path), refused.press(form, because="a test").status_code) == (False, 403)
    refused.jar.clear()
    refused.sign_in("run")
    shown = refused.page(path)
    assert (f'action="{form}"' in shown, "is on the block list" in shown) == (True, True)
    assert refused.press(form, because=" ").status_code == 422
    assert refused.press(form, because=EVIL).status_code == 303
    held = refused.store.job(job_id)
    assert held is not None
    assert (held.status, held.due_at is not None, refused.store.figures().in_review) == ("held", True, 1)
    shown = refused.page(path)
    assert "<dt>then pays</dt><dd>$0.00, as estimated</dd>" in shown
    assert ("Appeal about the brief: waits for you" in shown, f'action="{form}"' in shown) == (True, False)
    assert ("<script>fetch" in shown, f"{path}/retry" in shown, f"{path}/resume" in shown) == (False, False, False)
    version = post_review_of(held, time.time()).version
    assert refused.press(f"{path}/review/approve", version=version).status_code == 403
    refused.jar.clear()
    refused.sign_in("approve")
    assert "Approve 1 appeal" in refused.page(path)
    assert refused.press(f"{path}/review/approve", version="0123456789ab").status_code == 409
    assert refused.press(f"{path}/review/approve", version=version).status_code == 303
    approved = refused.store.job(job_id)
    assert approved is not None
    assert (approved.status, approved.step) == (Status.ACTIVE, "moderate-brief")
    assert "Appeal about the brief: approved by ana" in refused.page(path)


def test_accounts_are_shown_without_their_secrets(
    dashboard: Dashboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "accounts.json"
    monkeypatch.setenv("REELWORK_ACCOUNTS", str(path))
    assert "No accounts on this machine yet" in dashboard.page("/accounts")
    now = datetime.now(UTC)
    ends = {"over": now - timedelta(days=1), "soon": now + timedelta(hours=30), "later": now + timedelta(days=60)}
    for name, at in ends.items():
        held = Credentials({"handle": f"@{name}"}, {"access_token": f"very-secret-{name}"}, expires_at=at)
        Accounts(path).add(name, "mastodon", held)
    text = dashboard.page("/accounts")
    assert "very-secret" not in text
    told = {name: text.partition(f">{name}</th>")[2].partition("</tr>")[0] for name in ends}
    assert "reelwork accounts add mastodon --name over --replace" in told["over"]
    assert ("ends in 1 d" in told["soon"], "until " in told["later"]) == (True, True)
    assert "videos-api" in text
