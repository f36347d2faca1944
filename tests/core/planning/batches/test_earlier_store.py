"""An upgrade pays nothing again: the store of an earlier version keeps its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.core.planning.batches.conftest import FILES, EarlierDesk
from tests.strangers.conftest import Desk
from tests.strangers.conftest import desk as desk
from tests.strangers.conftest import film as film
from tests.strangers.conftest import serve as serve
from tests.strangers.server import Answer, Asked, VideoServer

KEY: dict[str, Any] = {"KEY": "a-key-of-this-test"}
JOBS = 18


@pytest.fixture
def server(serve: Callable[..., VideoServer]) -> VideoServer:
    return serve(create=later, listing=no_list)


def later(server: VideoServer, asked: Asked) -> Answer:
    """A video of its own: the ids of those made then are in the store."""
    return Answer(server.accept(asked, id=f"later_{len(server.jobs)}"))


def no_list(server: VideoServer, asked: Asked) -> Answer:
    """As the server answered then: what became of the lost rows stays unknown."""
    return Answer({"error": {"message": "no list here"}}, 404)


def lay_out(desk: Desk, server: VideoServer) -> None:
    EarlierDesk(desk.folder, server.origin).lay_out()


def test_the_same_files_run_again_send_nothing(desk: Desk, server: VideoServer) -> None:
    lay_out(desk, server)
    before = {job["id"] for job in desk.jobs()}
    assert len(before) == JOBS
    for name in FILES:
        ended = desk.reelwork("run", name, "--workflow", "workflow.toml", "--yes", "--no-sheet", **KEY)
        assert ended.code in (0, 1, 3), ended.text
    assert server.creates == 0
    assert {job["id"] for job in desk.jobs()} == before


def test_a_row_that_is_added_is_the_only_one_made(desk: Desk, server: VideoServer) -> None:
    lay_out(desk, server)
    path = desk.folder / "rows.txt"
    path.write_text(path.read_text(encoding="utf-8") + "A lighthouse in a winter gale\n", encoding="utf-8")
    ended = desk.reelwork("run", "rows.txt", "--workflow", "workflow.toml", "--yes", "--no-sheet", **KEY)
    assert ended.code == 0, ended.text
    assert server.creates == 1
    assert len(desk.jobs()) == JOBS + 1
