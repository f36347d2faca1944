"""What may have happened is settled with what it was sent with, whatever the settings are now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer, create, listing

DOWN = Answer({"error": {"message": "not now"}}, 500)


def loses_first(server: VideoServer, asked: Asked) -> Answer:
    if server.jobs:
        return create(server, asked)
    server.accept(asked)
    return LOST


def test_a_key_that_is_set_later_is_not_the_one_it_was_sent_with(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    server = serve(create=loses_first, listing=lambda *_: Answer({"error": {"message": "no list"}}, 404))
    flow = desk.workflow(server.origin, provider='dialect = "litellm"')
    assert desk.reelwork("run", flow, "--yes").code == 3
    ended = desk.reelwork("resume", "--set", 'provider.idempotency_header="Idempotency-Key"')
    assert ended.code == 3, ended.text
    assert server.creates == 1


def held_at(desk: Desk, serve: Callable[..., VideoServer], **environ: Any) -> tuple[VideoServer, list[bool]]:
    """A server where a request was accepted, its answer lost, and the list could not tell; then it can."""
    told: list[bool] = []

    def tells(server: VideoServer, asked: Asked) -> Answer:
        return listing(server, asked) if told else Answer({"data": []}, 404)

    server = serve(create=loses_first, listing=tells)
    flow = desk.workflow(server.origin, provider='api_key = "env:SOME_KEY"')
    ended = desk.reelwork("run", flow, "--yes", SOME_KEY="first-key-0001", **environ)
    assert ended.code == 3, ended.text
    told.append(True)
    return server, told


def test_it_is_looked_up_where_it_was_sent_and_its_video_comes_from_there(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    first, _ = held_at(desk, serve)
    second = serve()
    ended = desk.reelwork("resume", "--set", f"provider.base_url={second.origin}", SOME_KEY="first-key-0001")
    assert ended.code == 0, ended.text
    assert (first.creates, second.creates) == (1, 0)
    assert [asked.path for asked in second.requests] == []


def test_with_another_key_an_empty_list_says_nothing_about_it(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    server, _ = held_at(desk, serve)
    server.jobs.clear()
    ended = desk.reelwork("resume", SOME_KEY="another-key-0002")
    assert ended.code == 3, ended.text
    assert server.creates == 1
    assert "no longer the one it was sent with" in desk.jobs()[0]["reason"] + ended.text
