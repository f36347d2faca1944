"""What every store must do with schedules: a key is written once, together with the jobs it stands for, or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.stores import READERS, STORES, ReadBeside

from reelwork.errors import BudgetExceeded
from reelwork.store.ceilings import Budget
from reelwork.store.commands import NewJob, SetJob
from reelwork.store.records import DONE, HELD, RunRow
from reelwork.store.schedules import Decided, NewFiring, Outcome, ScheduleRow, SlotRow, SlotState
from reelwork.store.statuses import Step

DOLLAR = 1_000_000


@pytest.fixture(params=[(name, beside) for name in sorted(STORES) for beside in (False, True)])
def kind(request: pytest.FixtureRequest) -> Callable[..., Any]:
    name, beside = request.param

    def open_(path: Path, clock: Any) -> Any:
        store = STORES[name](path, clock=clock)
        return ReadBeside(store, READERS[name](path, clock=clock)) if beside else store

    return open_


WEEKLY = ScheduleRow("weekly", "{}", 1, 10.0, 10.0)


def slot(key: str, at: float, state: SlotState = SlotState.FIRED, **values: Any) -> SlotRow:
    return SlotRow("weekly", key, at, state, "", at, **values)


def firing(key: str, at: float, *, cost: int = 0, budget: Budget | None = None, **values: Any) -> NewFiring:
    run = RunRow(f"run-{key}", None, "flow", "{}", at)
    job = NewJob(f"job-{key}", f"run:{key}", "first", json.dumps({"cost": cost}))
    kept = values.pop("slot", slot(key, at, run_id=run.id))
    return NewFiring(kept, run, (job,), cost, budget or Budget(), **values)


def decided(begin: float, end: float, *slots: SlotRow, fires: NewFiring | None = None) -> Decided:
    return Decided("weekly", 1, begin, end, slots, fires)


def test_a_schedule_changes_only_from_the_version_that_was_read(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        assert await one.keep_schedule(WEEKLY)
        assert not await other.keep_schedule(WEEKLY)
        changed = replace(WEEKLY, version=2, spec='{"new": 1}', pause="{}", removed_at=5.0)
        assert await other.keep_schedule(changed, [slot("a", 11.0, SlotState.PAUSED)])
        assert not await one.keep_schedule(replace(WEEKLY, version=2))
        assert other.schedules() == one.schedules() == [changed]
        assert [found.key for found in one.slots("weekly")] == ["a"]
        assert one.slots("other") == []

    asyncio.run(scenario())


def test_of_two_that_decide_the_same_the_second_does_nothing(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        await one.keep_schedule(WEEKLY)
        mine = decided(10.0, 20.0, slot("a", 15.0, SlotState.MISSED), fires=firing("b", 20.0))
        theirs = decided(10.0, 20.0, slot("a", 15.0, SlotState.SKIPPED), fires=firing("b", 20.0))
        assert await one.settle(mine) == Outcome.WRITTEN
        assert await other.settle(theirs) == Outcome.MOVED
        assert [(found.key, found.state) for found in other.slots("weekly")] == [("b", "fired"), ("a", "missed")]
        assert [found.key for found in other.slots("weekly", 1)] == ["b"]
        assert [job.id for job in one.jobs()] == ["job-b"]
        assert one.schedules()[0].decided_until == 20.0

    asyncio.run(scenario())


def test_what_was_changed_or_removed_meanwhile_fires_nothing(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.keep_schedule(WEEKLY)
        await store.keep_schedule(replace(WEEKLY, version=2))
        assert await store.settle(decided(10.0, 20.0, fires=firing("a", 20.0))) == Outcome.MOVED
        await store.keep_schedule(replace(WEEKLY, version=3, removed_at=15.0))
        third = replace(decided(10.0, 20.0, fires=firing("a", 20.0)), version=3)
        assert await store.settle(third) == Outcome.MOVED
        assert store.slots("weekly") == []
        assert store.jobs() == []

    asyncio.run(scenario())


def test_a_key_that_is_there_is_never_written_again_unless_it_waits(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.keep_schedule(WEEKLY)
        await store.settle(decided(10.0, 20.0, slot("a", 20.0, SlotState.WAITING, due_at=20.0)))
        assert [found.key for found in store.waiting_slots("weekly")] == ["a"]
        assert await store.settle(decided(20.0, 20.0, fires=firing("a", 20.0))) == Outcome.WRITTEN
        assert store.waiting_slots("weekly") == []
        again = replace(firing("a", 20.0), run=RunRow("another", None, "flow", "{}", 0.0))
        assert await store.settle(decided(20.0, 30.0, fires=again)) == Outcome.MOVED
        assert [found.run_id for found in store.slots("weekly")] == ["run-a"]
        assert store.run("another") is None

    asyncio.run(scenario())


def test_one_that_must_be_alone_is_not_written_beside_a_running_one(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.keep_schedule(WEEKLY)
        assert not store.is_running("weekly")
        await store.settle(decided(10.0, 20.0, fires=firing("a", 20.0)))
        assert store.is_running("weekly")
        assert not store.is_running("other")
        alone = decided(20.0, 30.0, fires=firing("b", 30.0, alone=True))
        assert await store.settle(alone) == Outcome.RUNNING
        assert store.schedules()[0].decided_until == 20.0
        await store.decide("job-a", SetJob(HELD, "first", None))
        assert not store.is_running("weekly")
        assert await store.settle(alone) == Outcome.WRITTEN

    asyncio.run(scenario())


WAITS = {"state": "open", "slot_waits": True}
POSTING = {"state": "prepared", "slot_waits": False}
PUBLISHED = {"state": "published", "slot_waits": False}


@pytest.mark.parametrize(
    ("data", "running"),
    [
        ({"posts": {}}, True),
        ({"posts": {"a": WAITS}, "step": "finish"}, True),
        ({"posts": {"a": WAITS}}, False),
        ({"posts": {"a": WAITS, "b": WAITS}}, False),
        ({"posts": {"a": WAITS, "b": PUBLISHED}}, False),
        ({"posts": {"a": WAITS, "b": POSTING}}, True),
        ({"posts": {"a": POSTING}}, True),
        ({"posts": {"a": POSTING}, "brief": {"metadata": {"slot_waits": True}}}, True),
        ({"brief": {"metadata": {"slot_waits": True, "posts": {"a": WAITS}}}}, True),
    ],
)
def test_a_job_that_only_waits_for_the_times_of_its_posts_is_not_running(
    open_store: Any, data: dict[str, Any], running: bool
) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.keep_schedule(WEEKLY)
        fires = firing("a", 20.0)
        # As the engine writes it: without spaces.
        job = replace(
            fires.jobs[0], step=data.get("step", Step.PUBLISH), data=json.dumps(data, separators=(",", ":"))
        )
        await store.settle(decided(10.0, 20.0, fires=replace(fires, jobs=(job,))))
        assert store.is_running("weekly") is running

    asyncio.run(scenario())


def test_a_mark_that_is_ahead_is_pulled_back_once_and_what_fired_keeps_its_key(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        await one.keep_schedule(WEEKLY)
        lost, early = slot("a", 12.0, SlotState.MISSED), slot("b", 80.0, SlotState.MISSED)
        await one.settle(decided(10.0, 90.0, lost, early, fires=firing("c", 90.0)))
        assert not await other.pull_back("weekly", 2, 90.0, 20.0)
        assert await other.pull_back("weekly", 1, 90.0, 20.0)
        assert not await one.pull_back("weekly", 1, 90.0, 20.0)
        assert one.schedules()[0].decided_until == 20.0
        assert [found.key for found in one.slots("weekly")] == ["c", "a"]

    asyncio.run(scenario())


def test_a_row_of_a_batch_is_used_once_in_a_round(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.keep_schedule(WEEKLY)

        def using(key: str, cycle: int) -> NewFiring:
            return firing(key, 20.0, slot=slot(key, 20.0, run_id=f"run-{key}", cycle=cycle, row="id:1"))

        assert await store.settle(decided(10.0, 20.0, fires=using("a", 0))) == Outcome.WRITTEN
        assert await store.settle(decided(20.0, 30.0, fires=using("b", 0))) == Outcome.MOVED
        assert await store.settle(decided(20.0, 30.0, fires=using("b", 1))) == Outcome.WRITTEN
        assert sorted(store.used_rows("weekly")) == [(0, "id:1"), (1, "id:1")]

    asyncio.run(scenario())


def test_the_money_of_a_firing_fits_beside_what_is_promised_or_nothing_is_written(
    open_store: Any,
) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.keep_schedule(WEEKLY)
        budget = Budget(per_day=3 * DOLLAR)
        first = firing("a", 20.0, cost=2 * DOLLAR, budget=budget)
        await store.settle(decided(10.0, 20.0, fires=first))
        second = decided(20.0, 30.0, fires=firing("b", 30.0, cost=2 * DOLLAR, budget=budget))
        with pytest.raises(BudgetExceeded, match="per_day = 3"):
            await store.settle(second)
        assert [found.key for found in store.slots("weekly")] == ["a"]
        assert store.schedules()[0].decided_until == 20.0
        # The first one has ended and never sent anything: its money is free again.
        await store.decide("job-a", SetJob(DONE, "first", None))
        assert await store.settle(second) == Outcome.WRITTEN

    asyncio.run(scenario())


def test_what_is_wrong_with_its_file_is_kept_with_the_version_it_was_seen_of(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.keep_schedule(WEEKLY)
        await store.tell_trouble("weekly", 1, "no such file")
        await store.tell_trouble("weekly", 7, "something else")
        assert store.schedules()[0].trouble == "no such file"
        await store.tell_trouble("weekly", 1, "")
        assert store.schedules()[0].trouble == ""

    asyncio.run(scenario())
