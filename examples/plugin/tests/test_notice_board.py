from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reelwork_notice_board import NoticeBoard

from reelwork.testing import Asked, Counterpart, PublisherConformance, call_hook, serving


class Board:
    """A notice board that keeps a log of what is pinned to it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.known: dict[str, dict[str, str]] = {}

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        key = asked.headers["idempotency-key"]
        if key not in self.known:
            self.log.append(f"n{len(self.log) + 1}")
            self.known[key] = {"id": self.log[-1], "url": f"https://board.example/{self.log[-1]}"}
        return 201, self.known[key]


def test_pins_the_post() -> None:
    with serving(Board()) as url:
        published = call_hook(NoticeBoard, "publish", settings={"base_url": url})
    assert published.receipt.url == "https://board.example/n1"


def test_what_the_board_may_still_be_pinning_is_asked_for_again() -> None:
    board, first = Board(), iter([(409, {"error": "the first request is at work"})])

    def answer(asked: Asked) -> tuple[int, Any]:
        pinned = board(asked)
        return next(first, pinned)

    with serving(answer) as url:
        published = call_hook(NoticeBoard, "publish", settings={"base_url": url})
    assert (published.state, published.attempts, board.log) == ("published", 2, ["n1"])


class TestPinsAtMostOnce(PublisherConformance):
    """Killed at every commit, with answers lost, late and doubled, it never pins a notice twice."""

    plugin = NoticeBoard
    name = "notice-board"

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        board = Board()
        with serving(board) as url:
            yield Counterpart(lambda: board.log, url)
