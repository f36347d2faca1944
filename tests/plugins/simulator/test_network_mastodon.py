"""The simulated Mastodon, asked by a client of others: Mastodon.py. And by a person who rehearses a workflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from mastodon import Mastodon, MastodonAPIError, MastodonNotFoundError, MastodonUnauthorizedError
from mastodon.errors import MastodonIllegalArgumentError
from tests.plugins.simulator.person import Person, answers

from reelwork.testing import write_video
from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.mastodon.instance import counted
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN, Token

SETTINGS = SimulatorSettings(network="mastodon", render_seconds=0, rate_limits=False)
BACK = "http://127.0.0.1:1/"
SCOPES = ["read:accounts", "read:statuses", "write:media", "write:statuses"]
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
publish = ["mastodon"]

[plugin.mastodon]
account = "rehearsal"
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path)
    return path


def signed_in(simulator: RunningSimulator, name: str) -> Mastodon:
    """A client of this person, after the whole sign-in."""
    url = simulator.base_url
    client_id, secret = Mastodon.create_app("A test", scopes=SCOPES, redirect_uris=BACK, api_base_url=url)
    client = Mastodon(client_id=client_id, client_secret=secret, api_base_url=url, ratelimit_method="throw")
    page = client.auth_request_url(redirect_uris=BACK, scopes=SCOPES, state="s")
    back = parse_qs(urlsplit(answers(page, name).headers["location"]).query)
    assert back["state"] == ["s"]
    client.log_in(code=back["code"][0], redirect_uri=BACK, scopes=SCOPES)
    with pytest.raises(MastodonIllegalArgumentError, match="invalid"):
        client.log_in(code=back["code"][0], redirect_uri=BACK, scopes=SCOPES)
    return client


def test_a_client_signs_in_posts_lists_and_deletes(simulator: RunningSimulator, film: Path) -> None:
    client = signed_in(simulator, "ada")
    me = client.me()
    assert me.acct == "ada"
    media = client.media_post(BytesIO(film.read_bytes()), "video/mp4", description="A boat")
    status = client.status_post("Dawn <3 & more", media_ids=media, spoiler_text="Light", idempotency_key="k")
    assert (status.content, status.sensitive) == ("<p>Dawn &lt;3 &amp; more</p>", True)
    assert client.status_post("Dawn <3 & more", media_ids=media, idempotency_key="k").id == status.id
    with pytest.raises(MastodonAPIError, match="already attached to another post"):
        client.status_post("Once more", media_ids=media, idempotency_key="other")
    [listed] = client.account_statuses(me.id, only_media=True)
    assert (listed.id, listed.media_attachments[0].description) == (status.id, "A boat")
    assert httpx.get(str(listed.media_attachments[0].url)).content == film.read_bytes()
    page = httpx.get(str(status.url))
    assert "Dawn &lt;3 &amp; more" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert signed_in(simulator, "eve").account_statuses(me.id, only_media=True)[0].id == status.id
    client.status_delete(status)
    assert client.account_statuses(me.id) == []


def test_pages_of_a_list_and_who_sees_what(simulator: RunningSimulator) -> None:
    client, other = signed_in(simulator, "bea"), signed_in(simulator, "eve")
    ids = [client.status_post(f"Post {number}").id for number in range(5)]
    hidden = client.status_post("For me", visibility="direct").id
    me = client.me().id
    first = client.account_statuses(me, limit=2)
    rest = client.fetch_remaining(first)
    assert [one.id for one in rest] == [hidden, *reversed(ids)]
    assert [one.id for one in other.account_statuses(me)] == list(reversed(ids))
    with pytest.raises(MastodonNotFoundError):
        other.status(hidden)
    with pytest.raises(MastodonNotFoundError):
        other.status_delete(ids[0])


def test_what_is_scheduled_is_not_posted_yet_and_not_known_by_its_key(simulator: RunningSimulator) -> None:
    client = signed_in(simulator, "cleo")
    at = datetime.now(UTC) + timedelta(hours=1)
    made = [client.status_post("Later", scheduled_at=at, idempotency_key="k").id for _ in range(2)]
    assert [one.id for one in client.scheduled_statuses()] == made
    assert len(set(made)) == 2
    assert client.account_statuses(client.me().id) == []
    with pytest.raises(MastodonAPIError, match="5 minutes"):
        client.status_post("Too soon", scheduled_at=datetime.now(UTC) + timedelta(minutes=2))


def test_a_video_is_looked_at_before_it_can_be_posted(simulator: RunningSimulator, film: Path) -> None:
    client = signed_in(simulator, "dora")
    simulator.set_faults(["video:slow=0.6@nth=1", "video:fail=codec@nth=2"])
    slow, broken = (client.media_post(BytesIO(film.read_bytes()), "video/mp4", synchronous=False) for _ in range(2))
    assert slow.url is None
    with pytest.raises(MastodonAPIError, match="not finished processing"):
        client.status_post("Now", media_ids=slow)
    with pytest.raises(MastodonAPIError, match="Error processing"):
        client.media(broken.id)
    ends = time.monotonic() + 20
    while client.media(slow.id).url is None and time.monotonic() < ends:
        time.sleep(0.05)
    assert client.status_post("Now", media_ids=slow).id
    with pytest.raises(MastodonNotFoundError):
        client.media(slow.id)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": ""}, "Text can't be blank"),
        ({"status": "x" * 501}, "character limit of 500"),
        ({"status": "x" * 480, "spoiler_text": "x" * 21}, "character limit of 500"),
        ({"status": "x", "visibility": "friends"}, "not a valid visibility"),
        ({"status": "x", "media_ids": ["1"]}, "Media 1 not found"),
        ({"status": "x", "media_ids": list("12345")}, "more than 4 files"),
        ({"status": "x", "scheduled_at": "soon"}, "Scheduled at is invalid"),
        ({"status": "x", "scheduled_at": "0001-01-01"}, "Scheduled at is invalid"),
        ({"status": "x", "scheduled_at": "9999-12-31T23:59:59-23:59"}, "Scheduled at is invalid"),
    ],
)
def test_posts_it_does_not_take(simulator: RunningSimulator, fields: Mapping[str, Any], words: str) -> None:
    before = simulator.posts()
    head = {"authorization": "Bearer rehearsal-token"}
    answer = httpx.post(f"{simulator.base_url}/api/v1/statuses", json=fields, headers=head)
    assert (answer.status_code, words in answer.json()["error"]) == (422, True), answer.text
    assert simulator.posts() == before


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (("a.mp4", b"", "video/mp4"), "File can't be blank"),
        (("a.pdf", b"%PDF", "application/pdf"), "content type is invalid"),
        (None, "File can't be blank"),
    ],
)
def test_files_it_does_not_take(simulator: RunningSimulator, file: Any, words: str) -> None:
    head = {"authorization": "Bearer rehearsal-token"}
    files = {"file": file} if file else {"other": ("a.mp4", b"x", "video/mp4")}
    answer = httpx.post(f"{simulator.base_url}/api/v2/media", files=files, headers=head)
    assert (answer.status_code, words in answer.json()["error"]) == (422, True), answer.text


def test_what_is_no_video_fails_when_it_is_looked_at(simulator: RunningSimulator) -> None:
    client = signed_in(simulator, "fay")
    media = client.media_post(BytesIO(b"<html>"), "video/mp4", synchronous=False)
    with pytest.raises(MastodonAPIError, match="cannot be read as a video"):
        client.media(media.id)


def test_characters_count_as_mastodon_counts_them() -> None:
    assert counted("", "See https://example.com/a/very/long/address/indeed.") == len("See .") + 23
    assert counted("Warning", "Hi @ada@example.com") == len("Warning" + "Hi @ada")
    assert counted("", "e\u0301") == 1


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("", 401),
        ("nonsense", 401),
        (Token("mastodon", "ada", tuple(SCOPES), ends=1.0).written(), 401),
        (Token("youtube", "ada", tuple(SCOPES)).written(), 401),
        (Token("mastodon", "ada", ("write:statuses",)).written() + "0", 401),
        (Token("mastodon", "ada", ("read",)).written(), 403),
        (Token("mastodon", "ada", ("write",)).written(), 200),
    ],
)
def test_only_a_token_with_the_scope_posts(simulator: RunningSimulator, token: str, status: int) -> None:
    head = {"authorization": f"Bearer {token}"} if token else {}
    answer = httpx.post(f"{simulator.base_url}/api/v1/statuses", json={"status": "x"}, headers=head)
    assert answer.status_code == status, answer.text


def test_with_a_key_only_the_key_is_let_in_without_a_sign_in(film: Path) -> None:
    with run_simulator(SimulatorSettings(network="mastodon", api_key="mine", render_seconds=0)) as simulator:
        for key in (OPEN_TOKEN, "mine"):
            client = Mastodon(access_token=key, api_base_url=simulator.base_url)
            if key == "mine":
                assert client.me().acct == "rehearsal"
            else:
                with pytest.raises(MastodonUnauthorizedError):
                    client.me()
        for _ in range(30):
            client.media_post(BytesIO(film.read_bytes()), "video/mp4", synchronous=False)
        files = {"file": ("a.mp4", b"x", "video/mp4")}
        head = {"authorization": "Bearer mine"}
        refused = httpx.post(f"{simulator.base_url}/api/v2/media", files=files, headers=head)
        assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (429, "0")
        assert datetime.fromisoformat(refused.headers["x-ratelimit-reset"]) > datetime.now(UTC)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_id": "somebody"}, 401),
        ({"redirect_uri": "http://127.0.0.1:2/"}, 400),
        ({"scope": "read write follow"}, 400),
        ({"scope": "write"}, 400),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, 400),
        ({"response_type": "token"}, 400),
    ],
)
def test_a_sign_in_that_is_not_right_is_not_shown(
    simulator: RunningSimulator, change: Mapping[str, str], status: int
) -> None:
    url = simulator.base_url
    client_id, _ = Mastodon.create_app("A test", scopes=SCOPES, redirect_uris=BACK, api_base_url=url)
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": BACK, "scope": " ".join(SCOPES)}
    assert httpx.get(f"{url}/oauth/authorize", params=asked).status_code == 200
    refused = httpx.get(f"{url}/oauth/authorize", params={**asked, **change})
    assert (refused.status_code, "location" in refused.headers) == (status, False)


@pytest.mark.parametrize(("answer", "faults"), [("deny", []), ("allow", ["consent:denied"])])
def test_a_person_may_say_no(simulator: RunningSimulator, answer: str, faults: list[str]) -> None:
    url = simulator.base_url
    simulator.set_faults(faults)
    client_id, _ = Mastodon.create_app("A test", scopes=SCOPES, redirect_uris=BACK, api_base_url=url)
    page = Mastodon(client_id=client_id, client_secret="x", api_base_url=url).auth_request_url(
        redirect_uris=BACK, scopes=SCOPES
    )
    back = parse_qs(urlsplit(answers(page, answer=answer).headers["location"]).query)
    assert back["error"] == ["access_denied"]


@pytest.mark.slow
def test_a_workflow_is_rehearsed_with_a_sign_in(simulator: RunningSimulator, person: Person) -> None:
    simulator.set_faults(["publish:accept-then-drop@nth=1"])
    before = len(simulator.posts())
    field = f"instance={simulator.base_url}"
    added = person.runs("accounts", "add", "mastodon", "--name", "rehearsal", "--field", field)
    assert added.exit_code == 0, added.output
    (person.folder / "post.toml").write_text(FLOW)
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    [post] = simulator.posts()[before:]
    assert post["text"] == "First light\n\nMade with AI"
    assert f"{simulator.base_url}{post['url']}" in ran.output
    assert [one["struck"] for one in simulator.faults()] == [1]


def test_a_workflow_with_the_token_alone_shows_where_it_was_posted(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The token is a secret and masked; the account's name in the address is none.
    monkeypatch.setenv("MASTODON_TOKEN", OPEN_TOKEN)
    place = f'instance = "{simulator.base_url}"\naccess_token = "env:MASTODON_TOKEN"'
    (person.folder / "post.toml").write_text(FLOW.replace('account = "rehearsal"', place))
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    assert f"{simulator.base_url}/@{ANYONE}/{simulator.posts()[-1]['id']}" in ran.output
    assert OPEN_TOKEN not in ran.output


@pytest.mark.parametrize(
    "settings",
    [{"network": "myspace"}, {"network": "mastodon", "protocol": "fal"}, {"network": "mastodon", "state": Path()}],
)
def test_settings_that_make_no_sense(settings: Any) -> None:
    with pytest.raises(InvalidInput):
        SimulatorSettings(**settings)
