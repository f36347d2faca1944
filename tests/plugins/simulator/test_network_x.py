"""The simulated X: what it takes, what it refuses, and a person who rehearses a workflow with it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from tests.plugins.simulator.person import Person, answers

from reelwork.testing import write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token
from reelwork_plugins.simulator.networks.x.handlers import X
from reelwork_plugins.simulator.networks.x.rules import SCOPES, user_id

SETTINGS = SimulatorSettings(network="x", render_seconds=0)
ME = f"/2/users/{user_id(ANYONE)}/tweets"
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
title = "First light"

[provider]
use = "preview"

[plugins]
publish = ["x"]

[plugin.x]
account = "rehearsal"
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("x") / "film.mp4"
    return write_video(path, seconds=1, width=320, height=240).read_bytes()


def told(answer: httpx.Response) -> tuple[int, str]:
    problem = answer.json()
    inner = problem.get("errors")
    return answer.status_code, inner[0]["message"] if inner else problem["detail"]


def begun(client: httpx.Client, size: int, **changes: Any) -> httpx.Response:
    asked = {"media_type": "video/mp4", "total_bytes": size, "media_category": "tweet_video", **changes}
    return client.post("/2/media/upload/initialize", json=asked)


def appended(client: httpx.Client, media: str, index: int, content: bytes) -> httpx.Response:
    files, data = {"media": ("piece", content, "application/octet-stream")}, {"segment_index": str(index)}
    return client.post(f"/2/media/upload/{media}/append", data=data, files=files)


def uploaded(client: httpx.Client, film: bytes) -> str:
    media = str(begun(client, len(film)).json()["data"]["id"])
    appended(client, media, 0, film)
    client.post(f"/2/media/upload/{media}/finalize").raise_for_status()
    return media


def posted(client: httpx.Client, text: str, media: str = "", **more: Any) -> httpx.Response:
    attached = {"media": {"media_ids": [media]}} if media else {}
    return client.post("/2/tweets", json={"text": text, **attached, **more})


def test_pieces_may_come_in_any_order_and_twice(client: httpx.Client, film: bytes) -> None:
    made = begun(client, len(film)).json()["data"]
    assert made["media_key"] == f"13_{made['id']}"
    half = len(film) // 2
    appended(client, made["id"], 1, film[half:])
    assert told(client.post(f"/2/media/upload/{made['id']}/finalize"))[0] == 400
    appended(client, made["id"], 0, b"wrong")
    appended(client, made["id"], 0, film[:half])
    done = client.post(f"/2/media/upload/{made['id']}/finalize").json()["data"]
    assert (done["size"], done["processing_info"]["state"]) == (len(film), "succeeded")
    assert told(appended(client, made["id"], 2, film))[1] == "The upload is finished."
    asked = {"command": "STATUS", "media_id": made["id"]}
    assert client.get("/2/media/upload", params=asked).json()["data"]["size"] == len(film)


def test_a_post_is_listed_as_x_lists_it(client: httpx.Client, film: bytes) -> None:
    media = uploaded(client, film)
    client.post(
        "/2/media/metadata", json={"id": media, "metadata": {"alt_text": {"text": "Waves"}}}
    ).raise_for_status()
    made = posted(client, "Gulls & boats", media, made_with_ai=True)
    assert made.status_code == 201
    assert int(made.headers["x-rate-limit-remaining"]) < 100
    id_ = made.json()["data"]["id"]
    listed = client.get(ME, params={"max_results": 5, "tweet.fields": "created_at,attachments"}).json()
    [post] = [one for one in listed["data"] if one["id"] == id_]
    assert post["text"].startswith("Gulls &amp; boats https://t.co/")
    assert post["attachments"] == {"media_keys": [f"13_{media}"]}
    page = client.get(f"/{ANYONE}/status/{id_}").text
    assert "made with AI: yes" in page
    assert "alt text: Waves" in page
    assert client.get(f"/media/{media}").content == film
    assert client.delete(f"/2/tweets/{id_}").json() == {"data": {"deleted": True}}


def test_pages_go_back_in_time(client: httpx.Client, simulator: RunningSimulator) -> None:
    network = simulator.simulation.network
    assert isinstance(network, X)
    ids = [network.timeline.post(ANYONE, f"Page {n}", (), {}, longest=1, once=False).id for n in range(7)]
    first = client.get(ME, params={"max_results": 5}).json()
    assert [one["id"] for one in first["data"]] == ids[:1:-1]
    following = client.get(ME, params={"max_results": 5, "pagination_token": first["meta"]["next_token"]}).json()
    assert [one["id"] for one in following["data"]][:2] == ids[1::-1]
    later = client.get(ME, params={"start_time": "2999-01-01T00:00:00Z"}).json()
    assert later == {"meta": {"result_count": 0}}


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"text": ""}, 400, "You must provide text or media."),
        ({"text": "a", "title": "b"}, 400, "$.title: is not defined"),
        ({"text": "a", "made_with_ai": "yes"}, 400, "$.made_with_ai: boolean expected"),
        ({"text": "a", "reply_settings": "nobody"}, 400, "$.reply_settings"),
        ({"text": "a", "media": {"media_ids": ["17"]}}, 400, "Your media IDs are invalid."),
        ({"text": "日" * 141}, 403, "too long"),
    ],
)
def test_posts_it_does_not_take(client: httpx.Client, asked: dict[str, Any], status: int, words: str) -> None:
    answer = client.post("/2/tweets", json=asked)
    assert answer.status_code == status
    assert words in told(answer)[1]


@pytest.mark.parametrize(
    "change", [{"total_bytes": 0}, {"media_type": "video/ogg"}, {"media_category": "film"}, {"name": "x"}]
)
def test_uploads_it_does_not_take(client: httpx.Client, change: dict[str, Any]) -> None:
    assert told(begun(client, 10, **change))[0] == 400


def test_the_same_text_is_taken_once(client: httpx.Client) -> None:
    text = f"Once {time.time()}"
    posted(client, text).raise_for_status()
    refused = posted(client, text)
    assert told(refused) == (403, "You are not allowed to create a Tweet with duplicate content.")


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (Token("x", ANYONE, tuple(SCOPES), time.time() - 1), 401),
        (Token("x", ANYONE, ("tweet.read", "users.read", "media.write")), 403),
        (Token("youtube", ANYONE, tuple(SCOPES)), 401),
    ],
)
def test_who_may_not_post(client: httpx.Client, token: Token, status: int) -> None:
    head = {"authorization": f"Bearer {token.written()}"}
    assert client.post("/2/tweets", json={"text": "a"}, headers=head).status_code == status


def test_a_quarter_of_an_hour_has_a_hundred_posts() -> None:
    with run_simulator(SimulatorSettings(network="x")) as simulator:
        head = {"authorization": "Bearer rehearsal-token"}
        with httpx.Client(base_url=simulator.base_url, headers=head) as client:
            answers = [client.post("/2/tweets", json={"text": str(number)}) for number in range(101)]
    # The span may end in between.
    limited = next((one for one in answers if one.status_code == 429), None)
    assert sum(one.status_code == 201 for one in answers) >= 100
    assert limited is None or float(limited.headers["x-rate-limit-reset"]) > time.time()


def test_a_refresh_token_is_good_once(simulator: RunningSimulator) -> None:
    url = simulator.base_url
    asked = {
        "response_type": "code", "client_id": "c", "redirect_uri": "http://127.0.0.1:8080/callback", "state": "s",
        "scope": "tweet.write offline.access",
    }  # fmt: skip
    back = answers(f"{url}/i/oauth2/authorize?{urlencode(asked)}").headers["location"]
    [code] = parse_qs(urlsplit(back).query)["code"]
    given = {"client_id": "c", "redirect_uri": asked["redirect_uri"], "code": code}

    def tokens(**form: str) -> dict[str, Any]:
        return dict(httpx.post(f"{url}/2/oauth2/token", data={"client_id": "c", **form}).json())

    first = tokens(grant_type="authorization_code", **given)
    second = tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    again = tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again["error_description"] == "Value passed for the token was invalid."
    assert "access_token" in tokens(grant_type="refresh_token", refresh_token=second["refresh_token"])


def test_a_workflow_is_rehearsed_with_a_sign_in(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork_plugins.publishers.x.X.settle_seconds", 0.5)
    simulator.set_faults(["access:expire=1@nth=1", "publish:accept-then-drop@nth=1"])
    before = len(simulator.posts())
    added = person.runs(
        "accounts", "add", "x", "--name", "rehearsal", "--service", simulator.base_url, "--field", "client_id=any"
    )
    assert added.exit_code == 0, added.output
    assert "@rehearsal" in added.output
    checked = person.runs("accounts", "check", "rehearsal")
    assert checked.exit_code == 0, checked.output
    (person.folder / "post.toml").write_text(FLOW)
    planned = person.runs("plan", "post.toml")
    assert "would be published to x, public, for $0.015 (without a link)" in planned.output
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    [post] = simulator.posts()[before:]
    assert (post["text"], post["made with AI"]) == ("First light", True)
    assert f"{simulator.base_url}{post['url']}" in ran.output
    assert all(one["struck"] for one in simulator.faults())
