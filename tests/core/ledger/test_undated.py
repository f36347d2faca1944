"""A list whose server's date says nothing: nothing is read around the first posts, and no date is believed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.core.ledger.test_look import AFTER, BEFORE, LATER, OTHER, OURS, SETTLE, Desk, Passing, Shelf, warm

from reelwork.ledger import Happened, Later, Undecided
from reelwork.ledger.ledger import SOON
from reelwork_hooks.effects import Listing


@dataclass
class Counted(Shelf):
    """The other side, which counts how often its list is read."""

    reads: int = 0

    def listing(self) -> Listing[str]:
        self.reads += 1
        return super().listing()


@pytest.fixture
def shelf() -> Counted:
    return Counted(Passing())


@pytest.fixture
def desk(tmp_path: Path, shelf: Counted) -> Iterator[Desk]:
    made = Desk(tmp_path / "store.db", shelf)
    made.dated = False
    yield made
    made.close()


@pytest.mark.parametrize(("dated", "reads"), [(True, 4), (False, 0)])
def test_the_list_is_read_around_the_first_posts_only_where_its_date_counts(
    desk: Desk, shelf: Counted, dated: bool, reads: int
) -> None:
    async def scenario() -> None:
        desk.dated = dated
        for prompt in (BEFORE, AFTER, LATER, OTHER):
            desk.clock.now += 1
            assert isinstance(await desk.ask(prompt), Happened)
        assert (shelf.creates, shelf.reads) == (4, reads)

    asyncio.run(scenario())


def test_the_others_wait_for_the_answer_to_the_first_alone(desk: Desk, shelf: Counted) -> None:
    async def scenario() -> None:
        await desk.ask(BEFORE)
        began = desk.clock.now
        assert isinstance(await desk.ask(AFTER), Happened)
        assert desk.clock.now - began < 2 * SOON
        assert shelf.reads == 0

    asyncio.run(scenario())


def test_the_others_wait_as_long_as_the_first_is_in_doubt(desk: Desk, shelf: Counted) -> None:
    async def scenario() -> None:
        shelf.lose = 1
        began = desk.clock.now
        assert isinstance(await desk.ask(BEFORE, patience=1), Later)
        second = await desk.ask(AFTER, patience=1)
        assert isinstance(second, Later)
        assert second.until == pytest.approx(began + SETTLE)
        assert shelf.creates == 1

    asyncio.run(scenario())


def test_only_what_was_sent_later_shows_that_it_is_missing(desk: Desk, shelf: Counted) -> None:
    async def scenario() -> None:
        await warm(desk)
        assert isinstance(await desk.lost(arrives=False), Undecided)
        assert "newer than the request" in desk.seen().missing
        await desk.ask(LATER)
        assert isinstance(await desk.ask(OURS), Happened)
        assert len(shelf.made) == 4

    asyncio.run(scenario())
