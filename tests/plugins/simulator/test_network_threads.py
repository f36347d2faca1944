"""The simulated Threads: what it takes, what it refuses, and a person who signs in at it."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from tests.plugins.simulator.person import Person, answers

from reelwork.testing import sample_clip, serving
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.meta.store import account_id
from reelwork_plugins.simulator.networks.threads.handlers import SCOPES, Threads
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token

SETTINGS = SimulatorSettings(network="threads", render_seconds=0)
ME = f"/v1.0/{account_id(ANYONE)}"
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"

[provider]
use = "preview"

[plugins]
publish = ["threads"]

[plugin.threads]
account = "rehearsal"
"""


def told(answer: httpx.Response) -> tuple[int, int, int | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("error_subcode")


def status(client: httpx.Client, container: str) -> dict[str, str]:
    asked = {"fields": "id,status,error_message"}
    return dict(client.get(f"/v1.0/{container}", params=asked).json())


def published(client: httpx.Client, container: str) -> httpx.Response:
    return client.post(f"{ME}/threads_publish", data={"creation_id": container})


def test_a_text_is_a_container_first(client: httpx.Client) -> None:
    container = client.post(f"{ME}/threads", data={"media_type": "TEXT", "text": "Dawn"}).json()["id"]
    assert status(client, container) == {"id": container, "status": "FINISHED"}
    post = published(client, container).json()["id"]
    assert status(client, container)["status"] == "PUBLISHED"
    read = client.get(f"/v1.0/{post}", params={"fields": "id,text,permalink,media_type"}).json()
    assert (read["text"], read["media_type"]) == ("Dawn", "TEXT_POST")
    assert "Dawn" in client.get(urlsplit(read["permalink"]).path).text
    assert client.get(f"{ME}/threads", params={"fields": "id,text"}).json()["data"][0]["id"] == post
    limit = client.get(f"{ME}/threads_publishing_limit", params={"fields": "quota_usage,config"}).json()["data"][0]
    assert limit == {"quota_usage": 1, "config": {"quota_total": 250, "quota_duration": 86_400}}


def test_a_video_is_fetched(client: httpx.Client, simulator: RunningSimulator) -> None:
    film = sample_clip().video.path.read_bytes()
    with serving(lambda asked: (200 if asked.path == "/film.mp4" else 404, film)) as files:
        fields = {"media_type": "VIDEO", "video_url": f"{files}/film.mp4"}
        there = client.post(f"{ME}/threads", data=fields).json()["id"]
        missing = client.post(f"{ME}/threads", data={**fields, "video_url": f"{files}/x"}).json()["id"]
    assert status(client, there)["status"] == "FINISHED"
    assert status(client, missing)["error_message"] == "FAILED_DOWNLOADING_VIDEO"
    assert client.get(f"/media/{published(client, there).json()['id']}").content == film
    simulator.set_faults(["container:expired"])
    old = client.post(f"{ME}/threads", data={"media_type": "TEXT", "text": "x"}).json()["id"]
    assert status(client, old)["status"] == "EXPIRED"
    assert told(published(client, old)) == (400, -2, 2207020)


@pytest.mark.parametrize(
    "change",
    [
        {"media_type": "IMAGE"},
        {"text": "x" * 501},
        {"text": "🌊" * 126},
        {"text": ""},
        {"alt_text": "x" * 1001},
        {"topic_tag": "a.b"},
        {"reply_control": "nobody"},
        {"media_type": "VIDEO"},
        {"is_ai_generated": "true"},
    ],
)
def test_fields_it_does_not_take(client: httpx.Client, change: dict[str, str]) -> None:
    given = {"media_type": "TEXT", "text": "Dawn", **change}
    assert told(client.post(f"{ME}/threads", data=given)) == (400, 100, None)


def test_a_day_has_two_hundred_and_fifty_posts() -> None:
    with run_simulator(SimulatorSettings(network="threads")) as simulator:
        network = simulator.simulation.network
        assert isinstance(network, Threads)
        for number in range(251):
            one = network.accounts.create(ANYONE, {"media_type": "TEXT"}, Path(), limited=True)
            network.accounts.change(one.id, ready_at=0.0)
            if number < 250:
                network.accounts.publish(one.id, ANYONE, most=250)
        head = {"authorization": "Bearer rehearsal-token"}
        with httpx.Client(base_url=simulator.base_url, headers=head) as client:
            assert told(published(client, list(network.accounts.containers)[-1])) == (400, 9, 2207042)


def test_tokens_of_sixty_days(simulator: RunningSimulator) -> None:
    url, place = simulator.base_url, "https://localhost/"
    asked = {
        "response_type": "code",
        "client_id": "c",
        "redirect_uri": place,
        "scope": "threads_basic,threads_content_publish",
    }
    back = parse_qs(urlsplit(answers(f"{url}/oauth/authorize?{urlencode(asked)}").headers["location"]).query)
    form = {"grant_type": "authorization_code", "code": back["code"][0], "client_id": "c", "redirect_uri": place}
    short = httpx.post(f"{url}/oauth/access_token", data=form).json()
    assert short["user_id"] == account_id(ANYONE)
    query = {"grant_type": "th_exchange_token", "client_secret": "s", "access_token": short["access_token"]}
    assert httpx.get(f"{url}/access_token", params=query).json()["expires_in"] == 60 * 86_400
    older = Token("threads", ANYONE, tuple(SCOPES), time.time() + 86_400).written()
    again = {"grant_type": "th_refresh_token", "access_token": older}
    assert httpx.get(f"{url}/refresh_access_token", params=again).json()["access_token"] != older


def test_a_person_signs_in_and_is_told_that_threads_fetches_the_video(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "none")
    added = person.runs(
        "accounts", "add", "threads", "--name", "rehearsal", "--service", simulator.base_url,
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
    assert simulator.requests("/v1.0/me") != []
