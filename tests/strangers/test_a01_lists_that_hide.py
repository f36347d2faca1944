"""Lists that leave out, hold back or reword just what is looked for: what they do not show proves nothing."""

from __future__ import annotations

from collections.abc import Callable

from tests.strangers.conftest import Desk
from tests.strangers.server import LOST, Answer, Asked, VideoServer, create

BEFORE = "A lighthouse in the rain at night, and a boat that comes home"
OURS = "A red fox in the snow, and its tracks behind it"
AFTER = "A heron at the river at dawn, and the mist above the water"


def loses_ours(server: VideoServer, asked: Asked) -> Answer:
    """Accept everything; what is made of ours takes long, and the answer about it is lost."""
    if asked.fields["prompt"] != OURS or any(job["prompt"] == OURS for job in server.jobs.values()):
        return create(server, asked)
    server.accept(asked, status="in_progress", progress=5)
    return LOST


def run(desk: Desk, server: VideoServer, prompt: str) -> None:
    ended = desk.reelwork("run", desk.workflow(server.origin, prompt=prompt), "--yes")
    assert ended.code in (0, 3), ended.text


def resume(desk: Desk) -> None:
    for job in desk.jobs():
        if job["status"] == "held":
            desk.reelwork("resume", job["id"])


def test_a_list_of_what_has_ended_hides_what_is_being_made(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    def listing(server: VideoServer, asked: Asked) -> Answer:
        ended = [job for job in server.jobs.values() if job["status"] == "completed"]
        return Answer({"object": "list", "data": ended[::-1], "has_more": False})

    server = serve(create=loses_ours, listing=listing)
    for prompt in (BEFORE, OURS, AFTER):
        run(desk, server, prompt)
    resume(desk)
    assert server.creates == 3


def test_a_prompt_that_was_too_short_is_listed_in_other_words(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    def listing(server: VideoServer, asked: Asked) -> Answer:
        jobs = [
            {**job, "prompt": "Through drifting powder a vulpine silhouette wanders, cinematic"}
            if len(job["prompt"]) < 20
            else job
            for job in server.jobs.values()
        ]
        return Answer({"object": "list", "data": jobs[::-1], "has_more": False})

    lost: list[Asked] = []

    def first(server: VideoServer, asked: Asked) -> Answer:
        answer = create(server, asked)
        if asked.fields["prompt"] == "A red fox runs" and not lost:
            lost.append(asked)
            return LOST
        return answer

    server = serve(create=first, listing=listing)
    for prompt in (BEFORE, "A red fox runs", AFTER):
        run(desk, server, prompt)
    resume(desk)
    assert server.creates == 3
