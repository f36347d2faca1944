"""Missing money is held at once, and a server that says `Retry-After: 0` is not hammered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

QUOTA = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, QUOTA),
        (429, {"code": 1102, "message": "Resource pack depleted"}),
        (402, {"error": "payment required"}),
        (403, {"error": {"code": "AccountOverdueError", "message": "overdue"}}),
        (400, {"error": "You do not have enough credits to run this task."}),
    ],
)
def test_missing_money_is_held_at_once(
    desk: Desk, serve: Callable[..., VideoServer], status: int, body: dict[str, Any]
) -> None:
    empty = True

    def create(server: VideoServer, asked: Asked) -> Answer:
        return Answer(body, status, {"Retry-After": "0"}) if empty else Answer(server.accept(asked))

    server = serve(create=create)
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes")
    assert ended.code != 0
    assert server.creates == 1
    [job] = desk.jobs()
    assert job["status"] == "held"
    empty = False
    ended = desk.reelwork("resume")
    assert ended.code == 0, ended.text
    assert [one["status"] for one in desk.jobs()] == ["done"]
    assert server.creates == 2


def test_retry_after_0_is_not_taken_at_its_word(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    def create(server: VideoServer, asked: Asked) -> Answer:
        return Answer({"error": {"message": "rate limited"}}, 429, {"Retry-After": "0"})

    server = serve(create=create)
    desk.reelwork("run", desk.workflow(server.origin), "--yes", timeout=20)
    # 1 + 2 + 4 + 8 seconds: at most five fit, however fast the machine is.
    assert 1 <= server.creates <= 5
