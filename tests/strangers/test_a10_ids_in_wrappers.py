"""Answers that name a task however they are wrapped, and answers that are errors: none is asked for twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

EMPTY = {"object": "list", "data": [], "has_more": False}


def no_list(server: VideoServer, asked: Asked) -> Answer:
    """A gateway's list that is always empty."""
    return Answer(EMPTY)


WRAPS: dict[str, Callable[[str], Any]] = {
    "a list in data": lambda id_: {"code": 200, "data": [{"status": "submitted", "task_id": id_}]},
    "an object in data": lambda id_: {"code": "success", "data": {"task_id": id_}},
    "a result": lambda id_: {"result": {"video": {"video_id": id_}}},
    "a task": lambda id_: {"task": {"id": id_, "state": "queued"}},
}


@pytest.mark.parametrize("wrap", list(WRAPS))
def test_a_wrapped_id_is_found(desk: Desk, serve: Callable[..., VideoServer], wrap: str) -> None:
    def create(server: VideoServer, asked: Asked) -> Answer:
        return Answer(WRAPS[wrap](server.accept(asked)["id"]))

    server = serve(create=create, listing=no_list)
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes")
    assert ended.code == 0, ended.text
    assert server.creates == 1


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "the worker is being restarted, please wait"}},
        {"code": "fail", "message": "the worker is being restarted, please wait", "data": None},
        {"id": "req-1", "data": {"task_id": "t-1"}, "message": "the worker is being restarted, please wait"},
    ],
)
def test_an_answer_that_cannot_be_understood_is_held_in_its_own_words(
    desk: Desk, serve: Callable[..., VideoServer], body: dict[str, Any]
) -> None:
    def create(server: VideoServer, asked: Asked) -> Answer:
        server.accept(asked)
        return Answer(body)

    server = serve(create=create, listing=no_list)
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes", timeout=60)
    assert ended.code == 3, ended.text
    assert server.creates == 1
    [job] = desk.jobs()
    assert job["status"] == "held"
    shown = desk.reelwork("jobs", "show", str(job["id"])).text
    assert "the worker is being restarted" in " ".join(shown.split())
