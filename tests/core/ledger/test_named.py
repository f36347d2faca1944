"""The ledger and webhooks that name an id for a lost answer: it is read back, and taken if nothing differs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.core.ledger.test_look import BEFORE, OTHER, OURS, Desk, Passing, Shelf

from reelwork.ledger import Act, Happened, Later, Undecided
from reelwork.store.commands import Intend, NewJob, Send, SetJob
from reelwork.store.records import Lease, RunRow
from reelwork.store.webhooks import Received
from reelwork_hooks import Unavailable
from reelwork_hooks.effects import Candidate, Listing, Unsure


@dataclass
class Reads(Shelf):
    """The other side, asked for one id at a time."""

    down: int = 0
    """How many of those questions get no answer."""
    asked: list[str] = field(default_factory=list)

    async def read_back(self, id_: str) -> str | None:
        self.asked.append(id_)
        if self.down:
            self.down -= 1
            raise Unavailable("it does not answer")
        return id_ if id_ in [made for made, _ in self.made] else None


class Named(Desk):
    """Jobs whose requests can be named by webhooks."""

    shelf: Reads
    lists = True
    credential = "key"
    early = False
    """A webhook outruns the answer that is then lost."""

    def act(self, key: str, prompt: str, duration: float = 4) -> Act[str]:
        act = super().act(key, prompt, duration)

        async def call(effect: Any) -> str:
            if self.early:
                await self.hear("v1")
            return await act.call(effect)

        told: dict[str, Any] = {
            "call": call,
            "read_back": self.shelf.read_back,
            "credential": lambda salt: self.credential,
        }
        if self.lists:
            return replace(act, **told)

        async def nothing(effect: Any) -> Unsure:
            return Unsure()

        return replace(act, **told, can_look=False, find=nothing, find_control=None)

    async def hear(self, *ids: str, prompt: str = OURS) -> None:
        await self.store.hear(Received("a", "", ids, f"{prompt} 4"))

    async def hold(self) -> None:
        """A request whose answer was lost, of which the list shows nothing."""
        held = await self.lost(arrives=True)
        assert isinstance(held, Undecided)
        assert self.shelf.creates == len(self.shelf.made)

    def row(self) -> tuple[str, str | None]:
        (effect,) = self.store.effects_of(f"{OURS} 4")
        return effect.state, effect.remote_id


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Named]:
    made = Named(tmp_path / "store.db", Reads(Passing()))
    yield made
    made.close()


def without_a_list(desk: Named) -> None:
    desk.lists = False


def with_an_empty_list(desk: Named) -> None:
    desk.shelf.listed = lambda listing: replace(listing, candidates=(), complete=False)


@pytest.mark.parametrize("kind", [without_a_list, with_an_empty_list])
def test_what_is_named_and_read_back_is_taken(desk: Named, kind: Any) -> None:
    async def scenario() -> None:
        kind(desk)
        await desk.hold()
        await desk.hear("v1")
        outcome = await desk.ask(OURS)
        assert isinstance(outcome, Happened)
        assert (outcome.result, outcome.found, desk.shelf.creates) == ("v1", True, 1)
        assert (desk.seen().row, desk.row()) == (10, ("confirmed", "v1"))

    asyncio.run(scenario())


def test_it_waits_for_no_settle_time(desk: Named) -> None:
    async def scenario() -> None:
        began, desk.early = desk.clock.now, True
        assert isinstance(await desk.lost(arrives=True), Happened)
        assert desk.clock.now - began < 1

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", [without_a_list, with_an_empty_list])
@pytest.mark.parametrize(
    "ids", [("v9",), ("v0",), (" v1",), ("v1", "v2")], ids=["nobody's", "owned", "unclean", "two"]
)
def test_what_cannot_be_told_to_be_ours_changes_nothing(desk: Named, kind: Any, ids: tuple[str, ...]) -> None:
    async def scenario() -> None:
        kind(desk)
        desk.shelf.made.append(("v0", {"prompt": OTHER}))
        real, desk.shelf.create = desk.shelf.create, lambda fields: "v0"  # type: ignore[method-assign]
        assert isinstance(await desk.ask(BEFORE), Happened)
        desk.shelf.create = real  # type: ignore[method-assign]
        desk.shelf.made.append(("v1", {"prompt": OURS}))
        desk.shelf.made.append(("v2", {"prompt": OURS}))
        await desk.lost(arrives=True)
        await desk.hear(*ids)
        assert isinstance(await desk.ask(OURS), Undecided)
        assert desk.row() == ("unknown", None)
        assert desk.shelf.creates == 1

    asyncio.run(scenario())


def test_what_was_asked_for_otherwise_is_not_taken(desk: Named) -> None:
    async def scenario() -> None:
        # The list shows it with another prompt, as it would be for another job whose answer was lost as well.
        desk.shelf.changed = lambda fields: {**fields, "prompt": OTHER}
        desk.shelf.listed = lambda listing: replace(listing, complete=False)
        await desk.hold()
        await desk.hear("v1")
        assert isinstance(await desk.ask(OURS), Undecided)
        assert desk.row() == ("unknown", None)
        # Nothing of what was named is kept from the true one.
        desk.shelf.changed = lambda fields: fields
        assert isinstance(await desk.ask(OURS), Happened)

    asyncio.run(scenario())


def test_what_another_request_was_named_too_is_nobodys(desk: Named) -> None:
    async def scenario() -> None:
        desk.lists = False
        await desk.hold()
        await desk.lost(BEFORE, arrives=True)
        await desk.hear("v1")
        await desk.hear("v1", prompt=BEFORE)
        assert isinstance(await desk.ask(OURS), Undecided)
        await desk.hear("v2", prompt=BEFORE)
        assert isinstance(await desk.ask(BEFORE), Undecided)

    asyncio.run(scenario())


def test_the_answer_of_another_request_is_waited_for(desk: Named) -> None:
    async def scenario() -> None:
        desk.lists = False
        await desk.hold()
        # Another process has sent a request, and its answer may be the id that is named.
        await desk.store.add_run(RunRow("run", "run", "w", "{}", 0.0))
        await desk.store.add_jobs("run", [NewJob("b", "b", "submit", "{}")])
        row = await desk.store.hold("b", desk.owner.name, 60)
        assert row is not None
        intend = Intend("other", "submit", "shelf", "shelf", "", "null")
        await desk.store.apply(Lease("b", row.fence, desk.owner.name), [intend, Send("other", "shelf")])
        await desk.hear("v1")
        assert isinstance(await desk.ask(OURS), Later)
        assert desk.row() == ("unknown", None)

    asyncio.run(scenario())


def test_under_another_key_nothing_is_taken(desk: Named) -> None:
    async def scenario() -> None:
        desk.lists = False
        await desk.hold()
        desk.credential = "another key"
        await desk.hear("v1")
        assert isinstance(await desk.ask(OURS), Undecided)
        assert desk.shelf.asked == []

    asyncio.run(scenario())


def test_one_that_cannot_be_read_back_now_is_read_again(desk: Named) -> None:
    async def scenario() -> None:
        desk.lists = False
        await desk.hold()
        desk.shelf.down = 2
        await desk.hear("v1")
        assert isinstance(await desk.ask(OURS), Happened)
        assert desk.shelf.asked == ["v1"] * 3

    asyncio.run(scenario())


def test_a_webhook_for_another_job_names_nothing_here(desk: Named) -> None:
    async def scenario() -> None:
        desk.lists = False
        await desk.hold()
        await desk.store.hear(Received("a", "", ("v1",), ""))
        await desk.hear("v1", prompt=OTHER)
        assert isinstance(await desk.ask(OURS), Undecided)
        assert desk.shelf.asked == []

    asyncio.run(scenario())


def test_a_job_held_at_another_step_is_not_woken(desk: Named) -> None:
    async def scenario() -> None:
        desk.lists = False
        await desk.hold()
        for step, status in (("submit-again", "held"), ("submit", "active")):
            row = await desk.store.hold(f"{OURS} 4", desk.owner.name, 60)
            assert row is not None
            await desk.store.apply(
                Lease(row.id, row.fence, desk.owner.name), [SetJob("held", step, None, "a person decides")]
            )
            await desk.hear("v1")
            found = await desk.store.claim_jobs("w", 60, 9, None)
            assert [job.status for job in found] == ([status] if status == "active" else [])

    asyncio.run(scenario())


def test_a_list_that_names_ours_by_its_reference_outweighs_a_lie(desk: Named) -> None:
    async def scenario() -> None:
        desk.shelf.listed = lambda listing: Listing(
            tuple(Candidate(one.result, ref="another") for one in listing.candidates), complete=False
        )
        await desk.hold()
        await desk.hear("v1")
        assert isinstance(await desk.ask(OURS), Undecided)

    asyncio.run(scenario())
