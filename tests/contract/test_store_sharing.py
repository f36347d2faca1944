"""What every store must do when several use it at once: each change stands whole, once, and for everybody."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest

from reelwork.errors import BudgetExceeded, LeaseLost, LedgerConflict, Limited
from reelwork.store.ceilings import Budget, Quota
from reelwork.store.commands import AddRender, Confirm, Doubt, Intend, NewJob, RenderUpdate, Send, SetJob, Tell
from reelwork.store.records import ACTIVE, DONE, Lease, RunRow


def run(work: Any) -> Any:
    return asyncio.run(work)


async def with_jobs(store: Any, count: int) -> None:
    await store.add_run(RunRow("run", None, "flow", "{}", 0.0))
    await store.add_jobs("run", [NewJob(f"job-{at}", f"key-{at}", "first", "{}") for at in range(count)])


def in_threads(*works: Any) -> list[Any]:
    """Do these at the same time, each in a thread with a loop of its own, as so many processes would."""
    begin = threading.Barrier(len(works))
    outcomes: list[Any] = [None] * len(works)

    def do(at: int, work: Any) -> None:
        begin.wait()
        try:
            outcomes[at] = asyncio.run(work())
        except BaseException as problem:
            outcomes[at] = problem

    threads = [threading.Thread(target=do, args=(at, work)) for at, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    problems = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert problems == []
    return outcomes


def test_each_job_is_driven_by_one_at_a_time_to_its_end(open_store: Any) -> None:
    stores = [open_store() for _ in range(3)]
    run(with_jobs(stores[0], 60))

    def driver(store: Any, owner: str) -> Any:
        async def drive() -> int:
            ended = 0
            while rows := await store.claim_jobs(owner, 60, 4, None):
                for row in rows:
                    lease = Lease(row.id, row.fence, owner)
                    await store.apply(lease, [Tell("driven", {"by": owner}), SetJob(DONE, "done", None)])
                    ended += 1
            return ended

        return drive

    ended = in_threads(*(driver(store, f"owner-{at}") for at, store in enumerate(stores)))
    assert sum(ended) == 60
    assert stores[0].counts() == {DONE: 60}
    assert all(len(stores[1].events(f"job-{at}")) == 1 for at in range(60))


def test_one_key_is_added_once_by_whoever_comes_first(open_store: Any) -> None:
    stores = [open_store() for _ in range(3)]
    run(stores[0].add_run(RunRow("run", None, "flow", "{}", 0.0)))

    def adder(store: Any, name: str) -> Any:
        async def add() -> list[str]:
            new = [NewJob(f"{name}-{at}", f"key-{at}", "first", "{}") for at in range(40)]
            return [row.id for row in await store.add_jobs("run", new)]

        return add

    found = in_threads(*(adder(store, f"by{at}") for at, store in enumerate(stores)))
    assert found[0] == found[1] == found[2]
    assert len(stores[0].jobs()) == 40


def test_a_budget_is_never_overdrawn_by_many_at_once(open_store: Any) -> None:
    stores = [open_store() for _ in range(3)]
    run(with_jobs(stores[0], 30))
    budget = Budget(per_day=1000)

    def buyer(store: Any, owner: str) -> Any:
        async def buy() -> int:
            bought = 0
            for row in await store.claim_jobs(owner, 60, 10, None):
                intent = Intend(f"k-{row.id}", "submit", "fake", "account", reserve=70, budget=budget)
                try:
                    await store.apply(Lease(row.id, row.fence, owner), [intent, Send(intent.key, "account")])
                    bought += 1
                except BudgetExceeded:
                    continue
            return bought

        return buy

    bought = in_threads(*(buyer(store, f"owner-{at}") for at, store in enumerate(stores)))
    assert sum(bought) == 14, "14 times 70 fit into 1000"
    sent = stores[0].sendings([f"job-{at}" for at in range(30)])
    assert sum(one.counted for one in sent.values()) == 980


def test_places_and_windows_hold_for_all_together(open_store: Any, clock: Any) -> None:
    stores = [open_store() for _ in range(2)]
    run(with_jobs(stores[0], 20))
    quota = Quota(requests_per_minute=9, concurrent=7)

    def sender(store: Any, owner: str) -> Any:
        async def send() -> int:
            sent = 0
            for row in await store.claim_jobs(owner, 60, 10, None):
                try:
                    act = [
                        Intend(f"k-{row.id}", "submit", "fake", "account"),
                        Send(f"k-{row.id}", "account", quota),
                    ]
                    await store.apply(Lease(row.id, row.fence, owner), act)
                    sent += 1
                except Limited:
                    continue
            return sent

        return send

    assert sum(in_threads(*(sender(store, f"owner-{at}") for at, store in enumerate(stores)))) == 7


def test_one_match_is_claimed_by_one_of_many(open_store: Any) -> None:
    stores = [open_store() for _ in range(3)]

    async def doubtful() -> list[Lease]:
        await with_jobs(stores[0], 9)
        leases = []
        for row in await stores[0].claim_jobs("me", 600, 9, None):
            lease, key = Lease(row.id, row.fence, "me"), f"k-{row.id}"
            act = [Intend(key, "submit", "fake", "account"), Send(key, "account"), Doubt(key, "lost", None)]
            await stores[0].apply(lease, act)
            leases.append(lease)
        return leases

    leases = run(doubtful())
    matches = [f"remote-{at}" for at in range(5)]

    def claimer(store: Any, mine: list[Lease]) -> Any:
        async def claim() -> list[str | None]:
            return [await store.claim_match(lease, f"k-{lease.job_id}", matches) for lease in mine]

        return claim

    found = in_threads(*(claimer(store, leases[at::3]) for at, store in enumerate(stores)))
    claimed = Counter(match for part in found for match in part)
    assert claimed == {**dict.fromkeys(matches, 1), None: 4}


def test_a_lease_that_was_taken_over_changes_nothing_anywhere(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        mine, theirs = open_store(), open_store()
        await with_jobs(mine, 1)
        (row,) = await mine.claim_jobs("paused", 10, 1, None)
        paused = Lease(row.id, row.fence, "paused")
        await mine.apply(
            paused, [Intend("k", "submit", "fake", "account"), Send("k", "account"), Doubt("k", "?", None)]
        )
        clock.now += 11
        (row,) = await theirs.claim_jobs("awake", 60, 1, None)
        story, effect, job = theirs.events(row.id), await theirs.effect("k"), theirs.job(row.id)
        late = AddRender("r", "fake", "account", "remote", "{}", "{}", 0.0, 1.0)
        for commands in ([Confirm("k", "remote", "{}"), late], [SetJob(DONE, "done", None)], [Tell("hello")]):
            with pytest.raises(LeaseLost):
                await mine.apply(paused, commands)
        with pytest.raises(LeaseLost):
            await mine.claim_match(paused, "k", ["remote"])
        await mine.let_go(paused, 0)
        assert (theirs.events(row.id), await theirs.effect("k"), theirs.job(row.id)) == (story, effect, job)
        assert await theirs.render("r") is None

    run(scenario())


def test_a_look_that_was_taken_over_changes_nothing(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        mine, theirs = open_store(), open_store()
        await with_jobs(mine, 1)
        (row,) = await mine.claim_jobs("me", 60, 1, None)
        lease = Lease(row.id, row.fence, "me")
        add = AddRender("r", "fake", "account", "remote", "{}", "{}", clock.now, clock.now + 9)
        await mine.apply(lease, [add, SetJob(ACTIVE, "render", None, render_id="r")])
        (paused,) = await mine.claim_renders("paused", 10, 9, None)
        clock.now += 11
        (awake,) = await theirs.claim_renders("awake", 10, 9, None)
        assert await mine.update_renders("paused", [RenderUpdate("r", paused.fence, None, "failed")]) == []
        assert (await mine.render("r")).state == "queued"
        assert await theirs.update_renders("awake", [RenderUpdate("r", awake.fence, None, "completed")]) == [
            "job-0"
        ]

    run(scenario())


def test_changes_handed_over_together_stand_or_fall_each_by_itself(open_store: Any) -> None:
    """However many go into one commit: what one raises undoes that one, whole, and no other."""

    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 60)
        rows = await store.claim_jobs("me", 60, 60, None)

        def commands(at: int, job: str) -> list[Any]:
            key = f"k-{job}"
            good = [Tell("began"), Intend(key, "submit", "fake", "account"), Send(key, "account"), Tell("sent")]
            # The third of three fails at its very last command, after all the others were applied.
            return [*good, Confirm("missing", "r", "{}")] if at % 3 == 2 else good

        work = (store.apply(Lease(row.id, row.fence, "me"), commands(at, row.id)) for at, row in enumerate(rows))
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        assert Counter(type(outcome) for outcome in outcomes)[LedgerConflict] == 20
        for at, row in enumerate(rows):
            bad = at % 3 == 2
            assert (await store.effect(f"k-{row.id}") is None) is bad
            assert [event.name for event in store.events(row.id)] == ([] if bad else ["began", "sent"])

    run(scenario())


def test_what_one_has_written_the_other_reads_at_once(open_store: Any) -> None:
    async def scenario() -> None:
        one, two = open_store(), open_store()
        await with_jobs(one, 3)
        assert [row.id for row in two.jobs()] == ["job-2", "job-1", "job-0"]
        assert await two.next_due(None) is not None
        await one.watch("other", [])
        await two.watch("scope", ["job-0"])
        assert await two.is_active("scope")
        await one.watch("scope", [])
        assert not await one.is_active("scope"), "a scope belongs to the process that named it"

    run(scenario())


def test_what_was_handed_over_is_written_though_nobody_waits(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 1)
        adding = asyncio.ensure_future(store.add_run(RunRow("late", None, "flow", "{}", 0.0)))
        await asyncio.sleep(0)
        adding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await adding
        store.close()
        assert open_store().run("late") is not None

    run(scenario())
