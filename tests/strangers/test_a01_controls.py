"""A list that does not show something as it was asked for proves nothing: it is never paid for again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer, create

BEFORE = "A lighthouse in the rain at night, and a boat that comes home"
OURS = "A red fox in the snow, and its tracks behind it"
AFTER = "A heron at the river at dawn, and the mist above the water"
LISTED = [
    {"created_at": 0},
    {"created_at": "2026-01-01T00:00:00"},
    {"created_at": None},
    {"seconds": "0"},
    {"seconds": "5"},
    {"seconds": "8"},
    {"size": "832x480"},
    {"prompt": "A red fox in the…"},
    {"prompt": OURS.lower()},
    {"prompt": "A crimson fox walks through deep snow, its tracks behind it"},
    {"prompt": "A red fox in the snow &amp; its tracks behind it"},
    {"prompt": None},
    {"prompt": "", "status": "queued", "progress": 0},
    {"model": "wan2.2-t2v"},
]


def loses(accepted: bool, **changes: Any) -> Callable[[VideoServer, Asked], Answer]:
    """The first create of ours gets no answer; what it made, if anything, is listed with these changes."""
    lost: list[Asked] = []

    def handler(server: VideoServer, asked: Asked) -> Answer:
        if asked.fields["prompt"] != OURS or lost:
            return create(server, asked)
        lost.append(asked)
        if accepted:
            server.accept(asked, **changes)
        return LOST

    return handler


def run(desk: Desk, server: VideoServer, prompt: str) -> None:
    ended = desk.reelwork("run", desk.workflow(server.origin, prompt=prompt), "--yes")
    assert ended.code in (0, 3), ended.text


def job_of(desk: Desk, prompt: str) -> Any:
    return next(job for job in desk.jobs() if job["prompt"] == prompt)


@pytest.mark.parametrize("changes", LISTED, ids=str)
def test_a_lost_answer_is_never_paid_for_again(
    desk: Desk, serve: Callable[..., VideoServer], changes: dict[str, Any]
) -> None:
    server = serve(create=loses(True, **changes))
    for prompt in (BEFORE, OURS, AFTER):
        run(desk, server, prompt)
    ended = desk.reelwork("resume", job_of(desk, OURS)["id"])
    assert ended.code in (0, 3), ended.text
    assert server.creates == 3
    assert len(server.jobs) == 3


def test_on_an_account_of_which_nothing_is_known_it_is_held(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    server = serve(create=loses(True, prompt="A crimson fox", seconds="0"))
    run(desk, server, OURS)
    assert job_of(desk, OURS)["status"] == "held"
    assert server.creates == 1


def test_a_list_out_of_a_cache_is_not_believed(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    def cached(server: VideoServer, asked: Asked) -> Answer:
        first = list(server.jobs.values())[:1]
        return Answer({"object": "list", "data": first, "has_more": False}, headers={"Age": "600"})

    server = serve(create=loses(True), listing=cached)
    for prompt in (BEFORE, OURS):
        run(desk, server, prompt)
    assert job_of(desk, OURS)["status"] == "held"
    assert server.creates == 2


def test_what_never_arrived_is_sent_again_once_others_show_that_the_list_is_true(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    lose = loses(False)

    def slowly(server: VideoServer, asked: Asked) -> Answer:
        answer = lose(server, asked)
        if not answer.lost and asked.fields["prompt"] == BEFORE:
            server.jobs[answer.body["id"]].update(status="in_progress")
            return Answer({**answer.body, "status": "queued"})
        return answer

    def ends_once_listed(server: VideoServer, asked: Asked) -> Answer:
        listed = [dict(job) for job in reversed(server.jobs.values())]
        for job in server.jobs.values():
            job["status"] = "completed"
        return Answer({"object": "list", "data": listed, "has_more": False})

    server = serve(create=slowly, listing=ends_once_listed)
    # The second waits until the first is seen on the list, while it is being made.
    rows = desk.write("rows.csv", f'prompt\n"{BEFORE}"\n"A second {BEFORE}"\n')
    ended = desk.reelwork("run", rows, "--workflow", desk.workflow(server.origin, name="rows.toml"), "--yes")
    assert ended.code == 0, ended.text
    for prompt in (OURS, AFTER):
        run(desk, server, prompt)
    if job_of(desk, OURS)["status"] != "done":
        desk.reelwork("resume", job_of(desk, OURS)["id"])
    assert job_of(desk, OURS)["status"] == "done"
    assert (server.creates, len(server.jobs)) == (5, 4)
