"""What `youtube` sends and reads, and what the simulator's YouTube answers, is in YouTube's discovery document.

The document comes with Google's own client (`google-api-python-client`), which the group `test` names.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.youtube.conftest import TOKEN, Network
from tests.plugins.publishers.youtube.discovery import Discovery, installed, path_of, watched

from reelwork.testing import sample_clip, sample_effect, sample_job, sample_post
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Answer, Asset, Credentials, Role, Service, Tokens
from reelwork_plugins.publishers.youtube import Youtube, YoutubeConfig
from reelwork_plugins.publishers.youtube.sign_in import google

UPLOADS = "/upload/youtube/v3/videos"
CAPTIONS = "/upload/youtube/v3/captions"


@pytest.fixture(scope="module")
def discovery() -> Discovery:
    path = installed()
    if path is None or not path.exists():
        missing = "google-api-python-client is not installed: pip install -e . --group test"
        if os.environ.get("REELWORK_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return Discovery.read(path)


class Seen:
    """The successful answers of the service, and which of their fields were read."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, Any]] = []
        self.read: dict[tuple[str, str], set[tuple[str | int, ...]]] = {}

    def wraps(self, original: Any) -> Any:
        async def sent(service: Service, method: str, url: str, *rest: Any) -> Answer:
            answer: Answer = await original(service, method, url, *rest)
            if not answer.ok or answer.body is None:
                return answer
            # The last piece is answered as the request that began the upload would have been.
            key = ("POST" if path_of(url) == UPLOADS else method, path_of(url))
            self.answers.append((*key, answer.body))
            return replace(answer, body=watched(answer.body, self.read.setdefault(key, set())))

        return sent


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()
    monkeypatch.setattr(Service, "_sent", found.wraps(Service._sent))
    return found


@pytest.fixture
def posted(network: Network, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Network:
    """The network after everything that the plugin does at it, with every option of a post."""
    monkeypatch.setattr("reelwork_plugins.publishers.youtube.PAGE", 1)
    context = SampleContext(tmp_path, "youtube")
    context._accounts.add("youtube", "youtube", Credentials({"channel": "UC1"}, {"access_token": TOKEN}))
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"\xff\xd8picture")
    words = tmp_path / "words.en.vtt"
    words.write_text("WEBVTT\n")
    options = {"category": "28", "tags": ["sea", "the coast"], "notify": False, "license": "creativeCommon"}
    ahead = {"privacy": "public", "publish_at": datetime(2026, 12, 24, 18, tzinfo=UTC)}
    plugin = Youtube(YoutubeConfig(base_url=network.url), context)

    async def act(number: int, **changes: Any) -> None:
        post = sample_post(
            destination="youtube",
            clip=sample_clip(),
            title=f"Dawn {number}",
            options=options,
            thumbnail=Asset.from_file(picture, Role.THUMBNAIL, media_type="image/jpeg"),
            captions=(Asset.from_file(words, Role.CAPTIONS, media_type="text/vtt"),),
            **changes,
        )
        job = sample_job(id=f"j{number}")
        prepared: Any = await plugin.prepare_publish(post, job)
        receipt = await plugin.publish(post, job, sample_effect(prepared=prepared))
        await plugin.follow_post(post, job, receipt)
        network.process()
        await plugin.follow_post(post, job.replace(pending=None), receipt)
        # The session is forgotten now, so the list of uploads is read.
        await plugin.find_post(post, job, sample_effect(prepared=prepared))

    async def all_of_it() -> None:
        await Youtube.signed_in(Tokens(access=TOKEN, given={"service": network.url}), context)
        await act(1)
        await act(2, **ahead)

    asyncio.run(all_of_it())
    return network


METHODS = {
    ("POST", UPLOADS): "youtube.videos.insert",
    ("POST", "/upload/youtube/v3/thumbnails/set"): "youtube.thumbnails.set",
    ("POST", CAPTIONS): "youtube.captions.insert",
    ("GET", "/youtube/v3/videos"): "youtube.videos.list",
    ("GET", "/youtube/v3/channels"): "youtube.channels.list",
    ("GET", "/youtube/v3/playlistItems"): "youtube.playlistItems.list",
}
"""What the plugin calls. A piece of an upload is no method of its own."""


def requests_of(network: Network) -> list[Mapping[str, Any]]:
    pieces = ("PUT", UPLOADS)
    return [one for one in network.simulator.requests() if (one["method"], one["path"]) != pieces]


def test_every_request_is_one_of_the_document_s(posted: Network, discovery: Discovery) -> None:
    asked = requests_of(posted)
    assert {(one["method"], one["path"]) for one in asked} == set(METHODS)
    for one in asked:
        method = discovery.method(one["method"], one["path"])
        assert method["id"] == METHODS[one["method"], one["path"]]
        assert discovery.faults_of_query(method, one["query"]) == [], one["path"]


def test_every_body_that_is_sent_fits_its_schema(posted: Network, discovery: Discovery) -> None:
    bodies = [one["fields"] for one in requests_of(posted) if one["path"] == UPLOADS]
    captions = [video.captions for video in posted.videos.values()]
    assert captions == [{"en": b"WEBVTT\n"}] * 2
    assert len(bodies) == 2
    assert all("publishAt" in one["status"] for one in bodies[1:])
    for body in bodies:
        assert discovery.faults_of("Video", body) == []
        # What is sent beside the named parts is refused.
        assert set(body) == {"snippet", "status"}


def test_the_sign_in_asks_for_scopes_that_allow_every_method(discovery: Discovery) -> None:
    known = set(discovery.document["auth"]["oauth2"]["scopes"])
    needed = {path: set(discovery.method(verb, path)["scopes"]) for verb, path in METHODS}
    with_captions = set(google("", captions=True).scopes)
    assert with_captions <= known
    assert len(with_captions) == 1
    assert all(with_captions <= scopes for scopes in needed.values())
    asked = set(google("").scopes)
    assert asked <= known
    without = {path: scopes for path, scopes in needed.items() if path != CAPTIONS}
    assert all(asked & scopes for scopes in without.values())
    assert not asked & needed[CAPTIONS]
    # None is asked for that no method needs.
    for scope in asked:
        assert not all((asked - {scope}) & scopes for scopes in without.values()), scope


def test_every_field_that_is_read_is_one_of_the_answer_s(posted: Network, seen: Seen, discovery: Discovery) -> None:
    assert set(seen.read) == set(METHODS)
    for (verb, path), places in seen.read.items():
        schema = discovery.method(verb, path)["response"]["$ref"]
        for place in sorted(places, key=str):
            assert discovery.has(schema, place), f"{schema} has no {place}"
    told = {place[-1] for places in seen.read.values() for place in places}
    assert {"uploads", "videoId", "publishedAt", "uploadStatus", "privacyStatus", "containsSyntheticMedia"} <= told
    assert {"nextPageToken", "totalResults", "failureReason", "rejectionReason"} <= told


def test_every_answer_of_the_simulator_fits_its_schema(posted: Network, seen: Seen, discovery: Discovery) -> None:
    assert {(verb, path) for verb, path, _ in seen.answers} == set(METHODS)
    for verb, path, body in seen.answers:
        schema = discovery.method(verb, path)["response"]["$ref"]
        assert discovery.faults_of(schema, body) == [], path


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        ("Video", {"snippet": {"titel": "x"}}, "titel"),
        ("Video", {"snippet": {"title": 7}}, "7 is not of type"),
        ("Video", {"status": {"privacyStatus": "secret"}}, "secret"),
        ("Video", {"status": {"containsSyntheticMedia": "yes"}}, "yes"),
        ("PlaylistItemListResponse", {"items": {}}, "is not of type 'array'"),
    ],
)
def test_the_check_finds_what_is_wrong(discovery: Discovery, schema: str, value: Any, words: str) -> None:
    [fault] = discovery.faults_of(schema, value)
    assert words in fault


def test_the_check_of_parameters_finds_what_is_wrong(discovery: Discovery) -> None:
    method = discovery.method("GET", "/youtube/v3/playlistItems")
    asked = {"part": "snippet,secrets", "maxResults": "51", "mine": "true"}
    assert discovery.faults_of_query(method, asked) == [
        "mine is no parameter", "maxResults=51: out of its bounds", "secrets is no part",
    ]  # fmt: skip
    assert "part is missing" in discovery.faults_of_query(method, {"maxResults": "many"})
    assert not discovery.has("Video", ("status", "uploadState"))
    assert discovery.has("VideoListResponse", ("items", 0, "status", "uploadStatus"))
    with pytest.raises(LookupError):
        discovery.method("GET", "/youtube/v3/films")
