"""The simulated YouTube: what it takes, what it refuses, and a person who rehearses a workflow with it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from tests.plugins.simulator.person import Person, answers

from reelwork.testing import write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tokens import Token
from reelwork_plugins.simulator.networks.youtube.channel import QUARTER, SESSION_SECONDS
from reelwork_plugins.simulator.networks.youtube.handlers import SCOPES, Youtube

SETTINGS = SimulatorSettings(network="youtube", render_seconds=0, rate_limits=False)
UPLOAD = "/upload/youtube/v3/videos"
GOOD: Mapping[str, Any] = {
    "snippet": {"title": "Dawn", "description": "A sea.", "tags": ["sea"]},
    "status": {"privacyStatus": "public", "containsSyntheticMedia": True},
}
BACK = "http://127.0.0.1:1/"
READ = "https://www.googleapis.com/auth/youtube.readonly"
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
duration = 1
resolution = "480p"
title = "First light"
privacy = "public"

[provider]
use = "preview"

[plugins]
publish = ["youtube"]

[plugin.youtube]
account = "rehearsal"
"""


def begun(client: httpx.Client, total: int, resource: Any = GOOD, **headers: str) -> httpx.Response:
    query = {"uploadType": "resumable", "part": "snippet,status"}
    head = {"X-Upload-Content-Length": str(total), "X-Upload-Content-Type": "video/mp4", **headers}
    return client.post(UPLOAD, params=query, json=resource, headers=head)


def sent(client: httpx.Client, place: str, content: bytes, span: str) -> httpx.Response:
    return client.put(place, content=content, headers={"Content-Range": span, "Content-Type": "video/mp4"})


def uploaded(client: httpx.Client, film: bytes, resource: Any = GOOD) -> dict[str, Any]:
    place = begun(client, len(film), resource).headers["location"]
    made = sent(client, place, film, f"bytes 0-{len(film) - 1}/{len(film)}")
    assert made.status_code == 200, made.text
    return dict(made.json())


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path)
    return path.read_bytes()


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def test_an_upload_goes_on_where_it_stands_and_makes_one_video(client: httpx.Client) -> None:
    content, total = bytes(range(256)) * 1024 * 3, 3 * QUARTER
    place = begun(client, total).headers["location"]
    question = f"bytes */{total}"
    first = sent(client, place, b"", question)
    assert (first.status_code, "range" in first.headers) == (308, False)
    one = sent(client, place, content[:QUARTER], f"bytes 0-{QUARTER - 1}/{total}")
    assert (one.status_code, one.headers["range"]) == (308, f"bytes=0-{QUARTER - 1}")
    # After a gap nothing is taken; what is there already is not taken again.
    gap = sent(client, place, content[2 * QUARTER :], f"bytes {2 * QUARTER}-{total - 1}/{total}")
    assert (gap.status_code, gap.headers["range"]) == (308, f"bytes=0-{QUARTER - 1}")
    sent(client, place, content[: 2 * QUARTER], f"bytes 0-{2 * QUARTER - 1}/{total}")
    assert sent(client, place, b"", question).headers["range"] == f"bytes=0-{2 * QUARTER - 1}"
    ends = [sent(client, place, content[2 * QUARTER :], f"bytes {2 * QUARTER}-{total - 1}/{total}") for _ in "12"]
    asked = sent(client, place, b"", question)
    assert {answer.json()["id"] for answer in (*ends, asked)} == {ends[0].json()["id"]}
    assert client.get(f"/media/{ends[0].json()['id']}").content == content


@pytest.mark.parametrize(
    ("length", "span"),
    [
        (QUARTER - 1, f"bytes 0-{QUARTER - 2}/{2 * QUARTER}"),
        (QUARTER, f"bytes 0-{QUARTER}/{2 * QUARTER}"),
        (QUARTER, f"bytes 0-{QUARTER - 1}/{3 * QUARTER}"),
        (QUARTER, f"bytes {2 * QUARTER}-{3 * QUARTER - 1}/{2 * QUARTER}"),
        (QUARTER, "bytes one-two/three"),
    ],
)
def test_pieces_that_do_not_fit(client: httpx.Client, length: int, span: str) -> None:
    place = begun(client, 2 * QUARTER).headers["location"]
    assert sent(client, place, bytes(length), span).status_code == 400
    assert "range" not in sent(client, place, b"", f"bytes */{2 * QUARTER}").headers


def test_a_session_ends_after_a_week_and_its_address_is_all_it_needs(
    client: httpx.Client, simulator: RunningSimulator
) -> None:
    place = begun(client, QUARTER).headers["location"]
    network = simulator.simulation.network
    assert isinstance(network, Youtube)
    [session] = [one for one in network.channels.sessions.values() if one.id in place]
    head = {"Content-Range": f"bytes */{QUARTER}"}
    assert httpx.put(place, headers=head).status_code == 308
    expired = Token("youtube", "rehearsal", tuple(SCOPES), ends=1.0).written()
    assert httpx.put(place, headers={**head, "authorization": f"Bearer {expired}"}).status_code == 401
    session.begun = time.time() - SESSION_SECONDS - 1
    assert httpx.put(place, headers=head).status_code == 404


@pytest.mark.parametrize(
    ("part", "change", "told"),
    [
        ("snippet", {"title": ""}, "invalidTitle"),
        ("snippet", {"title": "x" * 101}, "invalidTitle"),
        ("snippet", {"title": "a < b"}, "invalidTitle"),
        ("snippet", {"description": "é" * 2501}, "invalidDescription"),
        ("snippet", {"tags": ["x" * 100] * 5}, "invalidTags"),
        ("snippet", {"tags": "sea"}, "invalidTags"),
        ("snippet", {"categoryId": "99"}, "invalidCategoryId"),
        ("status", {"privacyStatus": "friends"}, "invalidVideoMetadata"),
        ("status", {"publishAt": "2027-01-01T00:00:00Z"}, "invalidPublishAt"),
        ("status", {"privacyStatus": "private", "publishAt": "soon"}, "invalidPublishAt"),
        ("status", {"embeddable": "yes"}, "invalidVideoMetadata"),
    ],
)
def test_words_it_does_not_take(client: httpx.Client, part: str, change: Mapping[str, Any], told: str) -> None:
    assert reason(begun(client, 9, {**GOOD, part: {**GOOD[part], **change}})) == (400, told)


def test_what_it_does_not_take_as_an_upload(client: httpx.Client) -> None:
    assert reason(begun(client, 9, **{"X-Upload-Content-Type": "image/png"})) == (400, "badContent")
    assert reason(begun(client, 9, {**GOOD, "recordingDetails": {}})) == (400, "unexpectedPart")
    assert reason(client.post(UPLOAD, params={"uploadType": "resumable"}, json=GOOD)) == (
        400,
        "missingRequiredParameter",
    )
    assert reason(client.post(UPLOAD, params={"uploadType": "media"}, json=GOOD)) == (400, "badRequest")


@pytest.mark.parametrize(
    ("token", "status", "told"),
    [
        (Token("youtube", "ada", (READ,)), 403, "insufficientPermissions"),
        (Token("youtube", "ada", tuple(SCOPES), ends=1.0), 401, "authError"),
        (Token("youtube", "ada", tuple(SCOPES), refresh=True), 401, "authError"),
        (Token("mastodon", "ada", tuple(SCOPES)), 401, "authError"),
    ],
)
def test_who_may_not_upload(client: httpx.Client, token: Token, status: int, told: str) -> None:
    assert reason(begun(client, 9, authorization=f"Bearer {token.written()}")) == (status, told)


def test_a_video_is_processed_listed_shown_and_removed(client: httpx.Client, film: bytes) -> None:
    before = client.get("/youtube/v3/channels", params={"part": "contentDetails", "mine": "true"}).json()
    uploads = before["items"][0]["contentDetails"]["relatedPlaylists"]["uploads"]
    ids = [uploaded(client, film)["id"] for _ in range(3)]
    query = {"part": "snippet,contentDetails", "playlistId": uploads, "maxResults": "2"}
    first = client.get("/youtube/v3/playlistItems", params=query).json()
    second = client.get("/youtube/v3/playlistItems", params={**query, "pageToken": first["nextPageToken"]}).json()
    listed = [one["contentDetails"]["videoId"] for one in (*first["items"], *second["items"])]
    assert listed[:3] == list(reversed(ids))
    read = client.get("/youtube/v3/videos", params={"part": "status,snippet", "id": ids[0]}).json()
    status = read["items"][0]["status"]
    assert (status["uploadStatus"], status["containsSyntheticMedia"]) == ("processed", True)
    place = "/upload/youtube/v3/thumbnails/set"
    for kind, status_code in (("image/png", 200), ("text/html", 400)):
        head = {"content-type": kind}
        dressed = client.post(place, params={"videoId": ids[0]}, content=b"\xff\xd8", headers=head)
        assert dressed.status_code == status_code
    assert client.get(f"/vi/{ids[0]}").content == b"\xff\xd8"
    assert "Dawn" in client.get("/watch", params={"v": ids[0]}).text
    assert client.delete("/youtube/v3/videos", params={"id": ids[0]}).status_code == 204
    assert client.get("/youtube/v3/videos", params={"part": "id", "id": ids[0]}).json()["items"] == []
    other = {"authorization": f"Bearer {Token('youtube', 'eve', tuple(SCOPES)).written()}"}
    assert client.delete("/youtube/v3/videos", params={"id": ids[1]}, headers=other).status_code == 404


def test_a_time_to_appear_is_kept_and_a_video_may_fail(
    client: httpx.Client, simulator: RunningSimulator, film: bytes
) -> None:
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    soon = {**GOOD, "status": {"privacyStatus": "private", "publishAt": at}}
    assert uploaded(client, film, soon)["status"]["privacyStatus"] == "private"
    past = {**GOOD, "status": {"privacyStatus": "private", "publishAt": "2026-01-01T00:00:00Z"}}
    assert uploaded(client, film, past)["status"]["privacyStatus"] == "public"
    assert uploaded(client, b"no video")["status"]["failureReason"] == "invalidFile"
    faults = {
        "video:fail=codec": ("failureReason", "codec"),
        "video:reject": ("rejectionReason", "copyright"),
        "video:stuck": ("uploadStatus", "uploaded"),
        "video:locked": ("privacyStatus", "private"),
    }
    for fault, (name, value) in faults.items():
        simulator.set_faults([fault])
        assert uploaded(client, film)["status"][name] == value


def test_a_day_has_a_hundred_uploads_and_a_key_is_asked_for() -> None:
    with run_simulator(SimulatorSettings(network="youtube", api_key="mine")) as simulator:
        head = {"authorization": "Bearer mine"}
        with httpx.Client(base_url=simulator.base_url, headers=head) as client:
            answers = [begun(client, 9) for _ in range(101)]
            assert {answer.status_code for answer in answers[:100]} == {200}
            assert reason(answers[100]) == (403, "quotaExceeded")
            assert reason(begun(client, 9, authorization="Bearer rehearsal-token")) == (401, "authError")


def test_tokens_end_and_are_refreshed(simulator: RunningSimulator) -> None:
    url = simulator.base_url
    asked = {
        "response_type": "code",
        "client_id": "c",
        "redirect_uri": BACK,
        "scope": READ,
        "access_type": "offline",
    }
    back = parse_qs(urlsplit(answers(f"{url}/o/oauth2/v2/auth?{urlencode(asked)}").headers["location"]).query)
    form = {"grant_type": "authorization_code", "code": back["code"][0], "client_id": "c", "redirect_uri": BACK}
    simulator.set_faults(["access:expire=0.01@nth=1"])
    first = httpx.post(f"{url}/token", data=form).json()
    channels = {"part": "id", "mine": "true"}
    time.sleep(0.02)
    head = {"authorization": f"Bearer {first['access_token']}"}
    assert httpx.get(f"{url}/youtube/v3/channels", params=channels, headers=head).status_code == 401
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": "c"}
    second = httpx.post(f"{url}/token", data=again).json()
    assert math.isclose(second["expires_in"], 3600)
    head = {"authorization": f"Bearer {second['access_token']}"}
    assert httpx.get(f"{url}/youtube/v3/channels", params=channels, headers=head).status_code == 200
    assert httpx.post(f"{url}/token", data={**again, "refresh_token": "x"}).json()["error"] == "invalid_grant"
    away = {**asked, "redirect_uri": "https://example.com/"}
    assert httpx.get(f"{url}/o/oauth2/v2/auth", params=away).status_code == 400


def test_a_workflow_is_rehearsed_with_a_sign_in(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "none")
    simulator.set_faults(["publish:accept-then-drop@nth=1", "access:expire=1@nth=1"])
    before = len(simulator.posts())
    added = person.runs(
        "accounts", "add", "youtube", "--name", "rehearsal", "--service", simulator.base_url,
        "--field", "client_id=rehearsal", "--field", "client_secret=env:CLIENT_SECRET",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    (person.folder / "post.toml").write_text(FLOW)
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    [post] = simulator.posts()[before:]
    assert (post["title"], post["privacy"], post["made with AI"]) == ("First light", "public", True)
    assert f"{simulator.base_url}{post['url']}" in ran.output
    assert all(one["struck"] for one in simulator.faults())


def test_only_google_and_this_machine_get_the_token(person: Person, tmp_path: Path) -> None:
    added = person.runs("accounts", "add", "youtube", "--service", "https://evil.example", "--field", "client_id=x")
    assert added.exit_code != 0
    assert not (tmp_path / "accounts.json").exists()
