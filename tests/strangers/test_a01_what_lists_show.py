"""The answer to a create is lost, and the server lists the render in some other way than it was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer

OTHERWISE: dict[str, dict[str, Any]] = {
    "as asked": {},
    "a time of 0": {"created_at": 0},
    "a time without a zone": {"created_at": lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())},
    "an hour ago": {"created_at": lambda: int(time.time()) - 3600},
    "no length": {"seconds": 0},
    "a length of its own": {"seconds": 5},
    "the real frame": {"size": "832x480"},
    "a prompt that is cut": {"prompt": "A red fox in…"},
    "a prompt in small letters": {"prompt": "a red fox in the snow"},
    "another prompt": {"prompt": "Cinematic photograph, 4k, vulpine subject among winter drifts"},
    "no prompt": {"prompt": None},
}


def losing(changes: Mapping[str, Any]) -> Callable[[VideoServer, Asked], Answer]:
    def create(server: VideoServer, asked: Asked) -> Answer:
        # Times are those of the request, not of when the tests were collected.
        server.accept(asked, **{name: value() if callable(value) else value for name, value in changes.items()})
        return LOST

    return create


@pytest.mark.parametrize("otherwise", list(OTHERWISE))
def test_a_lost_answer_is_never_paid_for_again(
    desk: Desk, serve: Callable[..., VideoServer], otherwise: str
) -> None:
    server = serve(create=losing(OTHERWISE[otherwise]))
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes", timeout=120, TZ="Asia/Tokyo")
    assert server.creates == 1, ended.text
    [job] = desk.jobs()
    assert job["status"] in ("done", "held"), ended.text


def test_what_is_listed_as_it_was_asked_for_is_taken(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    server = serve(create=losing(OTHERWISE["a time without a zone"]))
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes", timeout=120, TZ="Asia/Tokyo")
    assert ended.code == 0, ended.text
    assert server.creates == 1


def test_the_list_is_asked_for_past_caches(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    server = serve(create=losing({}))
    desk.reelwork("run", desk.workflow(server.origin), "--yes", timeout=120)
    lists = [asked for asked in server.requests if asked.method == "GET" and asked.path == "/v1/videos"]
    assert lists
    assert {asked.headers.get("cache-control") for asked in lists} == {"no-cache"}
