"""The simulated Facebook: what it takes, what it refuses, and a person who signs in at it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests.plugins.simulator.person import Person

from reelwork.testing import write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.facebook.handlers import SCOPES, Facebook
from reelwork_plugins.simulator.networks.facebook.store import REELS_A_DAY, page_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token

SETTINGS = SimulatorSettings(network="facebook", render_seconds=0)
V = "/v26.0"
ME = f"{V}/{page_id(ANYONE)}"
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
title = "First light"

[provider]
use = "preview"

[plugins]
publish = ["facebook"]

[plugin.facebook]
account = "rehearsal"
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("facebook") / "film.mp4"
    return write_video(path, seconds=3.2, width=270, height=480).read_bytes()


def told(answer: httpx.Response) -> tuple[int, int, int | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("error_subcode")


def begun(client: httpx.Client) -> tuple[str, str]:
    made = client.post(f"{ME}/video_reels", data={"upload_phase": "start"}).json()
    return made["video_id"], urlsplit(made["upload_url"]).path


def sent(client: httpx.Client, place: str, content: bytes, **head: int) -> httpx.Response:
    headers = {"offset": "0", "file_size": str(len(content)), **{name: str(value) for name, value in head.items()}}
    return client.post(place, content=content, headers={**headers, "content-type": "application/octet-stream"})


def finished(client: httpx.Client, video: str, **changes: Any) -> httpx.Response:
    form = {"upload_phase": "finish", "video_id": video, "video_state": "PUBLISHED", **changes}
    return client.post(f"{ME}/video_reels", data=form)


def status(client: httpx.Client, video: str) -> dict[str, Any]:
    return dict(client.get(f"{V}/{video}", params={"fields": "status"}).json()["status"])


def test_bytes_are_no_post_until_they_are_finished(client: httpx.Client, film: bytes) -> None:
    video, place = begun(client)
    assert status(client, video)["video_status"] == "uploading"
    half = len(film) // 2
    assert sent(client, place, film[:half], file_size=len(film)).json() == {"success": True}
    assert status(client, video)["uploading_phase"]["bytes_transferred"] == half
    assert told(finished(client, video))[:2] == (400, 100)
    assert told(sent(client, place, film, offset=0)) == (400, 100, None)
    sent(client, place, film[half:], offset=half, file_size=len(film))
    before = status(client, video)
    assert before["video_status"] == "upload_complete"
    assert before["publishing_phase"] == {"status": "not_started", "publish_status": "draft"}
    assert client.get(f"{ME}/video_reels", params={"fields": "id"}).json()["data"] == []
    assert finished(client, video, description="Dawn", is_ai_generated="true").json() == {"success": True}
    assert status(client, video)["publishing_phase"]["status"] == "complete"
    asked = {"fields": "id,description,is_ai_generated,permalink_url,published"}
    read = client.get(f"{V}/{video}", params=asked).json()
    assert (read["description"], read["is_ai_generated"], read["published"]) == ("Dawn", True, True)
    assert "Dawn" in client.get(read["permalink_url"]).text
    assert [one["id"] for one in client.get(f"{ME}/video_reels", params={"fields": "id"}).json()["data"]] == [video]
    assert client.get(f"/media/{video}").content == film


def test_an_upload_that_is_finished_twice_posts_twice(
    client: httpx.Client, simulator: RunningSimulator, film: bytes
) -> None:
    video, place = begun(client)
    sent(client, place, film)
    before = len(simulator.posts())
    finished(client, video)
    finished(client, video)
    assert len(simulator.posts()) == before + 2


def test_a_plain_video_comes_in_the_pieces_that_are_asked_for(
    client: httpx.Client, simulator: RunningSimulator, film: bytes
) -> None:
    network = simulator.simulation.network
    assert isinstance(network, Facebook)
    network.piece = 2000
    made = client.post(f"{ME}/videos", data={"upload_phase": "start", "file_size": str(len(film))}).json()
    session, start, end = made["upload_session_id"], made["start_offset"], made["end_offset"]
    assert (start, end) == ("0", "2000")

    def piece(start: str, end: str) -> httpx.Response:
        form = {"upload_phase": "transfer", "upload_session_id": session, "start_offset": start}
        return client.post(f"{ME}/videos", data=form, files={"video_file_chunk": film[int(start) : int(end)]})

    piece(start, end)
    again = piece(start, end)
    assert told(again) == (400, 6001, 1363037)
    assert again.json()["error"]["error_data"] == {"start_offset": "2000", "end_offset": "4000"}
    start, end = "2000", "4000"
    while start != end:
        following = piece(start, end).json()
        start, end = following["start_offset"], following["end_offset"]
    done = {"upload_phase": "finish", "upload_session_id": session, "published": "true", "title": "Dawn"}
    assert client.post(f"{ME}/videos", data=done).json() == {"success": True}
    listed = client.get(f"{ME}/videos", params={"type": "uploaded", "fields": "id,title"}).json()["data"]
    assert [(one["id"], one["title"]) for one in listed] == [(made["video_id"], "Dawn")]


@pytest.mark.parametrize(
    "change",
    [
        {"video_state": "DRAFT"},
        {"description": "x" * 2201},
        {"title": "🌊" * 128},
        {"is_ai_generated": "yes"},
        {"video_state": "SCHEDULED"},
        {"video_state": "SCHEDULED", "scheduled_publish_time": "soon"},
        {"video_state": "SCHEDULED", "scheduled_publish_time": str(int(time.time()) + 60)},
        {"published": "true"},
    ],
)
def test_fields_it_does_not_take(client: httpx.Client, film: bytes, change: dict[str, str]) -> None:
    video, place = begun(client)
    sent(client, place, film)
    assert told(finished(client, video, **change))[:2] == (400, 100)
    assert status(client, video)["publishing_phase"]["publish_status"] == "draft"


def test_a_scheduled_post_is_shown_when_it_is_due(
    client: httpx.Client, simulator: RunningSimulator, film: bytes
) -> None:
    video, place = begun(client)
    sent(client, place, film)
    finished(client, video, video_state="SCHEDULED", scheduled_publish_time=str(int(time.time()) + 3600))
    assert status(client, video)["publishing_phase"]["publish_status"] == "scheduled"
    listed = client.get(f"{ME}/video_reels", params={"fields": "id"}).json()["data"]
    assert video not in [one["id"] for one in listed]
    network = simulator.simulation.network
    assert isinstance(network, Facebook)
    network.pages.change(video, due=time.time() - 1)
    assert status(client, video)["publishing_phase"]["publish_status"] == "published"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (Token("facebook", ANYONE, tuple(SCOPES), time.time() - 1), 190),
        (Token("facebook", ANYONE, ("pages_show_list",)), 10),
        # A person's token is none of a page.
        (Token("facebook", ANYONE, tuple(SCOPES), time.time() + 3600), 210),
        (Token("facebook", "somebody", tuple(SCOPES)), 100),
        (Token("instagram", ANYONE, tuple(SCOPES)), 190),
    ],
)
def test_who_may_not_post(client: httpx.Client, token: Token, code: int) -> None:
    head = {"authorization": f"Bearer {token.written()}"}
    assert told(client.post(f"{ME}/video_reels", data={"upload_phase": "start"}, headers=head))[1] == code


def test_a_day_has_thirty_reels(film: bytes) -> None:
    with run_simulator(SimulatorSettings(network="facebook")) as simulator:
        head = {"authorization": "Bearer rehearsal-token"}
        network = simulator.simulation.network
        assert isinstance(network, Facebook)
        with httpx.Client(base_url=simulator.base_url, headers=head) as client:
            for number in range(REELS_A_DAY + 1):
                video, place = begun(client)
                if number in (0, REELS_A_DAY):
                    sent(client, place, film)
                    continue
                one = network.pages.owned(video, ANYONE)
                network.pages.finish(one, {}, due=None, fate=(0.0, ""), limited=True)
            [first, *_, last] = network.pages.videos
            assert finished(client, first).json() == {"success": True}
            assert told(finished(client, last)) == (400, 613, None)


@pytest.mark.parametrize(
    "fault", ["publish:accept-then-drop@nth=1", "publish:drop-before@nth=1", "upload:503@nth=1"]
)
def test_a_workflow_is_rehearsed_with_a_sign_in(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "none")
    monkeypatch.setattr("reelwork_plugins.publishers.facebook.Facebook.settle_seconds", 0.5)
    monkeypatch.setattr("reelwork_plugins.publishers.facebook.FIRST_POLL", 0.1)
    simulator.set_faults([fault])
    before = len(simulator.posts())
    added = person.runs(
        "accounts", "add", "facebook", "--name", "rehearsal", "--service", simulator.base_url,
        "--field", "client_id=any", "--field", "client_secret=env:CLIENT_SECRET",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    assert "The page of rehearsal" in added.output
    checked = person.runs("accounts", "check", "rehearsal")
    assert checked.exit_code == 0, checked.output
    (person.folder / "post.toml").write_text(FLOW)
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    [post] = simulator.posts()[before:]
    assert (post["text"], post["made with AI"], post["kind"]) == ("First light", True, "video")
    assert f"{simulator.base_url}{post['url']}" in ran.output
    assert all(one["struck"] for one in simulator.faults())
