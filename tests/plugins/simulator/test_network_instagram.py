"""The simulated Instagram: what it takes, what it refuses, and a person who rehearses a workflow with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from tests.plugins.simulator.person import Person, answers

from reelwork.testing import serving, write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.instagram.handlers import SCOPES, Instagram
from reelwork_plugins.simulator.networks.meta.store import MOST_CONTAINERS, account_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token

SETTINGS = SimulatorSettings(network="instagram", render_seconds=0, rate_limits=False)
ME = f"/v26.0/{account_id(ANYONE)}"
GOOD: Mapping[str, str] = {"media_type": "REELS", "upload_type": "resumable", "caption": "Dawn #sea"}
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
duration = 3
resolution = "480p"
title = "First light"

[provider]
use = "preview"

[plugins]
publish = ["instagram"]

[plugin.instagram]
account = "rehearsal"
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return write_video(path, seconds=3.2).read_bytes()


def told(answer: httpx.Response) -> tuple[int, int, int | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("error_subcode")


def sent(client: httpx.Client, place: str, content: bytes, offset: int, size: int) -> httpx.Response:
    head = {"offset": str(offset), "file_size": str(size), "content-type": "application/octet-stream"}
    return client.post(urlsplit(place).path, content=content, headers=head)


def made(client: httpx.Client, film: bytes, **fields: str) -> str:
    began = client.post(f"{ME}/media", data={**GOOD, **fields}).json()
    assert sent(client, began["uri"], film, 0, len(film)).json()["success"] is True
    return str(began["id"])


def status(client: httpx.Client, container: str) -> str:
    read = client.get(f"/v26.0/{container}", params={"fields": "status_code,status"}).json()
    assert read["status"]
    return str(read["status_code"])


def published(client: httpx.Client, container: str) -> httpx.Response:
    return client.post(f"{ME}/media_publish", data={"creation_id": container})


def test_bytes_make_a_container_and_publishing_makes_the_post(client: httpx.Client, film: bytes) -> None:
    began = client.post(f"{ME}/media", data={**GOOD, "is_ai_generated": "true"}).json()
    assert status(client, began["id"]) == "IN_PROGRESS"
    assert told(published(client, began["id"])) == (400, 9007, 2207027)
    half = len(film) // 2
    assert told(sent(client, began["uri"], film[half:], half, len(film)))[1] == 100
    sent(client, began["uri"], film[:half], 0, len(film))
    sent(client, began["uri"], film[half:], half, len(film))
    assert status(client, began["id"]) == "FINISHED"
    post = published(client, began["id"]).json()["id"]
    assert status(client, began["id"]) == "PUBLISHED"
    asked = {"fields": "id,caption,permalink,is_ai_generated,media_product_type"}
    read = client.get(f"/v26.0/{post}", params=asked).json()
    assert (read["caption"], read["is_ai_generated"], read["media_product_type"]) == ("Dawn #sea", True, "REELS")
    assert "Dawn #sea" in client.get(urlsplit(read["permalink"]).path).text
    assert client.get(f"/media/{post}").content == film
    assert client.delete(f"/v26.0/{post}").json() == {"success": True}
    assert told(client.get(f"/v26.0/{post}")) == (400, 100, 33)


def test_a_container_that_is_published_twice_posts_twice(
    client: httpx.Client, simulator: RunningSimulator, film: bytes
) -> None:
    container, before = made(client, film), len(simulator.posts())
    assert published(client, container).json()["id"] != published(client, container).json()["id"]
    assert len(simulator.posts()) == before + 2


def test_a_container_expires_fails_or_is_forgotten(
    client: httpx.Client, simulator: RunningSimulator, film: bytes
) -> None:
    simulator.set_faults(["container:expired@nth=1"])
    old = made(client, film)
    assert status(client, old) == "EXPIRED"
    assert told(published(client, old)) == (400, -2, 2207020)
    simulator.set_faults(["video:fail=codec"])
    failed = made(client, film)
    assert status(client, failed) == "ERROR"
    assert told(published(client, failed)) == (400, -1, 2207032)
    assert status(client, made(client, b"no video")) == "ERROR"
    simulator.set_faults(["container:forgotten"])
    assert told(client.get(f"/v26.0/{old}")) == (400, 100, 33)
    simulator.set_faults(["video:stuck"])
    assert status(client, made(client, film)) == "IN_PROGRESS"


def test_a_video_is_fetched_from_its_address(
    client: httpx.Client, simulator: RunningSimulator, film: bytes
) -> None:
    with serving(lambda asked: (200 if asked.path == "/film.mp4" else 404, film)) as files:
        fields = {"media_type": "REELS", "video_url": f"{files}/film.mp4"}
        there = client.post(f"{ME}/media", data=fields).json()["id"]
        missing = client.post(f"{ME}/media", data={**fields, "video_url": f"{files}/x"}).json()["id"]
    assert (status(client, there), status(client, missing)) == ("FINISHED", "ERROR")
    post = published(client, there).json()["id"]
    assert client.get(f"/media/{post}").content == film


@pytest.mark.parametrize(
    ("change", "code", "sub"),
    [
        ({"media_type": "IMAGE"}, 100, 2207023),
        ({"caption": "x" * 2201}, 100, 2207010),
        ({"caption": "#a " * 31}, 100, 2207010),
        ({"caption": "@a " * 21}, 100, 2207010),
        ({"is_ai_generated": "perhaps"}, 100, None),
        ({"thumb_offset": "-1"}, 1, 2207057),
        ({"upload_type": ""}, 100, None),
        ({"colour": "red"}, 100, None),
    ],
)
def test_fields_it_does_not_take(client: httpx.Client, change: dict[str, str], code: int, sub: int | None) -> None:
    assert told(client.post(f"{ME}/media", data={**GOOD, **change})) == (400, code, sub)


def test_the_posts_are_listed_page_by_page_newest_first(client: httpx.Client, film: bytes) -> None:
    ids = [published(client, made(client, film, caption=f"{n}")).json()["id"] for n in range(3)]
    first = client.get(f"{ME}/media", params={"fields": "id,caption", "limit": "2"}).json()
    after = {"fields": "id", "limit": "2", "after": first["paging"]["cursors"]["after"]}
    second = client.get(f"{ME}/media", params=after).json()
    listed = [one["id"] for one in (*first["data"], *second["data"])]
    assert listed[:3] == list(reversed(ids))
    assert "next" in first["paging"]
    assert told(client.get(f"{ME}/media", params={"fields": "colour"})) == (400, 100, None)


@pytest.mark.parametrize(
    ("token", "code", "sub"),
    [
        (Token("instagram", "rehearsal", ("instagram_business_basic",)), 10, None),
        (Token("instagram", "rehearsal", tuple(SCOPES), ends=1.0), 190, 463),
        (Token("youtube", "rehearsal", tuple(SCOPES)), 190, 463),
        (Token("instagram", "eve", tuple(SCOPES)), 100, 33),
    ],
)
def test_who_may_not_post(client: httpx.Client, token: Token, code: int, sub: int | None) -> None:
    head = {"authorization": f"Bearer {token.written()}"}
    assert told(client.post(f"{ME}/media", data=GOOD, headers=head))[1:] == (code, sub)


def test_only_accounts_of_a_page_send_bytes(client: httpx.Client) -> None:
    token = Token("instagram", "rehearsal", ("instagram_business_basic", "instagram_business_content_publish"))
    head = {"authorization": f"Bearer {token.written()}"}
    assert told(client.post(f"{ME}/media", data=GOOD, headers=head)) == (400, 100, None)


def test_a_day_has_a_hundred_posts_and_four_hundred_containers() -> None:
    with run_simulator(SimulatorSettings(network="instagram")) as simulator:
        network = simulator.simulation.network
        assert isinstance(network, Instagram)
        for number in range(MOST_CONTAINERS):
            one = network.accounts.create(ANYONE, {}, Path(), limited=True)
            if number <= 100:
                network.accounts.change(one.id, ready_at=0.0)
            if number < 100:
                network.accounts.publish(one.id, ANYONE, most=100)
        last = list(network.accounts.containers)[100]
        head = {"authorization": "Bearer rehearsal-token"}
        with httpx.Client(base_url=simulator.base_url, headers=head) as client:
            limit = client.get(f"{ME}/content_publishing_limit", params={"fields": "quota_usage,config"})
            assert limit.json()["data"][0]["quota_usage"] == 100
            assert told(published(client, last)) == (400, 9, 2207042)
            assert told(client.post(f"{ME}/media", data=GOOD)) == (400, 4, None)


def test_tokens_of_sixty_days(simulator: RunningSimulator) -> None:
    url = simulator.base_url
    asked = {
        "response_type": "code",
        "client_id": "c",
        "redirect_uri": "https://localhost/",
        "scope": "instagram_business_basic,instagram_business_content_publish",
    }
    back = parse_qs(urlsplit(answers(f"{url}/oauth/authorize?{urlencode(asked)}").headers["location"]).query)
    form = {
        "grant_type": "authorization_code",
        "code": back["code"][0],
        "client_id": "c",
        "client_secret": "s",
        "redirect_uri": "https://localhost/",
    }
    [short] = httpx.post(f"{url}/oauth/access_token", data=form).json()["data"]
    assert (short["user_id"], "publish" in short["permissions"]) == (account_id(ANYONE), True)
    query = {"grant_type": "ig_exchange_token", "client_secret": "s", "access_token": short["access_token"]}
    long = httpx.get(f"{url}/access_token", params=query).json()
    assert long["expires_in"] == 60 * 86_400
    again = {"grant_type": "ig_refresh_token", "access_token": long["access_token"]}
    assert told(httpx.get(f"{url}/refresh_access_token", params=again))[1] == 100
    older = Token("instagram", ANYONE, tuple(SCOPES), time.time() + 86_400).written()
    new = httpx.get(f"{url}/refresh_access_token", params={**again, "access_token": older}).json()
    assert new["access_token"] != older
    assert told(httpx.get(f"{url}/refresh_access_token", params={**again, "access_token": "x"}))[1] == 190
    elsewhere = {**asked, "redirect_uri": "https://example.com/"}
    assert httpx.get(f"{url}/oauth/authorize", params=elsewhere).status_code == 400


@pytest.mark.parametrize(
    "fault", ["publish:accept-then-drop@nth=1", "publish:drop-before@nth=1", "container:expired@nth=2"]
)
def test_a_workflow_is_rehearsed_with_a_sign_in(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "none")
    monkeypatch.setattr("reelwork_plugins.publishers.instagram.Instagram.settle_seconds", 0.5)
    simulator.set_faults([fault])
    monkeypatch.setattr("reelwork_plugins.publishers.meta.publisher.FIRST_POLL", 0.1)
    before = len(simulator.posts())
    added = person.runs(
        "accounts", "add", "instagram", "--name", "rehearsal", "--service", simulator.base_url,
        "--field", "login=facebook", "--field", "client_id=any", "--field", "client_secret=env:CLIENT_SECRET",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    # One of its own: where another new post has the text, a lost answer waits for a person.
    text = f"First light after {fault.partition(':')[2].partition('@')[0]}"
    (person.folder / "post.toml").write_text(FLOW.replace("First light", text))
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    [post] = simulator.posts()[before:]
    assert (post["text"], post["made with AI"], post["came by"]) == (text, True, "upload")
    assert f"{simulator.base_url}{post['url']}" in ran.output
    assert all(one["struck"] for one in simulator.faults())


def test_a_sign_in_at_instagram_needs_a_public_address(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "none")
    added = person.runs(
        "accounts", "add", "instagram", "--name", "rehearsal", "--service", simulator.base_url,
        "--field", "client_id=any", "--field", "client_secret=env:CLIENT_SECRET",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    assert "Signed in as @rehearsal" in added.output
    checked = person.runs("accounts", "check", "rehearsal")
    assert checked.exit_code == 0, checked.output
    (person.folder / "post.toml").write_text(FLOW)
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code != 0
    assert "public address" in ran.output
