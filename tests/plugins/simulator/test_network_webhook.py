"""The simulated receiver of webhooks, as a library of the standard and a person find it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from tests.plugins.simulator.person import Person

from reelwork.testing import serving, write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings
from reelwork_plugins.simulator.networks.webhook.handlers import OPEN_SECRET, WebhookReceiver
from reelwork_plugins.simulator.networks.webhook.inbox import Inbox

SETTINGS = SimulatorSettings(network="webhook")
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
duration = 1
resolution = "480p"
title = "First light"

[provider]
use = "preview"

[plugins]
publish = ["webhook"]

[plugin.webhook]
url = "{url}/posts"
secret = "file:webhook.secret"
private = true
"""


@pytest.fixture
def simulator(shared: RunningSimulator) -> RunningSimulator:
    shared.set_faults([])
    played = shared.simulation.network
    assert isinstance(played, WebhookReceiver)
    played.inbox = Inbox()
    return shared


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path)
    return path.read_bytes()


def body_of(film: bytes, **changes: Any) -> str:
    video = {"sha256": hashlib.sha256(film).hexdigest(), "bytes": len(film), **changes.pop("video", {})}
    data = {"destination": "blog", "job": "j1", "title": "Dawn <3", "caption": "", "privacy": "public", **changes}
    return json.dumps({"type": "post", "timestamp": "2026-11-30T09:00:00Z", "data": {**data, "video": video}})


def signed(body: str, key: str = "m1", secret: str = OPEN_SECRET, late: float = 0.0) -> dict[str, str]:
    at = datetime.now(UTC) + timedelta(seconds=late)
    signature = Webhook(secret).sign(key, at, body)
    return {"webhook-id": key, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def send(
    simulator: RunningSimulator, film: bytes, body: str = "", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    body = body or body_of(film)
    return httpx.post(
        f"{simulator.base_url}/posts",
        data={"post": body},
        files={"video": ("video.mp4", film, "video/mp4")},
        headers=headers or signed(body),
    )


def tells(simulator: RunningSimulator, key: str) -> httpx.Response:
    return httpx.get(f"{simulator.base_url}/posts/{key}", headers=signed("", key))


def test_a_post_is_taken_once_told_of_and_shown(simulator: RunningSimulator, film: bytes) -> None:
    assert tells(simulator, "m1").status_code == 404
    first, again = send(simulator, film), send(simulator, film)
    assert first.status_code == 200
    assert first.json() == again.json() == tells(simulator, "m1").json()
    [post] = simulator.posts()
    assert (post["id"], post["webhook-id"], post["text"]) == (first.json()["id"], "m1", "Dawn <3")
    page = httpx.get(first.json()["url"])
    assert "Dawn &lt;3" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert httpx.get(f"{simulator.base_url}{post['video']}").content == film
    assert send(simulator, film, body_of(film, title="Dusk")).status_code == 409


def test_one_that_forgets_what_it_has_seen_posts_again(simulator: RunningSimulator, film: bytes) -> None:
    simulator.set_faults(["keys:ignored", "posts:forgotten"])
    ids = {send(simulator, film).json()["id"] for _ in range(2)}
    assert len(ids) == len(simulator.posts()) == 2
    assert tells(simulator, "m1").status_code == 404


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"webhook-signature": ""}, "are needed"),
        ({"webhook-timestamp": "now"}, "are needed"),
        ({"secret": "whsec_b3RoZXIgc2VjcmV0IG9mIG90aGVycw=="}, "does not fit"),
        ({"webhook-id": "m2"}, "does not fit"),
        ({"late": -301.0}, "too far from now"),
        ({"late": 302.0}, "too far from now"),
    ],
)
def test_what_is_not_genuine_is_refused(
    simulator: RunningSimulator, film: bytes, headers: dict[str, Any], words: str
) -> None:
    how = {name: headers.pop(name) for name in ("secret", "late") if name in headers}
    refused = send(simulator, film, headers={**signed(body_of(film), **how), **headers})
    assert (refused.status_code, refused.json()["title"]) == (401, "Unauthorized")
    assert words in refused.json()["detail"]
    assert simulator.posts() == []


def test_a_clock_that_is_wrong_refuses_everything(simulator: RunningSimulator, film: bytes) -> None:
    simulator.set_faults(["clock:ahead=600"])
    assert "too far from now" in send(simulator, film).json()["detail"]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"video": {"sha256": "0" * 64}}, 422, "sha256 differs"),
        ({"privacy": None}, 200, ""),
    ],
)
def test_the_video_must_be_the_one_that_is_named(
    simulator: RunningSimulator, film: bytes, changes: dict[str, Any], status: int, words: str
) -> None:
    answer = send(simulator, film, body_of(film, **changes))
    assert answer.status_code == status
    assert words in str(answer.json().get("detail"))


@pytest.mark.parametrize("body", ["{", "[]", '{"type": "post"}', '{"type": "job.done", "data": {"video": {}}}'])
def test_what_is_no_post_is_refused(simulator: RunningSimulator, film: bytes, body: str) -> None:
    assert send(simulator, film, body).status_code in (400, 422)
    assert simulator.posts() == []


def test_a_link_is_fetched(simulator: RunningSimulator, film: bytes) -> None:
    def sends(url: str, key: str) -> httpx.Response:
        body = body_of(film, video={"url": url})
        headers = {**signed(body, key), "content-type": "application/json"}
        return httpx.post(f"{simulator.base_url}/posts", content=body.encode(), headers=headers)

    with serving(lambda asked: (200 if asked.path == "/film" else 404, film)) as url:
        assert sends(f"{url}/film", "m1").status_code == 200
        assert "could not be fetched" in sends(f"{url}/none", "m2").json()["detail"]
    [post] = simulator.posts()
    assert post["sent as"] == "link"


@pytest.mark.slow
def test_a_person_rehearses_each_kind_of_receiver(simulator: RunningSimulator, person: Person) -> None:
    def says(*words: str, code: int = 0) -> str:
        done = person.runs(*words)
        assert done.exit_code == code, done.output
        assert OPEN_SECRET not in done.output
        return str(done.output)

    def written(more: str) -> None:
        (person.folder / "flow.toml").write_text(FLOW.format(url=simulator.base_url) + more)

    (person.folder / "webhook.secret").write_text(OPEN_SECRET)
    written("")
    assert "webhook cannot be asked what was posted" in says("plan", "flow.toml")
    simulator.set_faults(["publish:accept-then-drop*1"])
    assert "It may have been carried out, so it is not sent again" in says("run", "flow.toml", "--yes", code=3)
    says("resume", code=3)
    assert len(simulator.posts()) == 1
    for seed, more in ((1, "repeatable = true"), (2, f'lookup = "{simulator.base_url}/posts/{{id}}"')):
        written(f"settle_seconds = 0\n{more}")
        assert "cannot be asked" not in says("plan", "flow.toml")
        simulator.set_faults(["publish:accept-then-drop*1"])
        told = says("run", "flow.toml", "--yes", "--set", f"brief.seed={seed}")
        assert f"published  webhook: {simulator.base_url}/shown/post_" in told
        assert len(simulator.posts()) == seed + 1
    kept = [path.read_bytes() for path in person.folder.glob("store.db*") if path.is_file()]
    assert kept
    assert not [one for one in kept if OPEN_SECRET.encode() in one]
