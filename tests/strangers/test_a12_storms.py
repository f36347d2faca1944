"""However soon a server wants to be asked again, it is asked at most once a second, and less and less often."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, VideoServer


@pytest.mark.parametrize("after", ["0", "0.001", "-5", "soon"])
def test_a_server_that_asks_for_no_pause_is_given_one(
    desk: Desk, serve: Callable[..., VideoServer], after: str
) -> None:
    def busy(server: VideoServer, asked: object) -> Answer:
        return Answer({"error": {"message": "too many requests"}}, 429, {"Retry-After": after})

    server = serve(create=busy)
    desk.reelwork("run", desk.workflow(server.origin), "--yes", timeout=12)
    # At 0, 1, 3, 7 and 15 seconds.
    assert 1 <= server.creates <= 5


def test_an_empty_account_is_asked_once(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    server = serve(create=lambda *_: Answer({"error": {"message": "balance too low"}}, 402))
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes")
    assert ended.code == 3, ended.text
    assert (server.creates, desk.jobs()[0]["status"]) == (1, "held")
