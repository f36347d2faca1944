"""What servers call an end is understood, and their reason reaches the person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

Serve = Callable[..., VideoServer]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("fail", {"failure_reason": "GPU 3 ran out of memory"}),
        ("timed_out", {"error": None, "message": "no worker took it in 600 s"}),
        ("moderation_failed", {"error": {"code": "nsfw", "message": "a face was seen"}}),
    ],
)
def test_a_failure_is_told_in_the_servers_words(
    desk: Desk, serve: Serve, word: str, reason: dict[str, Any]
) -> None:
    def create(server: VideoServer, asked: Asked) -> Answer:
        return Answer(server.accept(asked, status=word, **reason))

    server = serve(create=create)
    ended = desk.reelwork("run", desk.workflow(server.origin), "--yes")
    assert ended.code == 1, ended.text
    said = next(iter(reason.values())) or reason["message"]
    assert (said["message"] if isinstance(said, dict) else said) in ended.text
    assert server.creates == 1


def test_a_list_that_moves_only_when_a_render_is_asked_for_singly(desk: Desk, serve: Serve) -> None:
    def create(server: VideoServer, asked: Asked) -> Answer:
        return Answer(server.accept(asked, status="queued", progress=0))

    def show(server: VideoServer, asked: Asked) -> Answer:
        with server.lock:
            job = server.jobs[asked.path.rsplit("/", 1)[1]]
            job.update(status="completed", progress=100)
            return Answer(dict(job))

    rows = "".join(f"r{number},A red fox in the snow {number}\n" for number in range(12))
    desk.write("rows.csv", f"id,prompt\n{rows}")
    server = serve(create=create, show=show)
    ended = desk.reelwork("run", "rows.csv", "--workflow", desk.workflow(server.origin), "--yes", timeout=240)
    assert ended.code == 0, ended.text
    assert server.creates == 12
