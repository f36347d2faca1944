"""Jobs that wait for a place at an account: none is passed over for good, and no limit is ever exceeded.

The other side's own counting is played by `Service`, which sees a request later than it was sent, as a real one
does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import Limited
from reelwork.store.ceilings import Quota
from reelwork.store.commands import AddRender, Confirm, Doubt, Intend, NewJob, RenderUpdate, Reopen, Send, SetJob
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, DONE, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore

STORES: dict[str, Callable[..., Store]] = {"sqlite": SqliteStore}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Counts requests and renders as the other side does, and remembers when a limit was exceeded."""

    def __init__(self, per_minute: int, at_once: int) -> None:
        self.per_minute, self.at_once = per_minute, at_once
        self.times: list[float] = []
        self.open: set[str] = set()
        self.exceeded: list[str] = []

    def accept(self, name: str, now: float) -> None:
        self.times.append(now)
        self.open.add(name)
        if len([time for time in self.times if time > now - 60]) > self.per_minute:
            self.exceeded.append(f"{name}: more than {self.per_minute} in the minute before {now}")
        if len(self.open) > self.at_once:
            self.exceeded.append(f"{name}: more than {self.at_once} at once")


class Lines:
    """A store as one process of several has it, with the steps that an engine takes in it."""

    def __init__(self, store: Store, owner: str, quota: Quota) -> None:
        self.store, self.owner, self.quota = store, owner, quota

    async def claim(self, count: int = 32, scope: str | None = None) -> list[Lease]:
        rows = await self.store.claim_jobs(self.owner, 600, count, scope)
        return [Lease(row.id, row.fence, self.owner) for row in rows]

    async def try_to_send(self, lease: Lease) -> bool:
        key = lease.job_id
        intent = Intend(key, "submit", "fake", "account")
        try:
            await self.store.apply(lease, [intent, Send(key, "account", self.quota)])
        except Limited as limited:
            wait = SetJob(ACTIVE, "submit", limited.until, blocked_on=limited.account or None, release=True)
            await self.store.apply(lease, [wait])
            return False
        return True

    async def answered(self, lease: Lease) -> None:
        render = AddRender(f"r-{lease.job_id}", "fake", "account", lease.job_id, "{}", "{}", 0.0, 9e9)
        state = SetJob(ACTIVE, "render", None, render_id=render.id, release=True)
        await self.store.apply(lease, [Confirm(lease.job_id, lease.job_id, "{}"), render, state])

    async def ended(self, job_id: str) -> None:
        (row,) = [one for one in await self.looked_at() if one.remote_id == job_id]
        await self.store.update_renders(self.owner, [RenderUpdate(row.id, row.fence, None, "completed")])

    async def looked_at(self) -> list[Any]:
        return await self.store.claim_renders(self.owner, -1.0, 1000, None)

    async def finish(self, lease: Lease) -> None:
        await self.store.apply(lease, [SetJob(DONE, "publish", None, release=True)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=sorted(STORES))
def open_store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Any:
    opened: list[Store] = []

    def open_() -> Store:
        opened.append(STORES[request.param](tmp_path / "store.db", clock=clock))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


async def with_jobs(store: Store, count: int, run_id: str = "run") -> list[str]:
    await store.add_run(RunRow(run_id, None, "w", "{}", 0.0))
    jobs = [NewJob(f"{run_id}-{at:03}", f"{run_id}:{at}", "submit", "{}") for at in range(count)]
    return [row.id for row in await store.add_jobs(run_id, jobs)]


async def sent_of(lines: Lines, leases: list[Lease]) -> list[str]:
    """Those of them that were sent and answered."""
    sent = []
    for lease in leases:
        if await lines.try_to_send(lease):
            await lines.answered(lease)
            sent.append(lease.job_id)
    return sent


def test_whoever_waits_gets_the_next_place_in_turn_and_nobody_else_is_woken(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        lines = Lines(open_store(), "me", Quota(concurrent=2))
        ids = await with_jobs(lines.store, 6)
        under_way = await sent_of(lines, await lines.claim())
        assert under_way == ids[:2]
        for place in range(2, 6):
            assert await lines.claim() == []
            clock.now += 1
            first = under_way.pop(0)
            await lines.ended(first)
            woken = await lines.claim()
            assert {lease.job_id for lease in woken} == {first, ids[place]}
            assert await lines.claim() == []
            (front,) = [lease for lease in woken if lease.job_id != first]
            under_way += await sent_of(lines, [front])
        assert under_way == ids[4:]

    asyncio.run(scenario())


def test_several_places_that_get_free_at_once_are_all_taken(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        lines = Lines(open_store(), "me", Quota(concurrent=3))
        ids = await with_jobs(lines.store, 7)
        for id_ in await sent_of(lines, await lines.claim()):
            await lines.ended(id_)
        taken: list[str] = []
        while leases := await lines.claim():
            taken += await sent_of(lines, [lease for lease in leases if lease.job_id not in ids[:3]])
        assert taken == ids[3:6]

    asyncio.run(scenario())


def test_a_window_wakes_one_at_the_moment_its_next_place_is_free(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        lines = Lines(open_store(), "me", Quota(requests_per_minute=2))
        ids = await with_jobs(lines.store, 5)
        leases = await lines.claim()
        for lease, later in ((leases[0], 10), (leases[1], 5)):
            assert await sent_of(lines, [lease]) == [lease.job_id]
            clock.now += later
        assert await sent_of(lines, leases[2:]) == []
        for moment, expected in ((60.0, ids[2]), (70.0, ids[3]), (120.0, ids[4])):
            assert await lines.store.next_due(None, ()) == 1_000_000 + moment
            clock.now = 1_000_000 + moment - 0.001
            assert await lines.claim() == []
            clock.now = 1_000_000 + moment
            woken = await lines.claim()
            assert [lease.job_id for lease in woken] == [expected]
            assert await sent_of(lines, woken) == [expected]
        assert await lines.store.next_due(None, ()) is None

    asyncio.run(scenario())


def test_a_request_counts_from_its_answer_on(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        lines = Lines(open_store(), "me", Quota(requests_per_minute=1))
        await with_jobs(lines.store, 2)
        slow, other = await lines.claim()
        assert await lines.try_to_send(slow)
        clock.now += 70
        assert not await lines.try_to_send(other)
        await lines.answered(slow)
        clock.now += 59
        assert await lines.claim() == []
        clock.now += 1
        (other,) = await lines.claim()
        assert await lines.try_to_send(other)

    asyncio.run(scenario())


@pytest.mark.parametrize("outcome", [Reopen("run-000", "refused"), Doubt("run-000", "lost", 9e9)])
def test_a_request_without_a_good_answer_counts_too(open_store: Any, clock: Clock, outcome: Any) -> None:
    async def scenario() -> None:
        lines = Lines(open_store(), "me", Quota(requests_per_minute=1))
        await with_jobs(lines.store, 2)
        one, two = await lines.claim()
        assert await lines.try_to_send(one)
        await lines.store.apply(one, [outcome, SetJob(ACTIVE, "submit", 9e9, release=True)])
        assert not await lines.try_to_send(two)
        clock.now += 60
        (two,) = await lines.claim()
        assert await lines.try_to_send(two)

    asyncio.run(scenario())


def test_jobs_nobody_drives_do_not_stand_in_the_way(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        lines = Lines(open_store(), "me", Quota(concurrent=1))
        left, mine = await with_jobs(lines.store, 3, "left"), await with_jobs(lines.store, 2, "mine")
        await lines.store.watch("mine", mine)
        under_way = await sent_of(lines, await lines.claim())
        assert under_way == left[:1]
        for expected in mine:
            ended = under_way[0]
            await lines.ended(ended)
            woken = await lines.claim(scope="mine")
            under_way = await sent_of(lines, [lease for lease in woken if lease.job_id != ended])
            assert under_way == [expected]

    asyncio.run(scenario())


def test_one_job_that_waits_is_taken_alone_only_while_its_gate_is_open(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        lines = Lines(open_store(), "me", Quota(concurrent=1))
        first, second = await with_jobs(lines.store, 2)
        under_way = await sent_of(lines, await lines.claim())
        assert under_way == [first]
        assert await lines.store.claim_job(second, "me", 600) is None, "there is no place"
        await lines.ended(first)
        taken = await lines.store.claim_job(second, "me", 600)
        assert taken is not None
        assert await lines.store.claim_job(second, "another", 600) is None, "it is held"
        assert await lines.try_to_send(Lease(second, taken.fence, "me"))

    asyncio.run(scenario())


def test_a_step_that_is_left_to_others_is_not_tried_at_an_open_gate(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        lines = Lines(open_store(), "me", Quota(concurrent=1))
        first, second = await with_jobs(lines.store, 2)
        assert await sent_of(lines, await lines.claim()) == [first]
        await lines.ended(first)
        clock.now += 1
        waiting = lines.store.job(second)
        assert waiting is not None
        left = {(waiting.run_id, waiting.step)}
        assert second not in [row.id for row in await lines.store.claim_jobs("me", 600, 9, None, left)]
        assert await lines.store.next_due(None, (), left=left) is None
        assert [row.id for row in await lines.store.claim_jobs("another", 600, 9, None)] == [second]

    asyncio.run(scenario())


def test_whoever_tries_and_dies_is_taken_over_and_the_next_one_goes_on(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        dying, lines = Lines(store, "dying", Quota(concurrent=1)), Lines(store, "me", Quota(concurrent=1))
        ids = await with_jobs(store, 3)
        (first,) = await sent_of(lines, await lines.claim())
        await lines.ended(first)
        (front,) = [lease for lease in await dying.claim() if lease.job_id != first]
        assert front.job_id == ids[1]
        clock.now += 1
        (next_,) = await lines.claim()
        assert next_.job_id == ids[2]
        assert await sent_of(lines, [next_]) == [ids[2]]
        await lines.ended(ids[2])
        await store.expire("dying")
        clock.now += 1
        woken = await lines.claim()
        assert ids[1] in {lease.job_id for lease in woken}
        assert await sent_of(lines, [lease for lease in woken if lease.job_id == ids[1]]) == [ids[1]]

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(4))
def test_processes_on_one_store_exceed_no_limit_and_pass_nobody_over(
    open_store: Any, clock: Clock, seed: int
) -> None:
    """Three processes, answers that take their time, renders of mixed length; the clock moves with every act."""
    quota, chance = Quota(requests_per_minute=10, concurrent=4), random.Random(seed)
    service = Service(10, 4)
    order: list[str] = []

    async def scenario() -> None:
        processes = [Lines(open_store(), name, quota) for name in ("one", "two", "three")]
        ids = await with_jobs(processes[0].store, 40)
        asked: list[tuple[float, Lines, Lease]] = []
        ends: dict[str, float] = {}
        while len(order) < 40 or service.open:
            clock.now += chance.uniform(0.0, 0.4)
            lines = chance.choice(processes)
            for lease in await lines.claim(8):
                if lease.job_id in ends:
                    await lines.finish(lease)
                elif await lines.try_to_send(lease):
                    asked.append((clock.now + chance.uniform(0, 0.3), lines, lease))
                clock.now += chance.uniform(0.0, 0.02)
            for arrived in [one for one in asked if one[0] <= clock.now]:
                asked.remove(arrived)
                _, sender, lease = arrived
                service.accept(lease.job_id, clock.now)
                order.append(lease.job_id)
                clock.now += chance.uniform(0, 0.3)
                await sender.answered(lease)
                ends[lease.job_id] = clock.now + chance.uniform(1, 9)
            for id_ in [id_ for id_ in service.open if ends.get(id_, 9e9) <= clock.now]:
                service.open.remove(id_)
                clock.now += chance.uniform(0, 0.1)
                await lines.ended(id_)
        assert sorted(order) == ids

    asyncio.run(scenario())
    assert service.exceeded == []
    # A job may be overtaken by those whose answers came sooner, never by a later crowd.
    assert all(abs(place - int(id_[-3:])) <= 12 for place, id_ in enumerate(order))
