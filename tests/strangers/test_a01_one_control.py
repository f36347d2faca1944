"""After one prompt that was made, a lost answer is settled without a person, unless the list is a copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer, create, listing, show

BEFORE = "A lighthouse in the rain at night, and a boat that comes home"
OURS = "A red fox in the snow, and its tracks behind it"


class Slow:
    """Makes videos slowly: each ends when it has been asked about twice. Loses the first answer about ours."""

    def __init__(self, arrives: bool, *, copied: bool = False) -> None:
        self.arrives, self.copied = arrives, copied
        self.lost = False
        self.looks: dict[str, int] = {}
        self.copies: list[Answer] = []

    def create(self, server: VideoServer, asked: Asked) -> Answer:
        if asked.fields["prompt"] == OURS and not self.lost:
            self.lost = True
            if self.arrives:
                server.accept(asked, status="queued")
            return LOST
        answer = create(server, asked)
        server.jobs[answer.body["id"]]["status"] = "in_progress"
        return answer

    def show(self, server: VideoServer, asked: Asked) -> Answer:
        id_ = asked.path.rsplit("/", 1)[1]
        self.looks[id_] = self.looks.get(id_, 0) + 1
        if self.looks[id_] == 2:
            server.jobs[id_]["status"] = "completed"
        return show(server, asked)

    def listing(self, server: VideoServer, asked: Asked) -> Answer:
        """All there is; or a copy of what the first one who asked after the first create was given."""
        now = Answer({"object": "list", "data": [dict(job) for job in reversed(server.jobs.values())]})
        if not self.copied:
            return listing(server, asked)
        if server.creates and not self.copies:
            self.copies.append(now)
        return (self.copies or [now])[0]


def run_both(desk: Desk, serve: Callable[..., VideoServer], slow: Slow) -> tuple[VideoServer, Any]:
    server = serve(create=slow.create, show=slow.show, listing=slow.listing)
    files = [
        desk.workflow(server.origin, prompt=BEFORE),
        desk.workflow(server.origin, prompt=OURS, name="ours.toml"),
    ]
    *runs, listed = desk.each([*(["run", file, "--yes"] for file in files), ["jobs", "list", "--json"]])
    assert all(run.code in (0, 3) for run in runs), [run.text for run in runs]
    return server, next(job for job in listed.json if job["prompt"] == OURS)


@pytest.mark.parametrize("arrives", [False, True])
def test_with_one_control_nobody_is_asked(desk: Desk, serve: Callable[..., VideoServer], arrives: bool) -> None:
    server, ours = run_both(desk, serve, Slow(arrives))
    assert ours["status"] == "done"
    assert (server.creates, len(server.jobs)) == (2 if arrives else 3, 2)


@pytest.mark.parametrize("arrives", [False, True])
def test_a_copy_that_was_renewed_at_the_right_moment_is_noticed(
    desk: Desk, serve: Callable[..., VideoServer], arrives: bool
) -> None:
    server, ours = run_both(desk, serve, Slow(arrives, copied=True))
    assert ours["status"] == "held"
    assert server.creates == 2
