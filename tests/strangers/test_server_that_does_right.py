from __future__ import annotations

from collections.abc import Callable

from tests.strangers.conftest import Desk
from tests.strangers.server import VideoServer


def test_a_server_that_does_right_is_asked_once(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    server = serve()
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes", "--json")
    assert ended.code == 0, ended.text
    assert server.creates == 1
    assert [job["status"] for job in desk.jobs()] == ["done"]
