from __future__ import annotations

import asyncio
import json
from contextvars import Context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.clock import Clock, Timeline, in_words, one_clock
from reelwork.errors import LeaseLost
from reelwork.store.commands import NewJob, SetJob
from reelwork.store.records import ACTIVE, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore


class Watch:
    """A wall clock that somebody sets, and a boot clock that nobody can."""

    def __init__(self) -> None:
        self.wall, self.steady, self.boot = 1_000_000.0, 50.0, "first"

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def timeline(self) -> Timeline:
        return Timeline(Clock(lambda: self.wall, lambda: self.steady, lambda: self.boot))

    def store(self, folder: Path) -> SqliteStore:
        return SqliteStore(folder / "store.db", clock=self.timeline())


async def waiting_job(store: SqliteStore, until: float) -> str:
    data = json.dumps({"posts": {"gallery": {"due_at": until}}})
    await store.add_run(RunRow("r", None, "w", "", 0.0))
    (row,) = await store.add_jobs("r", [NewJob("j", "key", "publish", data)])
    (row,) = await store.claim_jobs("me", 60, 1, None)
    change = SetJob(ACTIVE, "publish", until, data=data)
    await store.apply(Lease(row.id, row.fence, "me"), [change])
    return row.id


async def wait_again(store: SqliteStore, job_id: str, until: float) -> None:
    row = await store.hold(job_id, "me", 60)
    assert row is not None
    data = json.dumps({"posts": {"gallery": {"due_at": until}}})
    await store.apply(Lease(job_id, row.fence, "me"), [SetJob(ACTIVE, "publish", until, data=data)])


STEPS = st.tuples(
    st.floats(0, 5000),
    st.one_of(st.just(0.0), st.floats(-200_000, 200_000)),
    st.sampled_from(["", "fails", "waits"]),
)


async def refused_change(store: SqliteStore) -> None:
    with pytest.raises(LeaseLost):
        await store.apply(Lease("j", 99, "nobody"), [SetJob(ACTIVE, "publish", 1.0)])


@settings(max_examples=60)
@given(steps=st.lists(STEPS, min_size=1, max_size=6))
def test_what_waits_is_due_when_its_wait_is_over_whatever_the_clock_says(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, float, str]]
) -> None:
    watch = Watch()
    time = watch.timeline()
    store = SqliteStore(tmp_path_factory.mktemp("clock") / "store.db", clock=time)

    async def scene() -> None:
        await store.keep_time()
        row = await waiting_job(store, watch.wall + 3600)
        ends = watch.steady + 3600
        for passing, set_by, then in steps:
            watch.pass_(passing)
            watch.wall += set_by
            if then:
                await refused_change(store)
            if then == "waits":
                # Written by the new clock, after a change beside it was undone.
                await wait_again(store, row, time() + 3600)
                ends = watch.steady + 3600
            await store.keep_time()
            left = ends - watch.steady
            due = await store.next_due(None, None, ())
            assert due is not None
            # Steps that are too small to count may add up to one that is not noticed yet.
            assert due - watch.wall == pytest.approx(left, abs=2.01)
            post = json.loads(store.jobs()[0].data)["posts"]["gallery"]
            assert post["due_at"] == pytest.approx(due, abs=1e-3)

    asyncio.run(scene())
    store.close()


@pytest.mark.parametrize(("set_by", "moves"), [(-7200.0, True), (86_400.0, False)])
def test_over_a_boot_only_a_clock_that_was_set_back_is_noticed(tmp_path: Path, set_by: float, moves: bool) -> None:
    watch = Watch()
    store = watch.store(tmp_path)

    async def before() -> None:
        await store.keep_time()
        await waiting_job(store, watch.wall + 30)

    asyncio.run(before())
    store.close()
    due = watch.wall + 30
    watch.boot, watch.steady, watch.wall = "second", 5.0, watch.wall + set_by
    again = watch.store(tmp_path)

    async def after() -> float | None:
        await again.keep_time()
        return await again.next_due(None, None, ())

    assert asyncio.run(after()) == pytest.approx(due + set_by if moves else due)
    again.close()


def test_what_another_process_writes_just_after_the_clock_was_set_is_not_moved_twice(tmp_path: Path) -> None:
    watch = Watch()
    one, other = watch.store(tmp_path), watch.store(tmp_path)

    async def scene() -> float | None:
        await one.keep_time()
        await other.keep_time()
        watch.wall -= 7200
        await one.keep_time()
        # The other has not compared its clock yet; writing makes it.
        await waiting_job(other, watch.wall + 30)
        await other.keep_time()
        await one.keep_time()
        return await one.next_due(None, None, ())

    assert asyncio.run(scene()) == pytest.approx(watch.wall + 30)
    one.close()
    other.close()


@settings(max_examples=40)
@given(
    steps=st.lists(st.floats(-200_000, 200_000), min_size=1, max_size=4), before=st.integers(0, 4),
    read=st.integers(0, 4),
)  # fmt: skip
def test_a_time_that_work_reads_before_the_clock_is_set_and_stores_afterwards_moves_too(
    tmp_path_factory: pytest.TempPathFactory, steps: list[float], before: int, read: int
) -> None:
    """The clock is set before the work begins, between its readings, and between those and its commit."""
    watch = Watch()
    time = watch.timeline()
    store = SqliteStore(tmp_path_factory.mktemp("clock") / "store.db", clock=time)

    async def sets(by: list[float]) -> None:
        for seconds in by:
            watch.wall += seconds
            # Another task has something to store.
            await asyncio.create_task(store.keep_time(), context=Context())

    async def scene() -> None:
        await store.keep_time()
        # A destination that waits stays in the data, as it was when the job was claimed.
        job = await waiting_job(store, watch.wall + 100)
        stays = watch.steady + 100
        watch.pass_(100)
        claimed = await store.claim_job(job, "me", 60)
        assert claimed is not None
        await sets(steps[:before])
        with one_clock(time, claimed.clock_moved):
            await sets(steps[before : before + read])
            until = time() + 3600
            await sets(steps[before + read :])
            data = json.loads(claimed.data)
            data["posts"] |= {"other": {"due_at": until, "waited": {"since": until - 3600}}}
            change = SetJob(ACTIVE, "publish", until, data=json.dumps(data))
            await store.apply(Lease(job, claimed.fence, "me"), [change])
        await store.keep_time()
        due = await store.next_due(None, None, ())
        posts = json.loads(store.jobs()[0].data)["posts"]
        found = (due, posts["gallery"]["due_at"], posts["other"]["due_at"], posts["other"]["waited"]["since"])
        by_boot = [None if one is None else one - watch.wall + watch.steady for one in found]
        begins = watch.steady
        assert by_boot == pytest.approx([begins + 3600, stays, begins + 3600, begins], abs=2.01)

    asyncio.run(scene())
    store.close()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "3 s"), (600, "10 min"), (3600, "1 h"), (7200, "2 h"), (86_400, "1 day"), (172_800, "2 days")],
)
def test_a_length_of_time_is_said_in_the_unit_that_suits_it(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
