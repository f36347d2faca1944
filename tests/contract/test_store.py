"""What every store must do. A second store joins by being added to `STORES`."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.errors import BudgetExceeded, LeaseLost, Limited, StoreInvalid
from reelwork.store.effects import LedgerConflict
from reelwork.store.protocol import Store
from reelwork.store.rows import (
    ACTIVE,
    DONE,
    AddRender,
    Budget,
    Confirm,
    Doubt,
    Intend,
    Lease,
    NewJob,
    Quota,
    Refuse,
    RenderUpdate,
    Reopen,
    RunRow,
    Send,
    SetJob,
    SettleMoney,
    Tell,
)
from reelwork.store.sqlite import SqliteStore

STORES: dict[str, Callable[..., Store]] = {"sqlite": SqliteStore}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=sorted(STORES))
def open_store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Store]]:
    opened: list[Store] = []

    def open_() -> Store:
        opened.append(STORES[request.param](tmp_path / "store.db", clock=clock))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


def run(work: Any) -> Any:
    return asyncio.run(work)


async def with_jobs(store: Store, count: int = 1, run_id: str = "run") -> list[str]:
    await store.add_run(RunRow(run_id, None, "w", "{}", 0.0))
    rows = await store.add_jobs(
        run_id, [NewJob(f"{run_id}-{at}", f"{run_id}:{at}", "first", "{}") for at in range(count)]
    )
    return [row.id for row in rows]


async def taken(store: Store, owner: str = "me", seconds: float = 60.0) -> Lease:
    (row,) = await store.claim_jobs(owner, seconds, 1, None)
    return Lease(row.id, row.fence, owner)


def intent(key: str = "k", **options: Any) -> Intend:
    return Intend(key, "submit", "fake", "account", **options)


def test_a_job_key_is_added_once(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store)
        (row,) = await store.add_jobs("run", [NewJob("other", "run:0", "first", '{"other": 1}')])
        assert (row.id, row.data) == ("run-0", "{}")

    run(scenario())


def test_two_stores_on_one_file_never_share_a_job(open_store: Any) -> None:
    async def scenario() -> None:
        one, two = open_store(), open_store()
        await with_jobs(one, 50)
        mine, theirs = await asyncio.gather(
            one.claim_jobs("one", 60, 40, None), two.claim_jobs("two", 60, 40, None)
        )
        ids = [row.id for row in (*mine, *theirs)]
        assert len(ids) == len(set(ids)) == 50

    run(scenario())


def test_due_jobs_come_oldest_first_and_later_ones_not_at_all(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        lease = await taken(store)
        await store.apply(lease, [SetJob(ACTIVE, "second", clock.now + 5)])
        rows = await store.claim_jobs("me", 60, 9, None)
        assert [row.id for row in rows] == ["run-1", "run-2"]
        clock.now += 6
        rows = await store.claim_jobs("me", 60, 9, None)
        assert [(row.id, row.step) for row in rows] == [("run-0", "second")]

    run(scenario())


def test_a_taken_over_lease_changes_nothing(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store)
        paused = await taken(store, "paused", 10)
        clock.now += 11
        awake = await taken(store, "awake")
        assert awake.fence == paused.fence + 1
        for commands in ([SetJob(DONE, "end", None)], [intent(), Send("k", "account")], [Tell("hello")]):
            with pytest.raises(LeaseLost):
                await store.apply(paused, commands)
        assert await store.effect("k") is None
        assert store.events("run-0") == []
        await store.apply(awake, [SetJob(DONE, "end", None)])
        row = store.job("run-0")
        assert row is not None
        assert row.status == DONE

    run(scenario())


def test_renewed_leases_are_not_taken(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store)
        await taken(store, "me", 10)
        clock.now += 9
        assert await store.renew("me", 10) == 1
        clock.now += 9
        assert await store.claim_jobs("other", 10, 1, None) == []
        await store.expire("me")
        assert len(await store.claim_jobs("other", 10, 1, None)) == 1

    run(scenario())


def test_commands_stand_together_or_not_at_all(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store)
        lease = await taken(store)
        with pytest.raises(LedgerConflict):
            await store.apply(lease, [Tell("before"), intent(), Confirm("k", "r", "{}")])
        assert await store.effect("k") is None
        assert store.events("run-0") == []

    run(scenario())


def test_one_bad_change_does_not_undo_its_group(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 20)
        rows = await store.claim_jobs("me", 60, 20, None)
        leases = [Lease(row.id, row.fence + row.id.endswith("7"), "me") for row in rows]
        outcomes = await asyncio.gather(
            *(store.apply(lease, [SetJob(DONE, "end", None)]) for lease in leases), return_exceptions=True
        )
        assert sum(isinstance(outcome, LeaseLost) for outcome in outcomes) == 2
        assert store.counts()[DONE] == 18

    run(scenario())


def test_only_the_allowed_transitions(open_store: Any) -> None:
    allowed = {
        "intended": {"Send", "Refuse"},
        "sent": {"Confirm", "Refuse", "Reopen", "Doubt"},
        "unknown": {"Confirm", "Refuse", "Reopen", "Doubt"},
        "confirmed": set(),
        "rejected": {"Reopen"},
    }
    ways: dict[str, list[Any]] = {
        "intended": [],
        "sent": [Send("k", "account")],
        "unknown": [Send("k", "account"), Doubt("k", "lost", None)],
        "confirmed": [Send("k", "account"), Confirm("k", "r", "{}")],
        "rejected": [Send("k", "account"), Refuse("k", "no")],
    }
    changes = {
        "Send": Send("k", "account"),
        "Confirm": Confirm("k", "r", "{}"),
        "Refuse": Refuse("k", "no"),
        "Reopen": Reopen("k", "proof"),
        "Doubt": Doubt("k", "lost", None),
    }

    async def scenario() -> None:
        store = open_store()
        number = 0
        for state, way in ways.items():
            for name, change in changes.items():
                run_id = f"run{number}"
                number += 1
                await with_jobs(store, 1, run_id)
                lease = await taken(store)
                key = f"k{number}"
                rename = [_renamed(command, key) for command in (intent(), *way)]
                await store.apply(lease, rename)
                effect = await store.effect(key)
                assert effect is not None
                assert effect.state == state
                try:
                    await store.apply(lease, [_renamed(change, key)])
                    passed = True
                except LedgerConflict:
                    passed = False
                assert passed == (name in allowed[state]), (state, name)

    run(scenario())


def _renamed(command: Any, key: str) -> Any:
    from dataclasses import replace

    return replace(command, key=key)


def test_a_match_is_given_to_one_effect_only(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        rows = await store.claim_jobs("me", 60, 3, None)
        leases = [Lease(row.id, row.fence, "me") for row in rows]
        for at, lease in enumerate(leases):
            key = f"k{at}"
            await store.apply(lease, [intent(key), Send(key, "account"), Doubt(key, "lost", None)])
        found = await asyncio.gather(
            *(store.claim_match(lease, f"k{at}", ["a", "b"]) for at, lease in enumerate(leases))
        )
        assert sorted(map(str, found)) == ["None", "a", "b"]
        again = await store.claim_match(leases[0], "k0", ["a", "b"])
        assert again == found[0]

    run(scenario())


def test_budgets_count_what_is_reserved_and_charged(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 4)
        rows = await store.claim_jobs("me", 60, 4, None)
        a, b, c, d = [Lease(row.id, row.fence, "me") for row in rows]
        budget = Budget(per_day=100)
        await store.apply(a, [intent("a", reserve=60, budget=budget)])
        with pytest.raises(BudgetExceeded, match="per_day"):
            await store.apply(b, [intent("b", reserve=60, budget=budget)])
        await store.apply(a, [Send("a", "account"), SettleMoney("a", 30)])
        await store.apply(b, [intent("b", reserve=60, budget=budget)])
        with pytest.raises(BudgetExceeded):
            await store.apply(c, [intent("c", reserve=20, budget=budget)])
        await store.apply(b, [Send("b", "account"), Refuse("b", "no")])
        await store.apply(c, [intent("c", reserve=70, budget=budget)])
        with pytest.raises(BudgetExceeded, match="per_job"):
            await store.apply(d, [intent("d", reserve=11, budget=Budget(per_job=10))])

    run(scenario())


def test_a_sliding_window_and_a_number_of_places(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 5)
        rows = await store.claim_jobs("me", 600, 5, None)
        leases = [Lease(row.id, row.fence, "me") for row in rows]
        quota = Quota(requests_per_minute=2)
        for at in range(2):
            await store.apply(leases[at], [intent(f"k{at}"), Send(f"k{at}", "account", quota)])
            clock.now += 10
        with pytest.raises(Limited) as limited:
            await store.apply(leases[2], [intent("k2"), Send("k2", "account", quota)])
        assert limited.value.until == 1_000_060.0
        assert await store.effect("k2") is None
        clock.now = 1_000_060.5
        await store.apply(leases[2], [intent("k2"), Send("k2", "account", quota)])
        with pytest.raises(Limited, match="under way"):
            await store.apply(leases[3], [intent("k3"), Send("k3", "account", Quota(concurrent=3))])

    run(scenario())


def test_an_identical_unknown_request_is_looked_up_before_another_is_sent(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 2)
        rows = await store.claim_jobs("me", 60, 2, None)
        a, b = [Lease(row.id, row.fence, "me") for row in rows]
        alike = {"fingerprint": "same"}
        await store.apply(a, [intent("a", **alike), Send("a", "account"), Doubt("a", "lost", clock.now + 5)])
        with pytest.raises(Limited, match="identical"):
            await store.apply(b, [intent("b", **alike), Send("b", "account")])
        await store.apply(a, [Confirm("a", "r", "{}")])
        await store.apply(b, [intent("b", **alike), Send("b", "account")])

    run(scenario())


def test_what_nobody_settles_does_not_keep_others_waiting_for_good(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        a, b, c = [Lease(row.id, row.fence, "me") for row in await store.claim_jobs("me", 1e6, 3, None)]
        await store.apply(a, [intent("a", fingerprint="same"), Send("a", "account"), Doubt("a", "lost", clock.now)])
        alone = Quota(concurrent=1)
        with pytest.raises(Limited, match="identical"):
            await store.apply(b, [intent("b", fingerprint="same"), Send("b", "account", alone)])
        clock.now += 61
        with pytest.raises(Limited, match="under way"):
            await store.apply(b, [intent("b", fingerprint="same"), Send("b", "account", alone)])
        clock.now += 3_600
        sent = await store.apply(b, [intent("b", fingerprint="same"), Send("b", "account", alone)])
        assert [one.key for one in await store.open_siblings(sent)] == ["a"]
        with pytest.raises(Limited, match="under way"):
            await store.apply(c, [intent("c"), Send("c", "account", alone)])

    run(scenario())


def test_an_ended_render_wakes_its_job_and_a_stale_look_changes_nothing(open_store: Any, clock: Clock) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store)
        lease = await taken(store)
        render = AddRender("r1", "fake", "account", "remote", "{}", "{}", clock.now, clock.now + 600)
        await store.apply(lease, [render, SetJob(ACTIVE, "render", None, render_id="r1")])
        (first,) = await store.claim_renders("slow", 10, 9, None)
        clock.now += 11
        (second,) = await store.claim_renders("me", 10, 9, None)
        assert second.fence == first.fence + 1
        assert await store.update_renders("slow", [RenderUpdate("r1", first.fence, None, "failed")]) == []
        assert await store.claim_jobs("me", 10, 9, None) == []
        woken = await store.update_renders("me", [RenderUpdate("r1", second.fence, None, "completed")])
        assert woken == ["run-0"]
        (row,) = await store.claim_jobs("me", 10, 9, None)
        assert row.render_id == "r1"
        ended = store.render_now("r1")
        assert ended is not None
        assert ended.state == "completed"

    run(scenario())


def test_a_watched_set_limits_what_is_taken(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        await store.watch("mine", ["run-1"])
        rows = await store.claim_jobs("me", 60, 9, "mine")
        assert [row.id for row in rows] == ["run-1"]

    run(scenario())


def test_what_was_written_is_there_after_closing(open_store: Any) -> None:
    store = open_store()
    run(with_jobs(store, 5))
    store.close()
    assert len(open_store().jobs()) == 5


@settings(max_examples=25, deadline=None)
@given(order=st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_fences_only_grow(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    clock = Clock()
    store = SqliteStore(tmp_path_factory.mktemp("s") / "store.db", clock=clock)

    async def scenario() -> None:
        await with_jobs(store, 2)
        fences: dict[str, int] = {}
        for owner in order:
            for row in await store.claim_jobs(str(owner), 5, 1, None):
                assert row.fence > fences.get(row.id, 0)
                fences[row.id] = row.fence
            clock.now += 3

    try:
        run(scenario())
    finally:
        store.close()


# --- what is true of the SQLite file only ------------------------------------------------------------------


def test_a_store_from_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    with pytest.raises(StoreInvalid, match="newer Reelwork"):
        SqliteStore(path)


@pytest.mark.parametrize("content", [b"this is not a database, it is a letter" * 40, b""])
def test_a_file_that_is_no_store(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    if content:
        with pytest.raises(StoreInvalid, match="not a Reelwork store"):
            SqliteStore(path)
        assert path.read_bytes() == content
    else:
        SqliteStore(path).close()


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE mine(x)")
    db.commit()
    db.close()
    with pytest.raises(StoreInvalid, match="not a Reelwork store"):
        SqliteStore(path)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreInvalid, match="cannot be opened"):
        SqliteStore(tmp_path / "file" / "store.db")


def test_many_threads_create_one_store(tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def open_() -> None:
        try:
            SqliteStore(tmp_path / "store.db").close()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=open_) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
