"""A look that answers what cannot be read is asked a few times, and then a person is: the run ends."""

from __future__ import annotations

from typing import Any

import pytest

from reelwork.testing import Publication, call_hook
from reelwork_hooks import Effect, Found, Idempotency, Plugin, Receipt, hookimpl

MANY = 8


def published(answer: Any, readable_at: int = 0) -> tuple[Publication, int]:
    """What becomes of a post whose answer was lost, and how often it was looked for."""
    looks: list[str] = []

    class Board(Plugin):
        public = False
        idempotency = Idempotency.LOOKUP

        @hookimpl
        def publish(self, effect: Effect) -> Receipt:
            raise OSError("the line went dead")

        @hookimpl
        def find_post(self, effect: Effect) -> Any:
            looks.append(effect.key)
            if len(looks) == readable_at:
                return Found.one(Receipt(id="p1"))
            if isinstance(answer, Exception):
                raise answer
            return answer

    return call_hook(Board, "publish"), len(looks)


@pytest.mark.parametrize("answer", [None, Receipt(id="p1"), [], Found(("p1",))])
def test_the_post_is_held_once_it_was_asked_often_enough(answer: Any) -> None:
    post, looks = published(answer)
    assert (post.state, post.attempts, looks) == ("held", 1, MANY)
    assert "plugin 'sample', hook find_post" in post.reason
    assert f"{MANY} times in a row" in post.reason


def test_an_answer_that_can_be_read_at_last_counts() -> None:
    post, looks = published(None, readable_at=MANY)
    assert (post.state, post.attempts, looks) == ("published", 1, MANY)


def test_a_place_that_is_away_is_asked_for_longer() -> None:
    post, looks = published(ConnectionResetError("away"))
    assert (post.state, post.attempts) == ("waiting", 1)
    assert looks > MANY
