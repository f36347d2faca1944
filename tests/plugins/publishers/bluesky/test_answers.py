"""What an answer to the one call that posts proves, with recorded answers; `tests/services` has a real server."""

from __future__ import annotations

from typing import Any

import pytest

from reelwork.testing import RecordedHttp, call_hook, sample_job, sample_post
from reelwork.testing.ledger_trial import Publication
from reelwork_plugins.publishers.bluesky import Bluesky
from reelwork_plugins.publishers.bluesky.record import timestamp

SESSION = {"did": "did:plc:me", "accessJwt": "a.b.c", "refreshJwt": "d.e.f"}
BLOB = {"blob": {"$type": "blob", "ref": {"$link": "bafy"}, "mimeType": "video/mp4", "size": 1}}
PAGE = {"text": "<html><p>Checking your browser</p>", "headers": {"Content-Type": "text/html"}}
POSTED = {"json": {"uri": "at://did:plc:me/app.bsky.feed.post/1", "cid": "c1"}}


def exchange(name: str, response: dict[str, Any], method: str = "POST") -> dict[str, Any]:
    return {"request": {"method": method, "path": f"/xrpc/com.atproto.{name}"}, "response": response}


@pytest.mark.parametrize("unclear", [PAGE, {"json": {}}])
def test_a_success_that_names_no_post_is_looked_up(
    recorded_http: RecordedHttp, monkeypatch: pytest.MonkeyPatch, unclear: dict[str, Any]
) -> None:
    monkeypatch.setenv("APP_PASSWORD", "for-tests")
    missing = {"status": 400, "json": {"error": "RecordNotFound"}}
    recorded_http.play(
        [
            exchange("server.createSession", {"json": SESSION}),
            exchange("repo.uploadBlob", {"json": BLOB}),
            exchange("repo.createRecord", unclear),
            exchange("repo.getRecord", missing, "GET"),
            exchange("repo.getRecord", missing, "GET"),
            exchange("repo.createRecord", POSTED),
        ]
    )
    settings = {"service": recorded_http.url, "identifier": "me.test", "password": "env:APP_PASSWORD"}
    published = call_hook(Bluesky, "publish", settings=settings, post=sample_post(privacy="public"))
    assert (published.state, published.attempts) == ("published", 2)


SETTINGS = {"identifier": "me.test", "password": "env:APP_PASSWORD"}
MISSING = {"status": 400, "json": {"error": "RecordNotFound"}}


def posted(recorded_http: RecordedHttp, monkeypatch: pytest.MonkeyPatch, *exchanges: dict[str, Any]) -> Publication:
    monkeypatch.setenv("APP_PASSWORD", "for-tests")
    begin = [exchange("server.createSession", {"json": SESSION}), exchange("repo.uploadBlob", {"json": BLOB})]
    recorded_http.play([*begin, *exchanges])
    settings = {"service": recorded_http.url, **SETTINGS}
    return call_hook(Bluesky, "publish", settings=settings, post=sample_post(privacy="public"))


@pytest.mark.parametrize(
    "exists",
    [
        {"status": 400, "json": {"error": "InvalidRequest", "message": "Record already exists"}},
        {"status": 409, "json": {"error": "already_exists"}},
        {"status": 422, "json": {"error": "DuplicateRecord", "message": "duplicate rkey"}},
        {"status": 500, "json": {"error": "InternalServerError", "message": "Internal Server Error"}},
        {"status": 400, "json": {"error": "InvalidSwap", "message": "in words nobody has foreseen"}},
    ],
)
def test_a_key_that_is_taken_is_looked_at_in_whatever_words(
    recorded_http: RecordedHttp, monkeypatch: pytest.MonkeyPatch, exists: dict[str, Any]
) -> None:
    # The time in a record is the one at which it was first sent, as the sample's clock has it.
    record = {"json": {"value": {"createdAt": timestamp(sample_job().created_at.timestamp())}, "cid": "c1"}}
    published = posted(
        recorded_http,
        monkeypatch,
        exchange("repo.createRecord", exists),
        exchange("repo.getRecord", record, "GET"),
    )
    assert (published.state, published.attempts) == ("published", 1), published.reason


def test_a_key_that_is_said_to_be_taken_and_is_free_each_time_is_used_again(
    recorded_http: RecordedHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = {"status": 400, "json": {"error": "InvalidRequest", "message": "Record already exists"}}
    published = posted(
        recorded_http,
        monkeypatch,
        exchange("repo.createRecord", exists),
        # At once, twice a settle time apart, and right before it is posted with the same key.
        *[exchange("repo.getRecord", MISSING, "GET") for _ in range(4)],
        exchange("repo.createRecord", POSTED),
    )
    assert (published.state, published.attempts) == ("published", 2), published.reason


def test_what_is_refused_is_looked_at_and_then_refused(
    recorded_http: RecordedHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {"status": 400, "json": {"error": "InvalidRecord", "message": "text is too long"}}
    published = posted(
        recorded_http,
        monkeypatch,
        exchange("repo.createRecord", refused),
        exchange("repo.getRecord", MISSING, "GET"),
    )
    assert (published.state, published.effect) == ("rejected", "rejected")
