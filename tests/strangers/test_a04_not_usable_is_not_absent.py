"""What cannot be used is no proof that nothing happened: an empty answer, an id of another, an id that is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.strangers.conftest import Desk
from tests.strangers.server import Answer, Asked, VideoServer

PUBLISHER = '''
from pathlib import Path
from reelwork_hooks import *

POSTS = Path({posts!r})

class Board(Plugin):
    """Posts to a file."""

    public = False
    idempotency = Idempotency.LOOKUP
    settle_seconds = 0.1

    @hookimpl
    def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        with POSTS.open("a") as file:
            file.write(effect.key + "\\n")
        {publish}

    @hookimpl
    def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | Absent:
        return {find}
'''


def posts_of(desk: Desk, server: VideoServer, publish: str, find: str, *, brief: str = "") -> tuple[list[str], str]:
    posts = desk.folder / "posts.txt"
    plugin = desk.write("board.py", PUBLISHER.format(posts=str(posts), publish=publish, find=find))
    rest = f'[plugins]\npublish = ["{plugin}"]\npost_download = []\n'
    ended = desk.reelwork("run", desk.workflow(server.origin, rest=rest, brief=brief), "--yes", timeout=90)
    return Path(posts).read_text().splitlines(), ended.text


@pytest.mark.parametrize(
    ("publish", "find"),
    [
        ('raise OSError("gone")', "Found(())"),
        ('return Receipt(id="")', "Absent()"),
        ('return Receipt(id="a\\x1bb")', "Absent()"),
        ('raise OSError("gone")', 'Found((Receipt(id=" "),))'),
    ],
)
def test_it_is_held_and_posted_once(desk: Desk, serve: Callable[..., VideoServer], publish: str, find: str) -> None:
    posts, told = posts_of(desk, serve(), publish, find)
    assert len(posts) == 1
    assert desk.jobs()[0]["status"] == "held", told


def test_a_destination_that_gives_every_post_one_id_is_believed_once(
    desk: Desk, serve: Callable[..., VideoServer]
) -> None:
    brief = 'takes = 2\npublish_takes = "all"'
    posts, told = posts_of(desk, serve(), 'return Receipt(id="ok")', "Absent()", brief=brief)
    assert len(posts) == 2
    assert sorted(job["status"] for job in desk.jobs()) == ["done", "held"], told


def test_one_id_for_two_requests_is_one_render(desk: Desk, serve: Callable[..., VideoServer]) -> None:
    def same(server: VideoServer, asked: Asked) -> Answer:
        return Answer(server.accept(asked, id="video_same"))

    server = serve(create=same)
    flow = desk.workflow(server.origin, brief='takes = 2\npublish_takes = "all"')
    ended = desk.reelwork("run", flow, "--yes", timeout=90)
    assert ended.code == 3, ended.text
    assert sorted(job["status"] for job in desk.jobs()) == ["done", "held"]
    assert server.creates == 2
