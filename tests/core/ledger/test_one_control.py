"""One render that was made and has ended shows twice that a list is fresh: when it began, and when it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.core.ledger.test_look import BEFORE, OTHER, SETTLE, Desk, Passing, Shelf

from reelwork.ledger import Happened, Undecided, resolve
from reelwork.ledger.habits import LONGEST_RENEWAL
from reelwork_hooks.effects import Candidate, Listing

GAP = 0.2
"""Seconds a create takes."""
TAKES = 20.0
LAG = 1.0
"""Seconds after its end that a render is seen to have ended."""


@dataclass
class Renders(Shelf):
    """The other side, where renders take their time and the list may be read out of a copy."""

    takes: float = TAKES
    made_at: dict[str, float] = field(default_factory=dict)
    copied_at: Callable[[float], float] = lambda now: now
    """When the copy was made that is read now."""

    def create(self, fields: dict[str, Any]) -> str:
        self.clock.now += GAP / 2
        before = len(self.made)
        try:
            return super().create(fields)
        finally:
            self.made_at.update({id_: self.clock.now for id_, _ in self.made[before:]})
            self.clock.now += GAP / 2

    def listing(self) -> Listing[str]:
        at = self.copied_at(self.clock.now)
        there = [one for one in super().listing().candidates if self.made_at[one.result] <= at]
        return self.listed(replace(super().listing(), candidates=tuple(self._as_of(at, one) for one in there)))

    def _as_of(self, at: float, one: Candidate[str]) -> Candidate[str]:
        return replace(one, state="ended" if at >= self.made_at[one.result] + self.takes else "queued")


@contextmanager
def a_desk(**traits: Any) -> Iterator[tuple[Desk, Renders]]:
    with TemporaryDirectory() as folder:
        shelf = Renders(Passing(), **traits)
        desk = Desk(Path(folder) / "store.db", shelf)
        desk.made_slowly = True
        try:
            yield desk, shelf
        finally:
            desk.close()


async def ended(desk: Desk, prompt: str, shelf: Renders) -> bool:
    """Let time pass until a render is seen to have ended; returns whether the list was read then."""
    desk.clock.now = max(shelf.made_at.values()) + shelf.takes + LAG
    read = desk.ledger.freshness.at_end_of(f"{prompt} 4")
    if read is not None:
        await read()
    return read is not None


@pytest.mark.parametrize("arrives", [False, True])
def test_with_one_control_a_lost_answer_is_settled_without_a_person(arrives: bool) -> None:
    async def scenario(desk: Desk, shelf: Renders) -> None:
        await desk.ask(BEFORE)
        assert await ended(desk, BEFORE, shelf)
        began = desk.clock.now
        outcome = await desk.lost(arrives=arrives)
        assert isinstance(outcome, Happened)
        assert (shelf.creates, len(shelf.made)) == ((2, 2) if arrives else (3, 2))
        # The two looks are as far apart as the first render was seen to take: no copy is kept for longer.
        assert arrives or desk.clock.now - began >= SETTLE + TAKES + LAG

    with a_desk() as (desk, shelf):
        asyncio.run(scenario(desk, shelf))


def test_the_list_is_read_once_more_only_where_it_is_not_known() -> None:
    async def scenario(desk: Desk, shelf: Renders) -> None:
        await desk.ask(BEFORE)
        assert await ended(desk, BEFORE, shelf)
        await desk.ask(OTHER)
        assert not await ended(desk, OTHER, shelf)

    with a_desk() as (desk, shelf):
        asyncio.run(scenario(desk, shelf))


def nothing(desk: Desk, shelf: Renders) -> None:
    desk.ledger.freshness.learns = False


def as_ended(desk: Desk, shelf: Renders) -> None:
    shelf.listed = lambda listing: replace(
        listing, candidates=tuple(replace(one, state="ended") for one in listing.candidates)
    )


def for_long(desk: Desk, shelf: Renders) -> None:
    shelf.takes = LONGEST_RENEWAL


def unread(desk: Desk, shelf: Renders) -> None:
    def fails(listing: Listing[str]) -> Listing[str]:
        if any(one.state == "ended" for one in listing.candidates):
            raise OSError("the list was answered 503")
        return listing

    shelf.listed = fails


@pytest.mark.parametrize("change", [nothing, as_ended, for_long, unread])
def test_what_a_reading_does_not_show_is_not_learnt(change: Callable[[Desk, Renders], None]) -> None:
    async def scenario(desk: Desk, shelf: Renders) -> None:
        change(desk, shelf)
        await desk.ask(BEFORE)
        await ended(desk, BEFORE, shelf)
        shelf.listed = lambda listing: listing
        assert isinstance(await desk.lost(arrives=False), Undecided)
        assert shelf.creates == 2

    with a_desk() as (desk, shelf):
        asyncio.run(scenario(desk, shelf))


def test_where_something_was_sent_since_the_end_shows_nothing() -> None:
    """Some caches let go of a list when something is posted to it, and of nothing else."""

    async def scenario(desk: Desk, shelf: Renders) -> None:
        # No create of the second one is read after: only that it was sent counts here.
        await desk.ask(BEFORE)
        desk.clock.now += 1
        shelf.lose, shelf.arrives = 1, False
        await desk.ask(OTHER, patience=1)
        await ended(desk, BEFORE, shelf)
        assert (await desk.store.habits("shelf")).prompt == 1

    with a_desk() as (desk, shelf):
        asyncio.run(scenario(desk, shelf))


# --- copies of the list, renewed at the worst of times ----------------------------------------------------


@dataclass(frozen=True)
class Copy:
    """A copy of the list, kept with a `Date` of its own and no `Age`, and renewed every so often."""

    every: float
    takes: float
    on_demand: bool = False
    """It is renewed when somebody asks for it, and not before."""
    waits: float = 0.0
    """Seconds from a renewal until the create whose answer is lost arrives."""


COPIES = (
    Copy(1, 4), Copy(4.9, 4), Copy(5.3, 4), Copy(6, 4), Copy(12, 4), Copy(30, 4, on_demand=True),
    Copy(12, 20), Copy(19, 20), Copy(21, 20, on_demand=True), Copy(22, 20), Copy(40, 20, on_demand=True),
    Copy(45, 90), Copy(90.9, 90, on_demand=True), Copy(300, 90),
)  # fmt: skip


def copied(copy: Copy, phase: float) -> Callable[[float], float]:
    """Say when the copy was made that is read at a time. One of these times is `phase`."""
    made = [phase - copy.every]

    def on_demand(now: float) -> float:
        if now >= made[-1] + copy.every:
            made.append(now)
        return made[-1]

    return on_demand if copy.on_demand else lambda now: phase + (now - phase) // copy.every * copy.every


async def lost_behind(copy: Copy, desk: Desk, shelf: Renders) -> tuple[int, int]:
    """Lose an answer behind a copy that was renewed right after the first create; returns creates and readings."""
    shelf.copied_at = copied(copy, shelf.clock.now + GAP * 0.75)
    await desk.ask(BEFORE)
    await ended(desk, BEFORE, shelf)
    # Right after a renewal: so the copy lacks it for as long as it can.
    desk.clock.now = max(desk.clock.now, shelf.copied_at(desk.clock.now) + copy.every)
    desk.clock.now = shelf.copied_at(desk.clock.now) + copy.waits
    await desk.lost(arrives=True)
    return shelf.creates, (await desk.store.habits("shelf")).prompt


def played(copy: Copy) -> tuple[int, int]:
    with a_desk(takes=copy.takes) as (desk, shelf):
        return asyncio.run(lost_behind(copy, desk, shelf))


def test_no_copy_of_the_list_makes_us_pay_twice() -> None:
    found = {copy: played(copy) for copy in COPIES}
    assert {copy: creates for copy, (creates, _) in found.items() if creates != 2} == {}
    # All were renewed by chance when the first reading counted, and many also when the second did.
    assert {learnt for _, learnt in found.values()} == {1, 2}


def test_two_looks_a_settle_time_apart_would_not_be_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_apart", lambda act, look: act.settle_seconds)
    assert played(Copy(45, 90)) == (3, 2)
