"""The ledger at a list: what it takes for proof that something never arrived, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reelwork.ledger import Act, Happened, Later, Ledger, Undecided
from reelwork.ledger.report import Report
from reelwork.store.commands import NewJob, SetJob
from reelwork.store.records import EffectRow, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.sqlite.workers import Owner
from reelwork_hooks import Idempotency, OutcomeUnknown
from reelwork_hooks.effects import Absent, Candidate, Effect, Found, Listing, Unsure

BEFORE = "A lighthouse in the rain at night, and a boat that comes home"
OURS = "A red fox in the snow"
AFTER = "A heron at the river at dawn, and the mist above the water"
LATER = "A heron at the river at dusk, and the mist above the reeds"
LATEST = "A heron at the river at noon, and no more mist above the reeds"
OTHER = "Zebras drink near water holes under hot sun, dust everywhere"
SETTLE = 10.0


class Passing:
    """Time that is put forward instead of waited for."""

    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shelf:
    """The other side: what it made, and how it lists it."""

    clock: Passing
    made: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    creates: int = 0
    lose: int = 0
    """How many creates get no answer; then all is well."""
    arrives: bool = True
    """Whether those are made all the same."""
    changed: Callable[[dict[str, Any]], dict[str, Any]] = lambda fields: fields
    listed: Callable[[Listing[str]], Listing[str]] = lambda listing: listing

    def create(self, fields: dict[str, Any]) -> str:
        self.creates += 1
        lost, self.lose = self.lose > 0, max(self.lose - 1, 0)
        if self.arrives or not lost:
            self.made.append((f"v{len(self.made) + 1}", fields))
        if lost:
            raise OutcomeUnknown("no answer came")
        return self.made[-1][0]

    def listing(self) -> Listing[str]:
        entries = tuple(Candidate(id_, fields=self.changed(dict(fields))) for id_, fields in self.made)
        date = datetime.fromtimestamp(self.clock.now, UTC)
        return self.listed(Listing(entries, complete=True, date=date))


class Desk:
    """Jobs, one request each, brought as far as they can be."""

    made_slowly = listed_late = compares = False
    dated = True
    arrived: asyncio.Event | None = None
    """Set when a request of OURS has arrived, whose answer then waits for `answer`."""
    answer: asyncio.Event | None = None

    def __init__(self, path: Path, shelf: Shelf) -> None:
        self.path, self.shelf, self.clock = path, shelf, shelf.clock
        self.open()

    def open(self) -> None:
        self.store = SqliteStore(self.path, clock=self.clock)
        self.owner = Owner(self.path)
        self.ledger = Ledger(self.store, self.owner, self.clock)

    def close(self) -> None:
        self.owner.close()
        self.store.close()

    def act(self, key: str, prompt: str, duration: float = 4) -> Act[str]:
        fields = {"prompt": prompt, "duration": duration, "model": "m1"}

        async def call(effect: Effect) -> str:
            made = self.shelf.create(fields)
            if self.arrived and self.answer and prompt == OURS:
                self.arrived.set()
                await self.answer.wait()
            return made

        async def find(effect: Any) -> Listing[str] | Found[str] | Absent:
            if not self.compares:
                return self.shelf.listing()
            wanted = effect.key.rpartition(" ")[0]
            mine = tuple(id_ for id_, said in self.shelf.made if said["prompt"] == wanted)
            return Found(mine) if mine else Absent()

        return Act(
            key=key, kind="submit", subject="shelf", account="shelf", idempotency=Idempotency.LOOKUP,
            settle_seconds=SETTLE, time_limit=60, call=call, find=find, identify=str, dump=str, load=str,
            what="the request", model="m1", spec=f"{duration}", asked=fields, find_control=find,
            made_slowly=self.made_slowly, listed_late=self.listed_late, dated=self.dated,
        )  # fmt: skip

    async def ask(self, prompt: str, *, duration: float = 4, patience: int = 16) -> Any:
        """Perform one request until it is settled or held; returns its outcome."""
        key = f"{prompt} {duration}"
        await self.store.add_run(RunRow("run", "run", "w", "{}", 0.0))
        await self.store.add_jobs("run", [NewJob(key, key, "submit", "{}")])
        failures = 0
        until = self.clock.now
        outcome: Any = None
        for _ in range(patience):
            self.clock.now = max(self.clock.now, until)
            row = await self.store.hold(key, self.owner.name, 60)
            assert row is not None
            lease = Lease(row.id, row.fence, self.owner.name)
            outcome = await self.ledger.perform(lease, self.act(key, prompt, duration), failures)
            await self.store.apply(lease, [*outcome.commands, SetJob("held", "submit", None)])
            if isinstance(outcome, Happened) and not outcome.found:
                await self.ledger.freshness.after(self.act(key, prompt, duration))
            if not isinstance(outcome, Later):
                return outcome
            failures += outcome.failure
            until = outcome.until + 0.01
        return outcome

    def lost(self, prompt: str = OURS, *, arrives: bool, **options: Any) -> Awaitable[Any]:
        self.shelf.lose, self.shelf.arrives = 1, arrives
        return self.ask(prompt, **options)

    def seen(self, prompt: str = OURS, duration: float = 4) -> Report:
        (effect,) = self.store.effects_of(f"{prompt} {duration}")
        report = Report.of(effect)
        assert report is not None
        return report


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "store.db", Shelf(Passing()))
    yield made
    made.close()


async def warm(desk: Desk) -> None:
    """Controls before, and a list that is known to be prompt."""
    await desk.ask(BEFORE)
    desk.clock.now += 1
    await desk.ask(AFTER)


def test_what_arrived_is_found_by_its_fields(desk: Desk) -> None:
    async def scenario() -> None:
        await warm(desk)
        outcome = await desk.lost(arrives=True)
        assert isinstance(outcome, Happened)
        assert (outcome.result, desk.shelf.creates) == ("v3", 3)

    asyncio.run(scenario())


def test_what_never_arrived_is_sent_once_more_after_two_looks(desk: Desk) -> None:
    async def scenario() -> None:
        await warm(desk)
        began = desk.clock.now
        outcome = await desk.lost(arrives=False)
        assert isinstance(outcome, Happened)
        assert desk.shelf.creates == 4
        assert desk.clock.now - began >= 2 * SETTLE

    asyncio.run(scenario())


def test_a_second_time_it_is_not_believed(desk: Desk) -> None:
    async def scenario() -> None:
        await warm(desk)
        desk.shelf.lose, desk.shelf.arrives = 2, False
        outcome = await desk.ask(OURS, patience=20)
        assert isinstance(outcome, Undecided)
        assert desk.shelf.creates == 4

    asyncio.run(scenario())


def test_nothing_is_believed_of_an_account_without_controls(desk: Desk) -> None:
    async def scenario() -> None:
        assert isinstance(await desk.lost(arrives=False), Undecided)
        assert desk.seen().row == 15
        assert desk.shelf.creates == 1

    asyncio.run(scenario())


CHANGES: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda fields: {**fields, "duration": 4},
    lambda fields: {**fields, "duration": 0},
    lambda fields: {**fields, "prompt": fields["prompt"][:12] + "…"},
    lambda fields: {**fields, "prompt": fields["prompt"].upper()},
    lambda fields: {**fields, "prompt": f"Cinematic: {fields['prompt']}, 35mm"},
    lambda fields: {name: value for name, value in fields.items() if name != "prompt"},
    lambda fields: {},
]


@pytest.mark.parametrize("changed", CHANGES)
@pytest.mark.parametrize("later", [False, True])
def test_a_list_that_shows_ours_as_something_else_never_pays_again(
    desk: Desk, changed: Callable[[dict[str, Any]], dict[str, Any]], later: bool
) -> None:
    async def scenario() -> None:
        await desk.ask(BEFORE)
        await desk.ask(BEFORE, duration=8)
        # From here on what is asked for in eight seconds is listed differently, and everything else as before.
        desk.shelf.changed = lambda fields: changed(fields) if fields["prompt"] == OURS else fields
        await desk.lost(arrives=True, duration=8)
        if later:
            await desk.ask(AFTER, duration=8)
            await desk.ask(OURS, duration=8)
        assert desk.shelf.creates == (4 if later else 3)

    asyncio.run(scenario())


def test_a_server_that_always_lists_four_seconds_has_no_control_for_eight(desk: Desk) -> None:
    async def scenario() -> None:
        desk.shelf.changed = lambda fields: {**fields, "duration": 4}
        await warm(desk)
        assert isinstance(await desk.lost(arrives=False, duration=8), Undecided)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "listed",
    [
        lambda listing: replace(listing, complete=False, why="it is long"),
        lambda listing: replace(listing, total=len(listing.candidates) + 1),
        lambda listing: replace(listing, candidates=(*listing.candidates, *listing.candidates[:1])),
        lambda listing: replace(listing, candidates=(*listing.candidates, Candidate("a\x1b]b"))),
        lambda listing: replace(listing, candidates=listing.candidates[-1:]),
        lambda listing: replace(listing, candidates=()),
        lambda listing: replace(listing, date=None),
        lambda listing: replace(listing, age=30.0),
        lambda listing: replace(listing, date=datetime(2026, 1, 1, tzinfo=UTC)),
    ],
    ids=["a part", "total", "twice", "unclean", "cut", "empty", "no date", "cached", "standing date"],
)
def test_a_list_that_may_lack_it_is_not_believed(desk: Desk, listed: Any) -> None:
    async def scenario() -> None:
        await warm(desk)
        desk.shelf.listed = listed
        outcome = await desk.lost(arrives=False)
        assert isinstance(outcome, Undecided)
        assert desk.shelf.creates == 3

    asyncio.run(scenario())


def test_without_a_date_something_that_was_sent_later_shows_that_the_list_is_new(desk: Desk) -> None:
    async def scenario() -> None:
        desk.shelf.listed = lambda listing: replace(listing, date=None)
        await warm(desk)
        assert isinstance(await desk.lost(arrives=False), Undecided)
        await desk.ask("A heron at the river at dusk, and the mist above the reeds")
        assert isinstance(await desk.ask(OURS), Happened)
        assert desk.shelf.creates == 5

    asyncio.run(scenario())


def test_what_was_sent_while_ours_could_still_arrive_does_not_show_that_the_list_is_new(desk: Desk) -> None:
    """A list that stands still right after it would not show ours, which arrives a little later."""

    async def scenario() -> None:
        desk.shelf.listed = lambda listing: replace(listing, date=None)
        await warm(desk)
        desk.shelf.lose, desk.shelf.arrives = 1, False
        first = await desk.ask(OURS, patience=1)
        assert isinstance(first, Later)
        await desk.ask("A heron at the river at dusk, and the mist above the reeds")
        frozen = desk.shelf.listing()
        desk.shelf.listed = lambda listing: frozen
        desk.clock.now = first.until + 0.01
        assert isinstance(await desk.ask(OURS, patience=20), Undecided)
        assert desk.shelf.creates == 4
        # Once it has settled, what is sent is proof, if the list shows it.
        desk.shelf.listed = lambda listing: replace(listing, date=None)
        await desk.ask("A heron at the river at noon, and no mist above the reeds")
        assert isinstance(await desk.ask(OURS, patience=20), Happened)
        assert desk.shelf.creates == 6

    asyncio.run(scenario())


@pytest.mark.parametrize("hidden", [1, 2], ids=["older", "later"])
def test_a_list_that_leaves_out_something_else_is_not_believed(desk: Desk, hidden: int) -> None:
    async def scenario() -> None:
        desk.shelf.listed = lambda listing: replace(listing, date=None)
        await warm(desk)
        await desk.lost(arrives=False)
        await desk.ask(LATER)
        await desk.ask(LATEST)
        ids = [id_ for id_, _ in desk.shelf.made]
        desk.shelf.listed = lambda listing: replace(
            listing, candidates=tuple(one for one in listing.candidates if one.result != ids[hidden])
        )
        desk.clock.now += 2 * SETTLE
        assert isinstance(await desk.ask(OURS), Undecided)
        assert desk.shelf.creates == 5
        assert f"does not show {ids[hidden]}" in desk.seen().missing

    asyncio.run(scenario())


def test_a_list_of_what_has_ended_does_not_show_what_is_still_being_made(desk: Desk) -> None:
    async def scenario() -> None:
        desk.made_slowly = True
        await warm(desk)
        assert isinstance(await desk.lost(arrives=False), Undecided)
        assert "still being made" in desk.seen().missing
        assert desk.shelf.creates == 3
        desk.shelf.listed = lambda listing: replace(
            listing, candidates=tuple(replace(one, state="queued") for one in listing.candidates)
        )
        assert isinstance(await desk.ask(OURS), Happened)
        assert desk.shelf.creates == 4

    asyncio.run(scenario())


def test_absent_from_a_list_of_what_has_ended_proves_nothing(desk: Desk) -> None:
    """As plugins of contract 1 answer, whose provider says when things are listed."""

    async def scenario() -> None:
        desk.compares = True
        await warm(desk)
        assert isinstance(await desk.lost(arrives=False), Undecided)
        await desk.ask(LATER)
        desk.listed_late = True
        assert isinstance(await desk.ask(OURS), Undecided)
        assert "still being made" in desk.seen().missing
        assert desk.shelf.creates == 4
        desk.listed_late = False
        assert isinstance(await desk.ask(OURS), Happened)
        assert desk.shelf.creates == 5

    asyncio.run(scenario())


def test_an_entry_in_other_words_is_excluded_only_by_prompts_as_short_as_ours(desk: Desk) -> None:
    async def scenario() -> None:
        await warm(desk)
        desk.shelf.changed = lambda fields: (
            {**fields, "prompt": "Through drifting powder wanders a vulpine silhouette"}
            if len(fields["prompt"]) < 30
            else fields
        )
        assert isinstance(await desk.lost(arrives=True), Undecided)
        assert desk.shelf.creates == 3

    asyncio.run(scenario())


def test_an_id_that_is_given_out_again_may_be_ours(desk: Desk) -> None:
    async def scenario() -> None:
        await warm(desk)
        desk.shelf.made.append(("slot", {"prompt": "Somebody's harbour", "duration": 4, "model": "m1"}))
        await desk.lost("A hare in the field at night, and an owl above the tall trees", arrives=False)
        began = desk.shelf.creates
        # What had this place is gone, and ours has it now.
        desk.shelf.made = [one for one in desk.shelf.made if one[0] != "slot"]
        desk.shelf.lose, desk.shelf.arrives = 1, False
        assert isinstance(await desk.ask(OURS, patience=1), Later)
        made_at = datetime.fromtimestamp(desk.clock.now, UTC)
        desk.shelf.made.append(("slot", {"prompt": OURS, "duration": 4, "model": "m1"}))
        desk.shelf.listed = lambda listing: replace(
            listing,
            candidates=tuple(
                replace(one, created_at=made_at) if one.result == "slot" else one for one in listing.candidates
            ),
        )
        assert isinstance(await desk.ask(OURS), Undecided)
        assert desk.shelf.creates == began + 1

    asyncio.run(scenario())


@pytest.mark.parametrize("seconds", [5, 30, 600, 86_400])
def test_a_kept_copy_of_the_list_proves_nothing_though_the_date_goes_on(desk: Desk, seconds: float) -> None:
    """As a proxy in front of the server keeps it: with a `Date` of its own, and no `Age`."""
    kept: list[tuple[float, Listing[str]]] = []

    def copy(listing: Listing[str]) -> Listing[str]:
        if not kept or desk.clock.now - kept[-1][0] >= seconds:
            kept.append((desk.clock.now, listing))
        return replace(kept[-1][1], date=listing.date)

    async def scenario() -> None:
        desk.shelf.listed = copy
        await warm(desk)
        outcome = await desk.lost(arrives=True)
        assert desk.shelf.creates == 3
        assert isinstance(outcome, Happened if seconds <= SETTLE else Undecided)

    asyncio.run(scenario())


def test_a_list_that_could_not_be_read_before_is_not_known_to_be_fresh(desk: Desk) -> None:
    plain = desk.act

    async def unsure(effect: Any) -> Unsure:
        return Unsure("the list was answered 503")

    async def scenario() -> None:
        desk.act = lambda *given: replace(plain(*given), find=unsure)  # type: ignore[method-assign]
        await warm(desk)
        desk.act = plain  # type: ignore[method-assign]
        assert isinstance(await desk.lost(arrives=False), Undecided)
        assert desk.shelf.creates == 3

    asyncio.run(scenario())


def test_a_harder_prompt_needs_a_harder_control(desk: Desk) -> None:
    async def scenario() -> None:
        await warm(desk)
        for prompt in ('A "red" fox', "Ein Füchslein", "A fox\nin snow", "A fox 🦊", OURS * 5):
            assert isinstance(await desk.lost(prompt, arrives=False), Undecided), prompt

    asyncio.run(scenario())


def test_the_first_of_two_looks_is_kept_and_waited_for_again_on_another_boot(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        await warm(desk)
        desk.shelf.lose, desk.shelf.arrives = 1, False
        while not (outcome := await desk.ask(OURS, patience=1)).why.startswith("it is not there"):
            desk.clock.now = outcome.until + 0.01
        assert desk.seen().absences == 1
        before = desk.clock.now
        desk.close()
        desk.open()
        # A machine that was started anew has a boot clock of its own.
        desk.ledger.time = replace(desk.ledger.time, boot=lambda: "another")
        desk.clock.now += SETTLE
        await desk.ask(OURS, patience=1)
        assert (desk.seen().absences, desk.shelf.creates) == (1, 3)
        assert isinstance(await desk.ask(OURS), Happened)
        assert desk.shelf.creates == 4
        assert desk.clock.now - before >= 2 * SETTLE
        assert isinstance(outcome, Later)

    asyncio.run(scenario())


def test_what_turned_up_later_ends_the_belief_in_that_list(desk: Desk) -> None:
    async def scenario() -> None:
        await warm(desk)
        await desk.lost(arrives=False)
        assert desk.shelf.creates == 4
        # What was taken for missing had only been slow.
        desk.shelf.made.append(("late", {"prompt": OURS, "duration": 4, "model": "m1"}))
        outcome = await desk.lost(OTHER, arrives=False)
        assert isinstance(outcome, Undecided)
        assert "late turned up after it had been sent again" in desk.seen(OTHER).missing
        assert desk.shelf.creates == 5

    asyncio.run(scenario())


def test_an_answer_that_comes_while_the_list_is_judged_is_no_sign_against_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others send beside us: what was listed before its answer came belongs to somebody when it is judged."""

    async def scenario() -> None:
        await warm(desk)
        desk.shelf.lose, desk.shelf.arrives = 1, False
        await desk.ask(OURS, patience=1)
        came = asyncio.Event()
        desk.arrived, desk.answer = asyncio.Event(), came
        answered = asyncio.create_task(desk.ask(OURS))
        await desk.arrived.wait()
        listed = desk.store.sent_again

        async def once_it_is_answered(effect: EffectRow) -> list[EffectRow]:
            came.set()
            await answered
            return await listed(effect)

        monkeypatch.setattr(desk.store, "sent_again", once_it_is_answered)
        desk.shelf.lose, desk.shelf.arrives = 1, False
        assert isinstance(await desk.ask(OTHER), Happened)
        assert desk.shelf.creates == 6

    asyncio.run(scenario())


@pytest.mark.parametrize("more", [0, 1])
def test_what_was_sent_again_and_has_no_answer_yet_may_be_there_once(desk: Desk, more: int) -> None:
    async def scenario() -> None:
        await warm(desk)
        desk.shelf.lose, desk.shelf.arrives = 1, False
        outcome = await desk.ask(OURS, patience=1)
        desk.shelf.lose, desk.shelf.arrives = 1, True
        while desk.shelf.creates < 4:
            desk.clock.now = outcome.until + 0.01
            outcome = await desk.ask(OURS, patience=1)
        desk.shelf.made += [("late", {"prompt": OURS, "duration": 4, "model": "m1"})] * more
        outcome = await desk.lost(OTHER, arrives=False)
        assert isinstance(outcome, Undecided if more else Happened)
        assert desk.shelf.creates == 6 - more

    asyncio.run(scenario())


def test_what_was_listed_before_is_not_taken_for_it(desk: Desk) -> None:
    async def scenario() -> None:
        desk.shelf.made.append(("somebody's", {"prompt": OURS, "duration": 4, "model": "m1"}))
        await warm(desk)
        outcome = await desk.lost(arrives=True)
        assert isinstance(outcome, Happened)
        assert outcome.result == desk.shelf.made[-1][0]

    asyncio.run(scenario())


def test_the_first_request_of_an_account_leaves_alone(desk: Desk) -> None:
    async def scenario() -> None:
        desk.shelf.lose = 1
        first = await desk.ask(BEFORE, patience=1)
        assert isinstance(first, Later)
        second = await desk.ask(AFTER, patience=1)
        assert isinstance(second, Later)
        assert "waiting for the first request there" in second.why
        assert desk.shelf.creates == 1
        assert isinstance(await desk.ask(BEFORE), Happened)
        assert isinstance(await desk.ask(AFTER), Happened)

    asyncio.run(scenario())
