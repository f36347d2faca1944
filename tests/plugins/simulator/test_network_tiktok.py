"""The simulated TikTok: what it takes, what it refuses, and a person who rehearses a workflow with it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from tests.plugins.simulator.person import Person, answers

from reelwork.testing import write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tiktok.handlers import SCOPES, Tiktok
from reelwork_plugins.simulator.networks.tiktok.posts import ADDRESS_SECONDS, POSTS_A_DAY, Posts, open_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token

SETTINGS = SimulatorSettings(network="tiktok", render_seconds=0, rate_limits=False)
POST = "/v2/post/publish"
INFO: Mapping[str, Any] = {"title": "Dawn", "privacy_level": "PUBLIC_TO_EVERYONE", "is_aigc": True}
HEAD = {"authorization": "Bearer rehearsal-token"}
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
publish = ["tiktok"]

[plugin.tiktok]
account = "rehearsal"
direct = true
"""


def played(simulator: RunningSimulator) -> Tiktok:
    network = simulator.simulation.network
    assert isinstance(network, Tiktok)
    return network


@pytest.fixture
def simulator(shared: RunningSimulator) -> RunningSimulator:
    played(shared).store = Posts()
    shared.set_faults([])
    return shared


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiktok") / "film.mp4"
    return write_video(path, seconds=1, width=360, height=640, fps=24).read_bytes()


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def source(size: int, chunk: int = 0, count: int = 1) -> dict[str, Any]:
    return {
        "source": "FILE_UPLOAD",
        "video_size": size,
        "chunk_size": chunk or size,
        "total_chunk_count": count,
    }


def begun(client: httpx.Client, video: Mapping[str, Any], info: Mapping[str, Any] | None = INFO) -> httpx.Response:
    if info is None:
        return client.post(f"{POST}/inbox/video/init/", json={"source_info": video})
    return client.post(f"{POST}/video/init/", json={"post_info": info, "source_info": video})


def sent(client: httpx.Client, begin: httpx.Response, content: bytes, start: int, total: int) -> httpx.Response:
    span = f"bytes {start}-{start + len(content) - 1}/{total}"
    head = {"content-range": span, "content-type": "video/mp4"}
    return client.put(begin.json()["data"]["upload_url"], content=content, headers=head)


def status(client: httpx.Client, begin: httpx.Response) -> dict[str, Any]:
    asked = {"publish_id": begin.json()["data"]["publish_id"]}
    data: dict[str, Any] = client.post(f"{POST}/status/fetch/", json=asked).json()["data"]
    return data


def test_a_post_is_made_by_its_last_piece_and_shown(client: httpx.Client, film: bytes) -> None:
    made = begun(client, source(len(film)))
    assert made.json()["error"]["code"] == "ok"
    assert status(client, made) == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0}
    assert sent(client, made, film, 0, len(film)).status_code == 201
    shown = status(client, made)
    assert shown["status"] == "PUBLISH_COMPLETE"
    [number] = shown["publicaly_available_post_id"]
    assert "Dawn" in client.get(f"/@{ANYONE}/video/{number}").text
    assert client.get(f"/media/{number}").content == film
    # Also a piece that comes twice makes one post.
    assert sent(client, made, film, 0, len(film)).status_code == 416


def test_pieces_come_one_after_the_other(client: httpx.Client, film: bytes) -> None:
    total, chunk = 12_000_000, 5_000_000
    made = begun(client, source(total, chunk, 2))
    content = film + bytes(total - len(film))
    assert sent(client, made, content[chunk:], chunk, total).status_code == 416
    assert sent(client, made, content[: chunk - 1], 0, total).status_code == 400
    first = sent(client, made, content[:chunk], 0, total)
    assert (first.status_code, first.headers["content-range"]) == (206, f"bytes 0-{chunk - 1}/{total}")
    assert sent(client, made, content[:chunk], 0, total).status_code == 416
    assert status(client, made) == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": chunk}
    assert sent(client, made, content[chunk:], chunk, total).status_code == 201


@pytest.mark.parametrize(
    ("size", "chunk", "count", "taken"),
    [
        (4_999_999, 4_999_999, 1, True),
        (4_999_999, 2_000_000, 2, False),
        (50_000_123, 10_000_000, 5, True),
        (50_000_123, 10_000_000, 6, False),
        (70_000_000, 70_000_000, 1, False),
        (70_000_000, 40_000_000, 1, True),
        (20_000_000, 4_000_000, 5, False),
        (4_000_000_001, 60_000_000, 66, False),
    ],
)
def test_pieces_are_announced_as_documented(
    client: httpx.Client, size: int, chunk: int, count: int, taken: bool
) -> None:
    assert (begun(client, source(size, chunk, count)).status_code == 200) is taken


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": "🎬" * 1101}, "invalid_params"),
        ({"privacy_level": "FOLLOWER_OF_CREATOR"}, "privacy_level_option_mismatch"),
        ({"privacy_level": None}, "privacy_level_option_mismatch"),
        ({"is_aigc": "true"}, "invalid_params"),
        ({"privacy_level": "SELF_ONLY", "brand_content_toggle": True}, "invalid_params"),
        ({"caption": "x"}, "invalid_params"),
        ({"video_cover_timestamp_ms": -1}, "invalid_params"),
    ],
)
def test_words_it_does_not_take(client: httpx.Client, change: Mapping[str, Any], code: str) -> None:
    assert told(begun(client, source(9), {**INFO, **change}))[1] == code


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (Token("tiktok", ANYONE, tuple(SCOPES), time.time() - 1), "access_token_invalid"),
        (Token("tiktok", ANYONE, ("video.upload",)), "scope_not_authorized"),
        (Token("youtube", ANYONE, tuple(SCOPES)), "access_token_invalid"),
    ],
)
def test_who_may_not_post(client: httpx.Client, token: Token, code: str) -> None:
    client.headers["authorization"] = f"Bearer {token.written()}"
    assert told(begun(client, source(9))) == (401, code)


def test_an_id_is_its_accounts_and_an_address_lasts_an_hour(
    simulator: RunningSimulator, client: httpx.Client, film: bytes
) -> None:
    made = begun(client, source(len(film)))
    id_ = made.json()["data"]["publish_id"]
    other = {"authorization": f"Bearer {Token('tiktok', 'ada', tuple(SCOPES)).written()}"}
    asked = {"publish_id": id_}
    refused = client.post(f"{POST}/status/fetch/", json=asked, headers=other)
    assert told(refused) == (400, "token_not_authorized_for_specified_publish_id")
    played(simulator).store.change(id_, at=time.time() - ADDRESS_SECONDS - 1)
    assert sent(client, made, film, 0, len(film)).status_code == 403


def test_a_draft_is_in_the_inbox_and_a_video_may_fail(client: httpx.Client, film: bytes) -> None:
    draft = begun(client, source(len(film)), None)
    sent(client, draft, film, 0, len(film))
    assert status(client, draft)["status"] == "SEND_TO_USER_INBOX"
    none = begun(client, source(9))
    assert sent(client, none, b"no video!", 0, 9).status_code == 201
    assert status(client, none)["fail_reason"] == "file_format_check_failed"


def test_limits_of_a_minute_and_of_a_day() -> None:
    with run_simulator(SimulatorSettings(network="tiktok")) as simulator:
        store = played(simulator).store
        with httpx.Client(base_url=simulator.base_url, headers=HEAD, timeout=20) as client:
            # A minute may end among them.
            codes = [told(begun(client, source(9), None))[1] for _ in range(14)]
            assert codes[:6] == ["ok"] * 5 + ["spam_risk_too_many_pending_share"]
            assert "rate_limit_exceeded" in codes
        source_of = next(iter(store.every.values())).source
        for _ in range(POSTS_A_DAY):
            made = store.begin("ada", INFO, source_of, simulator.simulation.folder, limited=True)
            store.change(made.id, whole_at=time.time())
        with pytest.raises(Exception, match="daily post cap"):
            store.begin("ada", INFO, source_of, simulator.simulation.folder, limited=True)


def test_tokens_end_and_each_is_renewed_once(simulator: RunningSimulator) -> None:
    url, verifier = simulator.base_url, "v" * 43
    asked = {
        "response_type": "code", "client_key": "key", "redirect_uri": "http://127.0.0.1:1/", "state": "s",
        "scope": "user.info.basic,video.upload,video.publish", "code_challenge_method": "S256",
        "code_challenge": hashlib.sha256(verifier.encode()).hexdigest(),
    }  # fmt: skip
    back = parse_qs(urlsplit(answers(f"{url}/v2/auth/authorize/?{urlencode(asked)}").headers["location"]).query)
    client = {"client_key": "key", "client_secret": "secret"}
    form = {
        **client, "grant_type": "authorization_code", "code": back["code"][0], "code_verifier": verifier,
        "redirect_uri": "http://127.0.0.1:1/",
    }  # fmt: skip
    first = httpx.post(f"{url}/v2/oauth/token/", data=form).json()
    assert (first["open_id"], first["expires_in"]) == (open_id(ANYONE), 7200)
    assert first["scope"] == "user.info.basic,video.upload,video.publish"
    form = {**client, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = httpx.post(f"{url}/v2/oauth/token/", data=form)
    assert second.json()["refresh_token"] != first["refresh_token"]
    again = httpx.post(f"{url}/v2/oauth/token/", data=form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    bare = {name: value for name, value in form.items() if name != "client_secret"}
    assert httpx.post(f"{url}/v2/oauth/token/", data=bare).json()["error"] == "invalid_client"


@pytest.mark.parametrize("fault", ["publish:accept-then-drop@nth=1", "publish:drop-before@nth=1"])
def test_a_workflow_is_rehearsed_with_a_sign_in(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("CLIENT_SECRET", "none")
    monkeypatch.setattr("reelwork_plugins.publishers.tiktok.Tiktok.settle_seconds", 0.5)
    monkeypatch.setattr("reelwork_plugins.publishers.tiktok.FIRST_POLL", 0.1)
    simulator.set_faults([fault])
    added = person.runs(
        "accounts", "add", "tiktok", "--name", "rehearsal", "--service", simulator.base_url,
        "--field", "client_id=any", "--field", "client_secret=env:CLIENT_SECRET",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    checked = person.runs("accounts", "check", "rehearsal")
    assert checked.exit_code == 0, checked.output
    (person.folder / "post.toml").write_text(FLOW)
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    [post] = simulator.posts()
    assert (post["text"], post["made with AI"], post["kind"]) == ("First light", True, "post")
    assert f"{simulator.base_url}{post['url']}" in ran.output
    assert all(one["struck"] for one in simulator.faults())
