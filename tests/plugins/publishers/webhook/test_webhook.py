from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from standardwebhooks import Webhook
from tests.plugins.publishers.webhook.conftest import SECRET, Network

from reelwork.testing import (
    Asked,
    SampleContext,
    call_hook,
    sample_brief,
    sample_clip,
    sample_job,
    sample_post,
    serving,
    write_video,
)
from reelwork_hooks import (
    Absent,
    AlreadyThere,
    Asset,
    Disclosure,
    Effect,
    Found,
    Idempotency,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    Post,
    Receipt,
    Rejected,
    Role,
    Shown,
    Unavailable,
    Unsure,
)
from reelwork_plugins.publishers.webhook import WebhookPublisher
from reelwork_plugins.publishers.webhook.config import WebhookConfig
from reelwork_plugins.publishers.webhook.receiver import id_of

OLD = "whsec_b2xkIHNlY3JldCBvZiB0d2VudHkgYnl0ZXM="


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("webhook") / "clip.mp4"
    write_video(path)
    return path


def post(film: Path, **changes: Any) -> Post:
    said = {
        "destination": "webhook",
        "title": "First light",
        "caption": "Nobody is up yet.",
        "hashtags": ("dawn",),
        "privacy": "public",
        **changes,
    }
    return sample_post(clip=sample_clip(film), **said)


def plugin(settings: Mapping[str, Any], folder: Path) -> WebhookPublisher:
    return WebhookPublisher(WebhookConfig.model_validate(settings), SampleContext(folder))


def sent(webhook: WebhookPublisher, given: Post, key: str = "k", prepared: Any = None) -> Receipt:
    """Prepare and publish once, and raise what the plugin raises."""

    async def both() -> Receipt:
        ready = prepared or await webhook.prepare_publish(given, sample_job())
        return await webhook.publish(given, sample_job(), Effect(key, prepared=ready))

    return asyncio.run(both())


# --- what is sent ------------------------------------------------------------------------------------------


def test_a_post_is_sent_with_all_it_says(network: Network, film: Path, tmp_path: Path) -> None:
    picture = tmp_path / "still.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    still = Asset.from_file(picture, Role.THUMBNAIL)
    given = post(film, thumbnail=still, alt_text="A boat", options={"fields": {"board": ["news", 7]}})
    receipt = sent(plugin(network.settings(), tmp_path), given)
    [got] = network.got
    assert (receipt.id, receipt.url) == (got.id, f"{network.simulator.base_url}/shown/{got.id}")
    assert receipt.disclosure == Shown(value=True, by="sent")
    [request] = network.requests()
    assert request["fields"]["video"]["sha256"] == hashlib.sha256(film.read_bytes()).hexdigest()
    assert request["fields"]["thumbnail"]["bytes"] == picture.stat().st_size
    told = json.loads(got.body)
    data = told["data"]
    assert told["type"] == "post"
    assert data["thumbnail"] == {
        "part": "thumbnail", "sha256": still.sha256, "bytes": 8, "media_type": "image/png", "width": None,
        "height": None, "duration": None, "fps": None,
    }  # fmt: skip
    assert data["video"]["bytes"] == film.stat().st_size
    assert {name: data[name] for name in ("destination", "title", "caption", "hashtags", "alt_text", "fields")} == {
        "destination": "webhook",
        "title": "First light",
        "caption": "Nobody is up yet.",
        "hashtags": ["dawn"],
        "alt_text": "A boat",
        "fields": {"board": ["news", 7]},
    }
    assert (data["privacy"], data["ai_generated"], data["publish_at"]) == ("public", True, None)
    assert data["disclosure"] == {"ai": "yes", "label": "field"}


def test_a_library_of_the_standard_takes_the_signature(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Asked] = []

    def answer(asked: Asked) -> tuple[int, Any]:
        seen.append(asked)
        return 200, {"id": "7"}

    monkeypatch.setenv("NEW", SECRET)
    monkeypatch.setenv("OLD", OLD)
    monkeypatch.setenv("KEY", "sesame")
    with serving(answer) as url:
        more = {"headers": {"X-Api-Key": "env:KEY"}, "old_secret": "env:OLD", "lookup": f"{url}/posts/{{id}}"}
        webhook = plugin({"url": url, "secret": "env:NEW", "private": True, "send": "link", **more}, tmp_path)
        assert isinstance(webhook.context, SampleContext)

        async def address(asset: Asset, seconds: float) -> str:
            return f"https://cdn.example/{asset.sha256}?for={seconds:.0f}"

        webhook.context.give_address = address
        assert sent(webhook, post(film), "reelwork-1-post-webhook").id == "7"
        found = asyncio.run(webhook.find_post(post(film), sample_job(), Effect("reelwork-1-post-webhook")))
        assert isinstance(found, Found)
    posted, asked = seen
    assert posted.headers["content-type"] == "application/json"
    assert asked.path == "/posts/reelwork-1-post-webhook"
    for secret in (SECRET, OLD):
        told = Webhook(secret).verify(posted.body, dict(posted.headers))
        assert told["data"]["video"]["url"].startswith("https://cdn.example/")
        assert told["data"]["video"]["url"].endswith("?for=86400")
        Webhook(secret).verify(b"", dict(asked.headers), json_parse=False)
    for one in seen:
        assert one.headers["x-api-key"] == "sesame"
        assert one.headers["webhook-id"] == "reelwork-1-post-webhook"


def test_the_body_is_the_same_whenever_it_is_sent(network: Network, film: Path, tmp_path: Path) -> None:
    webhook = plugin(network.settings(repeatable=True), tmp_path)
    assert webhook.idempotency is Idempotency.KEY
    prepared = asyncio.run(webhook.prepare_publish(post(film), sample_job()))
    first = sent(webhook, post(film), prepared=prepared)
    again = sent(webhook, post(film), prepared=prepared)
    assert (first, len(network.got)) == (again, 1)
    # Another post under a known id would be passed over unseen.
    with pytest.raises(OutcomeUnknown, match="used for another post"):
        sent(webhook, post(film, title="Dusk"), prepared=None)


def test_the_id_of_a_post_can_be_signed_and_stand_in_an_address() -> None:
    assert id_of("reelwork-01-post-webhook") == "reelwork-01-post-webhook"
    for key in ("reelwork-01-post-mein.haken", "reelwork-01-post-ցանց", "k" * 200):
        assert id_of(key).isascii()
        assert "." not in id_of(key)
        assert id_of(key) != id_of(f"{key}x")


def test_a_label_in_the_caption_stands_there_once(network: Network, film: Path, tmp_path: Path) -> None:
    labelled = post(film, disclosure=Disclosure(label="caption"))
    webhook = plugin(network.settings(disclosure="Mit KI gemacht"), tmp_path)
    sent(webhook, labelled, "a")
    sent(webhook, labelled.replace(caption="mit ki gemacht"), "b")
    captions = [one.data["caption"] for one in network.got]
    assert captions == ["Nobody is up yet.\n\nMit KI gemacht", "mit ki gemacht"]


def test_an_address_that_has_ended_is_made_anew(network: Network, film: Path, tmp_path: Path) -> None:
    webhook = plugin(network.settings(), tmp_path)
    with pytest.raises(NotSent) as raised:
        sent(webhook, post(film), prepared={"body": "{}", "ends": "2020-01-01T00:00:00+00:00"})
    assert raised.value.prepare_again
    assert not network.requests()


# --- what answers mean -------------------------------------------------------------------------------------


def raw(body: Any, headers: Mapping[str, str]) -> tuple[Any, Mapping[str, str]]:
    """Texts are what they are, and nothing in JSON."""
    return (body.encode(), {"Content-Type": "text/plain", **headers}) if isinstance(body, str) else (body, headers)


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind"),
    [
        (401, {"title": "Unauthorized", "status": 401}, {}, NotSent),
        (404, {"error": "no such hook"}, {}, NotSent),
        (410, {"detail": "closed"}, {}, NotSent),
        (422, {"title": "Unprocessable Content", "detail": "no board"}, {}, Rejected),
        (400, {"message": "no title"}, {}, Rejected),
        (413, "<html>Request Entity Too Large</html>", {}, Rejected),
        (429, {"detail": "slow down"}, {"Retry-After": "0.5"}, NotSent),
        (429, "<html>Too Many Requests</html>", {"Retry-After": "3"}, NotSent),
        # A gateway may have passed it on.
        (429, "<html>Too Many Requests</html>", {}, OutcomeUnknown),
        (404, "<html>Not Found</html>", {}, OutcomeUnknown),
        (403, "", {}, OutcomeUnknown),
        (410, "gone", {}, OutcomeUnknown),
        (408, {"detail": "timed out"}, {}, OutcomeUnknown),
        (424, {"detail": "one of two networks refused"}, {}, OutcomeUnknown),
        (409, {"detail": "conflict"}, {}, OutcomeUnknown),
        (409, {"detail": "the post already exists"}, {}, AlreadyThere),
        (500, {"detail": "oops"}, {}, OutcomeUnknown),
        (503, {"detail": "later"}, {"Retry-After": "5"}, OutcomeUnknown),
        (307, "", {"Location": "https://elsewhere.example/"}, OutcomeUnknown),
        (200, "<!doctype html><p>Checking your browser", {}, OutcomeUnknown),
        (200, {"ok": False, "error": "no"}, {}, OutcomeUnknown),
    ],
)
def test_what_an_answer_means(
    film: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: Any,
    headers: Mapping[str, str],
    kind: type[Exception],
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    seen: list[str] = []

    def answer(asked: Asked) -> tuple[int, Any, Mapping[str, str]]:
        seen.append(asked.path)
        return status, *raw(body, headers)

    with serving(answer) as url:
        webhook = plugin({"url": f"{url}/in", "secret": "env:WEBHOOK_SECRET", "private": True}, tmp_path)
        with pytest.raises(kind) as raised:
            sent(webhook, post(film))
    assert type(raised.value) is kind
    # A redirect is followed by nobody.
    assert seen == ["/in"]
    if isinstance(raised.value, NotSent):
        assert raised.value.lasting is (status != 429)
        pause = headers.get("Retry-After")
        assert raised.value.retry_after == (float(pause) if pause else None)


@pytest.mark.parametrize(
    ("status", "body", "id_"),
    [
        (200, {"id": "a7", "url": "https://x.example/7"}, "a7"),
        (201, {"id": 7}, "7"),
        (202, "", "k"),
        (200, "ok", "k"),
        (200, {"message": "ok"}, "k"),
    ],
)
def test_any_other_success_is_a_post(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: Any, id_: str
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    with serving(lambda asked: (status, *raw(body, {}))) as url:
        webhook = plugin({"url": url, "secret": "env:WEBHOOK_SECRET", "private": True}, tmp_path)
        receipt = sent(webhook, post(film))
    assert receipt.id == id_
    assert receipt.url == (body["url"] if isinstance(body, dict) and "url" in body else "")


# --- what became of a lost answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "state", "requests"),
    [
        ({}, "held", 1),
        ({"repeatable": True}, "published", 2),
        ({"lookup": True, "settle_seconds": 0}, "published", 1),
    ],
)
def test_a_lost_answer_is_settled_as_the_receiver_can(
    network: Network, film: Path, more: dict[str, Any], state: str, requests: int
) -> None:
    network.fails("publish:accept-then-drop@nth=1")
    settings = network.settings(**{**more, **({"lookup": network.lookup} if "lookup" in more else {})})
    published = call_hook(WebhookPublisher, "publish", settings=settings, post=post(film))
    assert published.state == state
    assert (len(network.requests()), len(network.got)) == (requests, 1)
    ids = {one["headers"]["webhook-id"] for one in network.requests()}
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("faults", "answer"),
    [
        ((), Found),
        (("posts:forgotten",), Absent),
        (("ask:404",), Absent),
        (("ask:html",), Unsure),
        (("ask:403",), Unsure),
        (("ask:503",), Unavailable),
        (("ask:drop",), Unavailable),
    ],
)
def test_what_an_answer_to_a_question_means(
    network: Network, film: Path, tmp_path: Path, faults: tuple[str, ...], answer: type[Any]
) -> None:
    webhook = plugin(network.settings(lookup=network.lookup), tmp_path)
    receipt = sent(webhook, post(film))
    network.fails(*faults)

    def look() -> Any:
        return asyncio.run(webhook.find_post(post(film), sample_job(), Effect("k")))

    if issubclass(answer, Exception):
        with pytest.raises(answer):
            look()
        return
    found = look()
    assert isinstance(found, answer)
    if isinstance(found, Found):
        assert found.candidates == (receipt,)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [(404, "<html>Not Found</html>", {}), (404, "", {}), (200, {"id": "7"}, {"Age": "3"}), (200, {"url": "x"}, {})],
)
def test_what_may_come_from_something_on_the_way_tells_nothing(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: Any, headers: Mapping[str, str]
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    with serving(lambda asked: (status, *raw(body, headers))) as url:
        settings = {"url": url, "secret": "env:WEBHOOK_SECRET", "private": True, "lookup": f"{url}/{{id}}"}
        webhook = plugin(settings, tmp_path)
        assert isinstance(asyncio.run(webhook.find_post(post(film), sample_job(), Effect("k"))), Unsure)


def test_only_a_receiver_that_can_be_asked_is_asked(tmp_path: Path) -> None:
    bare = {"url": "https://x.example/in", "secret": "env:S"}
    held, asked = plugin(bare, tmp_path), plugin({**bare, "lookup": "https://x.example/in/{id}"}, tmp_path)
    assert (held.idempotency, held.find_post) == (Idempotency.NONE, None)
    assert (asked.idempotency, asked.settle_seconds) == (Idempotency.LOOKUP, 60)
    assert asked.find_post is not None
    assert held.identity == asked.identity != plugin({**bare, "url": "https://x.example/on"}, tmp_path).identity
    assert not held.needs_public_address
    assert plugin({**bare, "send": "link"}, tmp_path).needs_public_address
    assert "publish_at" in plugin({**bare, "keeps_time": True}, tmp_path).post_fields


# --- before anything is sent -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://x.example/in"}, "must begin with https"),
        ({"url": "https://127.0.0.1/in"}, "lead out of this network"),
        ({"url": "https://media/in"}, "lead out of this network"),
        ({"url": "https://me:pw@x.example/"}, "leave out user name"),
        ({"url": "ftp://x.example/"}, "this is not an address"),
        ({"lookup": "https://x.example/posts"}, "write {id} once"),
        ({"lookup": "http://10.0.0.7/{id}"}, "lookup must begin with https"),
        ({"headers": {"Webhook-Id": "env:X"}}, "the request's own"),
        ({"headers": {"X-Key": "sesame"}}, "give a reference"),
        ({"headers": {"X-Key": "env:A", "x-key": "env:B"}}, "has a name twice"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(changes: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as raised:
        WebhookConfig.model_validate({"url": "https://x.example/in", "secret": "env:S", **changes})
    assert "sesame" not in str(raised.value)
    assert "me:pw" not in str(raised.value)


def test_a_secret_that_cannot_sign_is_found_before_a_video_is_paid_for(
    network: Network, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = plugin(network.settings(), tmp_path)
    assert webhook.check_brief(sample_brief(), sample_job()) == []
    monkeypatch.setenv("WEBHOOK_SECRET", "hunter2")
    [problem] = webhook.check_brief(sample_brief(), sample_job())
    assert "16 bytes or more in base64" in problem.message
    assert "hunter2" not in problem.message
    with pytest.raises(InvalidInput, match="16 bytes"):
        sent(webhook, post(film))
    monkeypatch.delenv("WEBHOOK_SECRET")
    assert webhook.check_brief(sample_brief(), sample_job()) == []
    assert not network.requests()


def test_this_network_is_reached_only_where_that_is_allowed(network: Network, film: Path, tmp_path: Path) -> None:
    # A name in public DNS that leads here, as only its resolution shows.
    address = network.url.replace("127.0.0.1", "localhost.localdomain").replace("http:", "https:")
    webhook = plugin({"url": address, "secret": "env:WEBHOOK_SECRET"}, tmp_path)
    with pytest.raises(NotSent):
        sent(webhook, post(film))
    assert not network.requests()


def test_a_time_is_given_only_to_a_receiver_that_keeps_it(network: Network, film: Path, tmp_path: Path) -> None:
    later = datetime(2026, 12, 24, 18, tzinfo=UTC)
    for key, keeps in (("a", False), ("b", True)):
        webhook = plugin(network.settings(keeps_time=keeps), tmp_path)
        sent(webhook, post(film, publish_at=later), key)
    assert [one.data["publish_at"] for one in network.got] == [None, "2026-12-24T18:00:00+00:00"]


def test_a_video_without_an_address_is_not_sent_as_a_link_and_a_picture_may_lack_one(
    network: Network, film: Path, tmp_path: Path
) -> None:
    webhook = plugin(network.settings(send="link"), tmp_path)
    assert isinstance(webhook.context, SampleContext)

    async def none(asset: Asset, seconds: float) -> str:
        raise InvalidInput("no storage gives one")

    webhook.context.give_address = none
    with pytest.raises(InvalidInput, match="no storage gives one"):
        sent(webhook, post(film))
    assert not network.requests()
    picture = tmp_path / "still.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    with serving(lambda asked: (200, film.read_bytes())) as files:

        async def address(asset: Asset, seconds: float) -> str:
            if asset.role is Role.THUMBNAIL:
                raise InvalidInput("it is not stored")
            return f"{files}/film"

        webhook.context.give_address = address
        sent(webhook, post(film, thumbnail=Asset.from_file(picture, Role.THUMBNAIL)))
    [got] = network.got
    assert got.data["thumbnail"]["url"] is None
    assert got.data["video"]["url"] == f"{files}/film"
    assert "part" not in got.data["video"]
