"""What every store must do: the ledger, leases, limits and money. `conftest.py` says how a second store joins."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.errors import BudgetExceeded, IdTaken, LeaseLost, LedgerConflict, Limited, StoreInvalid, Unstorable
from reelwork.store.ceilings import Budget, Quota
from reelwork.store.commands import (
    AddRender,
    Confirm,
    Doubt,
    Intend,
    NewJob,
    Refuse,
    RenderUpdate,
    Reopen,
    Send,
    SetJob,
    SettleMoney,
    StillWaiting,
    Tell,
)
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, DONE, FAILED, Lease, RunRow
from reelwork.store.sqlite import migrations, schema
from reelwork.store.sqlite.maintenance.check import check
from reelwork.store.sqlite.store import SqliteStore


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
        again = await store.add_jobs(
            "run", [NewJob("n", "new", "first", '{"new": 1}'), NewJob("x", "new", "x", "")]
        )
        assert again == [store.job("n"), store.job("n")]

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


def test_due_jobs_come_oldest_first_and_later_ones_not_at_all(open_store: Any, clock: Any) -> None:
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


def test_a_taken_over_lease_changes_nothing(open_store: Any, clock: Any) -> None:
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


def test_renewed_leases_are_not_taken(open_store: Any, clock: Any) -> None:
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


def test_a_group_with_bad_changes_applies_each_good_one_once(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 20)
        rows = await store.claim_jobs("me", 60, 20, None)
        leases = [Lease(row.id, row.fence + row.id.endswith("9"), "me") for row in rows]
        steps = [store.apply(lease, [Tell("on"), intent(lease.job_id)]) for lease in leases]
        outcomes = await asyncio.gather(*steps, return_exceptions=True)
        for lease, outcome in zip(leases, outcomes, strict=True):
            lost = lease.job_id.endswith("9")
            assert isinstance(outcome, LeaseLost) == lost
            assert (await store.effect(lease.job_id) is None) == lost
            assert len(store.events(lease.job_id)) == (not lost)

    run(scenario())


def test_a_step_in_hand_needs_the_lease_and_is_taken_over_at_once(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store)
        lease = await taken(store, "dies")
        step = SetJob(ACTIVE, "second", clock.now, data='{"on": 1}', attempts=2, release=False)
        await store.apply(lease, [Tell("on"), step])
        assert await store.claim_jobs("other", 60, 1, None) == []
        await store.expire("dies")
        (row,) = await store.claim_jobs("other", 60, 1, None)
        assert (row.step, row.data, row.attempts, row.fence) == ("second", '{"on": 1}', 2, lease.fence + 1)
        with pytest.raises(LeaseLost):
            await store.apply(lease, [Tell("late"), step])
        assert [event.name for event in store.events("run-0")] == ["on"]

    run(scenario())


def test_who_listens_is_told_of_jobs_that_were_added_or_woken(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        told: list[int] = []
        forget = store.on_work(lambda: told.append(sum(store.counts().values())))
        await with_jobs(store, 2)
        assert told == [2]
        await store.decide("run-0", SetJob(FAILED, "first", None))
        await store.wake(["run-0"], (FAILED,))
        assert told == [2, 2, 2]
        forget()
        await store.wake(["run-0"], (FAILED,))
        assert len(told) == 3

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

    # What one effect made can belong to no other.
    made = {"remote_id": f"made by {key}"} if isinstance(command, Confirm) else {}
    return replace(command, key=key, **made)


def test_one_id_confirms_one_effect_only(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 2)
        leases = [Lease(row.id, row.fence, "me") for row in await store.claim_jobs("me", 60, 2, None)]
        for at, lease in enumerate(leases):
            intent = Intend(f"k{at}", "submit", "fake", "account")
            await store.apply(lease, [intent, Send(f"k{at}", "account")])
        await store.apply(leases[0], [Confirm("k0", "one", "{}")])
        with pytest.raises(IdTaken) as raised:
            await store.apply(leases[1], [Confirm("k1", "one", "{}"), SetJob(ACTIVE, "render", 1.0)])
        assert (raised.value.key, raised.value.remote_id) == ("k1", "one")
        second = await store.effect("k1")
        assert second is not None
        assert (second.state, second.remote_id) == ("sent", None)

    run(scenario())


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


def test_a_sliding_window_and_a_number_of_places(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 5)
        rows = await store.claim_jobs("me", 600, 5, None)
        leases = [Lease(row.id, row.fence, "me") for row in rows]
        quota = Quota(requests_per_minute=2)
        for at in range(2):
            await store.apply(leases[at], [intent(f"k{at}"), Send(f"k{at}", "account", quota)])
            render = AddRender(f"r{at}", "fake", "account", f"r{at}", "{}", "{}", clock.now, clock.now + 600)
            await store.apply(leases[at], [Confirm(f"k{at}", f"r{at}", "{}"), render])
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


def test_an_identical_unknown_request_is_looked_up_before_another_is_sent(open_store: Any, clock: Any) -> None:
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


def test_a_job_does_not_begin_to_wait_for_a_render_that_has_ended_meanwhile(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store)
        (row,) = await store.claim_jobs("me", 60, 1, None)
        lease = Lease(row.id, row.fence, "me")
        added = AddRender("r1", "p", "account", "v1", "{}", "{}", clock.now, clock.now + 600)
        await store.apply(lease, [added, SetJob("active", "render", clock.now, render_id="r1", release=False)])
        # A step that has read the render as running is overtaken by the look that sees its end.
        (render,) = await store.claim_renders("me", 60, 10, None)
        await store.update_renders("me", [RenderUpdate("r1", render.fence, None, "completed")])
        await store.apply(lease, [SetJob("active", "render", None)])
        assert [one.id for one in await store.claim_jobs("me", 60, 1, None)] == [row.id]

    run(scenario())


def test_what_nobody_settles_does_not_keep_others_waiting_for_good(open_store: Any, clock: Any) -> None:
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


def test_an_ended_render_wakes_its_job_and_a_stale_look_changes_nothing(open_store: Any, clock: Any) -> None:
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
        ended = store.renders(["r1"]).get("r1")
        assert ended is not None
        assert ended.state == "completed"

    run(scenario())


def test_who_begins_to_wait_for_a_render_that_has_just_ended_is_due_at_once(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store)
        lease = await taken(store)
        render = AddRender("r1", "fake", "account", "remote", "{}", "{}", clock.now, clock.now + 600)
        await store.apply(lease, [render, SetJob(ACTIVE, "render", clock.now, render_id="r1", release=False)])
        (look,) = await store.claim_renders("me", 10, 9, None)
        assert await store.update_renders("me", [RenderUpdate("r1", look.fence, None, "lost")]) == []
        await store.apply(lease, [SetJob(ACTIVE, "render", None)])
        assert [row.id for row in await store.claim_jobs("me", 10, 9, None)] == ["run-0"]

    run(scenario())


def test_what_has_been_rendered_goes_before_what_has_not(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        lease = await taken(store)
        render = AddRender("r1", "fake", "account", "remote", "{}", "{}", clock.now, clock.now + 600)
        await store.apply(lease, [render, SetJob(ACTIVE, "render", None, render_id="r1")])
        clock.now += 60
        (look,) = await store.claim_renders("me", 10, 9, None)
        await store.update_renders("me", [RenderUpdate("r1", look.fence, None, "completed")])
        # The others have been due for longer, and nothing of them is lost by waiting.
        assert [row.id for row in await store.claim_jobs("me", 10, 1, None)] == ["run-0"]
        assert [row.id for row in await store.claim_jobs("me", 10, 9, None)] == ["run-1", "run-2"]

    run(scenario())


def test_what_an_act_is_known_to_have_made_is_kept_for_it(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        leases = [Lease(row.id, row.fence, "me") for row in await store.claim_jobs("me", 60, 3, None)]
        for key, lease in zip("abc", leases, strict=True):
            await store.apply(lease, [intent(key, fingerprint="same"), Send(key, "account")])
            await store.apply(lease, [Doubt(key, "lost", None)])
        store.note("a", {"answer": "1"}, made="one")
        await store.decide(leases[1].job_id, SetJob(ACTIVE, "submit", clock.now), made={"b": "two"})
        assert await store.claim_match(leases[2], "c", ["one", "two", "three"]) == "three"
        store.note("b", {}, made="one")
        assert [(await store.effect(key)).remote_id for key in "abc"] == ["one", "two", "three"]

    run(scenario())


async def with_renders(store: Store, clock: Any, *accounts: str) -> None:
    """Renders r0, r1, … at these accounts, due one second after another from now on."""
    await with_jobs(store, len(accounts))
    rows = await store.claim_jobs("me", 60, len(accounts), None)
    for at, (row, account) in enumerate(zip(rows, accounts, strict=True)):
        render = AddRender(
            f"r{at}", "fake", account, f"remote-{at}", f'"{at}"', "{}", clock.now + at, clock.now + 600
        )
        await store.apply(
            Lease(row.id, row.fence, "me"), [render, SetJob(ACTIVE, "render", None, render_id=f"r{at}")]
        )


def test_renders_without_news_wait_on_unless_somebody_else_has_looked(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_renders(store, clock, "account", "account")
        clock.now += 5
        renders = {render.id: render for render in await store.claim_renders("me", 10, 9, None)}
        assert {id_: render.request for id_, render in renders.items()} == {"r0": '"0"', "r1": '"1"'}
        stale = StillWaiting(clock.now + 99, (("r1", renders["r1"].fence - 1),))
        await store.update_renders("me", (), [StillWaiting(clock.now + 10, (("r0", renders["r0"].fence),)), stale])
        assert await store.next_due(None) == clock.now + 10
        assert [render.id for render in await store.claim_renders("me", 10, 9, None)] == []
        clock.now += 11
        assert {render.id for render in await store.claim_renders("me", 10, 9, None)} == {"r0", "r1"}
        waiting = store.renders(["r0"]).get("r0")
        assert waiting is not None
        assert (waiting.state, waiting.request, waiting.ended_at) == ("queued", '"0"', None)

    run(scenario())


def test_hundreds_of_renders_are_claimed_and_updated_as_few_are(open_store: Any, clock: Any) -> None:
    """A store may do it in pieces, so that other changes need not wait; nobody sees where it cuts."""

    async def scenario() -> None:
        store, count = open_store(), 450
        await with_renders(store, clock, *["account"] * count)
        clock.now += count
        some = await store.claim_renders("me", 60, 300, None)
        rest = await store.claim_renders("me", 60, 1000, None)
        assert [render.id for render in (*some, *rest)] == [f"r{at}" for at in range(count)]
        assert len(some) == 300
        ended = [RenderUpdate(one.id, one.fence, None, "completed") for one in some]
        woken = await store.update_renders(
            "me", ended, [StillWaiting(clock.now + 50, tuple((one.id, one.fence) for one in rest))]
        )
        assert len(set(woken)) == 300
        along = await store.claim_seen("me", 60, "account", [f"remote-{at}" for at in range(count)])
        assert {one.id for one in along} == {one.id for one in rest}
        assert {one.due_at for one in along} == {clock.now + 50}

    run(scenario())


def test_what_else_a_look_told_is_taken_when_nobody_else_has_it(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_renders(store, clock, "account", "account", "account", "other")
        (first,) = await store.claim_renders("elsewhere", 60, 1, None)
        clock.now += 2
        (second,) = [r for r in await store.claim_renders("me", 60, 9, None) if r.id == "r1"]
        await store.update_renders("me", [RenderUpdate("r1", second.fence, None, "completed")])
        await store.update_renders("me", (), [StillWaiting(clock.now + 50, (("r2", 1),))])
        told = [f"remote-{at}" for at in range(4)] + ["somebody-elses"]
        along = await store.claim_seen("me", 60, "account", told)
        assert first.id == "r0"
        assert [(render.id, render.fence) for render in along] == [("r2", 2)]
        assert await store.claim_seen("me", 60, "account", told) == []

    run(scenario())


def test_an_account_that_is_being_asked_is_left_alone(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_renders(store, clock, "a", "b")
        clock.now += 5
        for accounts in (None, ["a", "b"]):
            assert await store.claim_renders("me", 10, 9, accounts, ["a", "b"]) == []
            assert await store.next_due(None, accounts, ["a"]) == 1_000_001.0
        (taken_,) = await store.claim_renders("me", 10, 9, None, ["a"])
        assert taken_.account == "b"

    run(scenario())


def test_very_many_jobs_are_told_apart_without_what_they_carry(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        await with_jobs(store, 1, "later")
        lease = await taken(store)
        await store.apply(lease, [SetJob(DONE, "publish", None)])
        assert [head.id for head in store.heads((ACTIVE,))] == ["run-1", "run-2", "later-0"]
        assert next((head.id, head.step) for head in store.heads((ACTIVE, DONE), ["run"])) == ("run-0", "publish")
        assert set(store.runs_with((ACTIVE,))) == {"run", "later"}
        assert store.runs_with((DONE,)) == ["run"]
        assert [row.id for row in store.some(["run-2", "nobody", "run-0"])] == ["run-2", "run-0"]
        assert [row.id for row in store.jobs(suffix="-0")] == ["later-0", "run-0"]
        await store.watch("mine", ["run-0", "run-1"])
        assert await store.is_active("mine")
        assert not await store.is_active("mine", {"run-1", "run-2"})
        assert not await store.is_active("nobody's")

    run(scenario())


def test_a_watched_set_limits_what_is_taken(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        await store.watch("mine", ["run-1"])
        rows = await store.claim_jobs("me", 60, 9, "mine")
        assert [row.id for row in rows] == ["run-1"]

    run(scenario())


def test_steps_that_are_left_to_others_are_not_taken(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 1, "run")
        await with_jobs(store, 1, "other")
        left = {("run", "first"), ("other", "second")}
        clock.now += 5
        assert [row.id for row in await store.claim_jobs("me", 60, 9, None, left)] == ["other-0"]
        assert await store.next_due(None, left=left) is None
        assert await store.next_due(None) == clock.now - 5
        assert [row.id for row in await store.claim_jobs("another", 60, 9, None)] == ["run-0"]

    run(scenario())


def test_what_was_written_is_there_after_closing(open_store: Any) -> None:
    store = open_store()
    run(with_jobs(store, 5))
    store.close()
    assert len(open_store().jobs()) == 5


@settings(max_examples=25, deadline=None)
@given(order=st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_fences_only_grow(new_store: Any, order: list[int]) -> None:
    store, clock = new_store()

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
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    with pytest.raises(StoreInvalid, match="newer Reelwork"):
        SqliteStore(path)


def test_a_store_of_the_first_version_keeps_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(migrations.MIGRATIONS[0])
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        db.execute(
            "INSERT INTO renders(id, job_id, run_id, provider, account, remote_id, request, details, state,"
            " submitted_at, due_at, deadline_at) VALUES ('r', 'j', 'run', 'p', 'a', 'v', 'asked', '{}', 'queued',"
            " 1, 2, 3)"
        )
    db.close()
    store = SqliteStore(path)
    render = store.renders(["r"]).get("r")
    store.close()
    assert render is not None
    assert (render.request, render.due_at) == ("asked", 2)


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


def test_a_store_that_cannot_be_read_is_not_taken_for_somebody_elses(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    # SQLite needs a file of this name beside it, as it needs room and rights.
    (tmp_path / "store.db-wal").mkdir()
    with pytest.raises(StoreInvalid, match="cannot be used: unable to open") as refused:
        SqliteStore(path)
    assert "Do not use another store" in refused.value.hint
    with pytest.raises(StoreInvalid, match="cannot be read: unable to open"):
        check(path, 0.0)


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


@pytest.mark.parametrize("poison", ["half \ud83d", "x"])
def test_a_value_that_can_never_be_stored_fails_alone_and_is_said(open_store: Any, poison: str) -> None:
    """Others that are written at the same moment are written."""

    async def go() -> None:
        store = open_store()
        first, second = await with_jobs(store, 2)
        mine = {row.id: Lease(row.id, row.fence, "me") for row in await store.claim_jobs("me", 60, 2, None)}
        attempts = 0 if poison != "x" else 2**70
        bad = SetJob(status=FAILED, step="first", due_at=None, reason=poison, attempts=attempts)
        good = SetJob(status=DONE, step="first", due_at=None)
        outcomes = await asyncio.gather(
            store.apply(mine[first], [bad]), store.apply(mine[second], [good]), return_exceptions=True
        )
        assert isinstance(outcomes[0], Unstorable)
        assert outcomes[1] is None
        told = {row.id: row.status for row in store.jobs()}
        assert told == {first: ACTIVE, second: DONE}

    run(go())
