"""What an answer to the one call that posts proves, with recorded answers; `tests/services` has a real server."""

from __future__ import annotations

from typing import Any

import pytest

from reelwork.testing import RecordedHttp, call_hook, sample_post
from reelwork_plugins.bluesky import Bluesky

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
