"""What every store must do: runs, jobs from outside their steps, and every question that can be asked of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.contract.stores import READERS, STORES, ReadBeside

from reelwork.errors import LeaseLost, Limited
from reelwork.store.ceilings import Quota
from reelwork.store.commands import (
    AddRender,
    Confirm,
    Doubt,
    Intend,
    NewJob,
    RenderUpdate,
    Send,
    SetJob,
    SettleMoney,
    Tell,
)
from reelwork.store.records import ACTIVE, CANCELLED, DONE, FAILED, HELD, REMOVED, Lease, RunRow


def _way(param: tuple[str, bool]) -> str:
    return f"{param[0]}, a reader beside it" if param[1] else param[0]


@pytest.fixture(params=[(name, beside) for name in sorted(STORES) for beside in (False, True)], ids=_way)
def kind(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A store that reads for itself, and one beside which a reader of its own does: both answer alike."""
    name, beside = request.param

    def open_(path: Path, clock: Any) -> Any:
        store = STORES[name](path, clock=clock)
        return ReadBeside(store, READERS[name](path, clock=clock)) if beside else store

    return open_


def run(work: Any) -> Any:
    return asyncio.run(work)


async def with_jobs(store: Any, count: int = 1, run_id: str = "run") -> list[str]:
    await store.add_run(RunRow(run_id, None, "flow", "{}", 0.0))
    rows = await store.add_jobs(
        run_id, [NewJob(f"{run_id}-{at}", f"{run_id}:{at}", "first", "{}") for at in range(count)]
    )
    return [row.id for row in rows]


async def taken(store: Any, job: str, owner: str = "me", seconds: float = 60.0) -> Lease:
    rows = await store.claim_jobs(owner, seconds, 1000, None)
    for row in rows:
        if row.id != job:
            await store.let_go(Lease(row.id, row.fence, owner), 0)
    (row,) = [row for row in rows if row.id == job]
    return Lease(row.id, row.fence, owner)


def test_a_run_with_a_key_is_added_once(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        one = await store.add_run(RunRow("one", "key", "flow", "{}", 1.0))
        other = await store.add_run(RunRow("two", "key", "flow", "{}", 2.0))
        assert one == other == store.run("one")
        assert store.run("two") is None

    run(scenario())


def test_jobs_come_back_in_the_order_they_were_asked_for(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3)
        keys = ["run:2", "new", "run:0"]
        rows = await store.add_jobs("run", [NewJob(f"id-{key}", key, "first", "{}") for key in keys])
        assert [row.key for row in rows] == keys
        assert [row.id for row in rows] == ["run-2", "id-new", "run-0"]

    run(scenario())


def test_what_is_not_done_goes_on_in_another_run_unless_somebody_holds_it(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        jobs = await with_jobs(store, 3)
        done = await taken(store, jobs[0])
        await store.apply(done, [SetJob(DONE, "done", None)])
        held = await taken(store, jobs[1])
        await store.add_run(RunRow("other", None, "flow", "{}", 0.0))
        await store.adopt("other", jobs)
        assert [store.job(job).run_id for job in jobs] == ["run", "run", "other"]
        await store.let_go(held, 0)
        await store.adopt("other", jobs)
        assert store.job(jobs[1]).run_id == "other"

    run(scenario())


def test_a_job_let_go_is_due_after_its_pause(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        (job,) = await with_jobs(store)
        lease = await taken(store, job)
        await store.let_go(lease, 5)
        assert await store.next_due(None) == clock.now + 5
        assert await store.claim_jobs("other", 60, 1, None) == []
        clock.now += 5
        (row,) = await store.claim_jobs("other", 60, 1, None)
        assert row.fence == lease.fence + 1
        await store.let_go(lease, 0)
        assert await store.claim_jobs("third", 60, 1, None) == [], "a lost lease gives nothing back"

    run(scenario())


def test_a_decision_takes_the_job_from_whoever_holds_it(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        (job,) = await with_jobs(store)
        lease = await taken(store, job)
        await store.apply(lease, [Intend("k", "submit", "fake", "account"), Send("k", "account")])
        line, seen = Tell("decided", {"by": "a person"}), {"k": {"seen": "it"}}
        assert await store.decide(job, SetJob(HELD, "first", None, "why"), line, evidence=seen)
        with pytest.raises(LeaseLost):
            await store.apply(lease, [SetJob(DONE, "done", None)])
        row = store.job(job)
        assert (row.status, row.reason) == (HELD, "why")
        assert [event.name for event in store.events(job)] == ["decided"]
        effect = await store.effect("k")
        assert effect.evidence == '{"seen": "it"}'
        assert not await store.decide("nobody", SetJob(HELD, "first", None))

    run(scenario())


def test_a_decision_about_what_nobody_works_on_leaves_a_job_in_work_alone(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        (job,) = await with_jobs(store)
        lease = await taken(store, job)
        held = SetJob(HELD, "first", None)
        assert not await store.decide(job, held, fence=lease.fence, unheld=True)
        await store.apply(lease, [SetJob(ACTIVE, "second", None)])
        # Given back as it is: nobody has it, and nobody can have sent anything since it was read.
        assert await store.decide(job, held, fence=lease.fence, unheld=True)
        assert not await store.decide(job, held, fence=lease.fence, unheld=True), "somebody was first"

    run(scenario())


def test_a_held_job_with_a_time_is_taken_then_by_who_drives_all_and_stays_held(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        (job,) = await with_jobs(store)
        lease = await taken(store, job)
        await store.apply(lease, [SetJob(HELD, "first", clock.now + 50)])
        await store.watch("mine", [job])
        assert await store.next_due(None) == clock.now + 50
        assert await store.next_due("mine") is None
        assert await store.claim_jobs("me", 60, 1, None) == []
        clock.now += 51
        assert await store.claim_jobs("me", 60, 1, "mine") == [], "who drives some jobs leaves it to servers"
        assert store.figures().in_review == 1
        (row,) = await store.claim_jobs("me", 60, 1, None)
        assert (row.status, row.fence) == (HELD, lease.fence + 1)
        assert await store.claim_jobs("other", 60, 1, None) == []

    run(scenario())


def test_notes_add_to_what_was_noted(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        (job,) = await with_jobs(store)
        lease = await taken(store, job)
        await store.apply(lease, [Intend("k", "submit", "fake", "account"), Send("k", "account")])
        store.note("k", {"a": 1, "b": 1})
        store.note("k", {"b": 2})
        store.note("nothing", {"a": 1})
        effect = await store.effect("k")
        assert effect.evidence == '{"a": 1, "b": 2}'

    run(scenario())


def test_only_those_in_these_states_are_woken(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        jobs = await with_jobs(store, 3)
        for job, status in zip(jobs, (FAILED, HELD, DONE), strict=True):
            lease = await taken(store, job)
            await store.apply(lease, [SetJob(status, "last", None, "why", attempts=3)])
        assert await store.wake(jobs, (FAILED, HELD)) == jobs[:2]
        woken = store.job(jobs[0])
        assert (woken.status, woken.step, woken.reason, woken.attempts) == (ACTIVE, "last", "", 0)
        assert store.job(jobs[2]).status == DONE
        assert [event.name for event in store.events(jobs[0])] == ["resumed"]

    run(scenario())


def test_leases_are_known_by_their_owners(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 2)
        await store.claim_jobs("one", 60, 1, None)
        await store.claim_jobs("two", 60, 1, None)
        assert await store.owners() == {"one", "two"}
        await store.expire("one")
        (row,) = await store.claim_jobs("three", 60, 9, None)
        assert row.id == "run-0"

    run(scenario())


def test_jobs_are_found_by_what_is_asked(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_jobs(store, 3, "a_")
        await with_jobs(store, 2, "ab")
        lease = await taken(store, "ab-1")
        await store.apply(lease, [SetJob(DONE, "done", None)])
        await store.watch("mine", ["a_-0", "ab-1"])
        found = {
            "all, newest first": store.jobs(),
            "by prefix, which is no pattern": store.jobs(prefix="a_"),
            "by run": store.jobs(run_id="ab"),
            "by status": store.jobs(statuses=(DONE, FAILED)),
            "so many": store.jobs(limit=2),
        }
        assert {name: [row.id for row in rows] for name, rows in found.items()} == {
            "all, newest first": ["ab-1", "ab-0", "a_-2", "a_-1", "a_-0"],
            "by prefix, which is no pattern": ["a_-2", "a_-1", "a_-0"],
            "by run": ["ab-1", "ab-0"],
            "by status": ["ab-1"],
            "so many": ["ab-1", "ab-0"],
        }
        assert [row.id for row in store.jobs(suffix="-1")] == ["ab-1", "a_-1"]
        asked = ["ab-1", "nobody", "a_-0"]
        assert [row.id for row in store.some(asked)] == ["ab-1", "a_-0"]
        assert [(head.id, head.run_id, head.status) for head in store.some_heads(asked)] == [
            ("ab-1", "ab", DONE),
            ("a_-0", "a_", ACTIVE),
        ]
        assert [head.id for head in store.heads((ACTIVE,), ["ab"])] == ["ab-0"]
        assert store.counts() == {ACTIVE: 4, DONE: 1}
        assert await store.is_active("mine")
        assert store.jobs_with_keys(["ab:0", "no"]) == {"ab:0": store.job("ab-0")}
        assert (store.job("nobody"), store.run("none"), store.renders(["none"]).get("none")) == (None, None, None)

    run(scenario())


def test_money_of_a_job_is_what_was_charged_or_else_reserved(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        one, two, three = await with_jobs(store, 3)
        for job, price in ((one, 100), (two, 70), (three, 50)):
            lease = await taken(store, job)
            key = f"k-{job}"
            await store.apply(
                lease, [Intend(key, "submit", "fake", "account", reserve=price), Send(key, "account")]
            )
            if job == two:
                await store.apply(lease, [Confirm(key, "r", "{}"), SettleMoney(key, 30)])
            if job == three:
                await store.apply(lease, [Confirm(key, "s", "{}"), SettleMoney(key, 0)])
        counted = {job: sent.counted for job, sent in store.sendings([one, two, three]).items()}
        assert counted == {one: 100, two: 30, three: 0}
        assert [effect.key for effect in store.effects_of(two)] == [f"k-{two}"]

    run(scenario())


def test_identical_requests_in_doubt_are_known(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        one, two = await with_jobs(store, 2)
        first, second = await taken(store, one), await taken(store, two)
        await store.apply(first, [Intend("one", "submit", "fake", "account", "same"), Send("one", "account")])
        await store.apply(second, [Intend("two", "submit", "fake", "account", "same"), Send("two", "account")])
        effect = await store.effect("one")
        assert [one.key for one in await store.open_siblings(effect)] == ["two"]
        assert [one.key for one in await store.open_beside(effect)] == ["two"]
        await store.apply(second, [Doubt("two", "lost", None, "somebody")])
        [sibling] = await store.open_siblings(effect)
        assert (sibling.state, sibling.sender) == ("unknown", "somebody")
        assert [one.key for one in await store.in_doubt()] == ["one", "two"]
        assert not await store.is_claimed(effect, "remote")
        await store.apply(second, [Confirm("two", "remote", "{}")])
        assert await store.is_claimed(effect, "remote")
        assert await store.open_siblings(effect) == []
        assert await store.open_beside(effect) == []
        assert [one.key for one in await store.in_doubt()] == ["one"]

    run(scenario())


def test_the_end_of_a_call_is_kept_for_its_own_attempt_only(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        [job] = await with_jobs(store, 1)
        lease = await taken(store, job)
        await store.apply(lease, [Intend("k", "submit", "fake", "account"), Send("k", "account")])
        store.note_end("k", "somebody", "ended")
        assert (await store.effect("k")).evidence == "{}"
        store.note_end("k", lease.owner, "ended")
        assert json.loads((await store.effect("k")).evidence) == {"ended": 1}

    run(scenario())


def test_requests_without_a_fingerprint_are_alike_to_none(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        for job, key in zip(await with_jobs(store, 2), ("one", "two"), strict=True):
            await store.apply(
                await taken(store, job), [Intend(key, "submit", "f", "account"), Send(key, "account")]
            )
        effect = await store.effect("one")
        assert await store.open_siblings(effect) == []
        assert [one.key for one in await store.open_beside(effect)] == ["two"]

    run(scenario())


def test_a_job_of_any_status_can_be_held_and_given_back_as_it_was(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        [job] = await with_jobs(store, 1)
        await store.apply(await taken(store, job), [SetJob(CANCELLED, "submit", None, "enough")])
        before = store.job(job)
        row = await store.hold(job, "me", 60)
        assert await store.hold(job, "other", 60) is None
        await store.give_back(Lease(job, row.fence, "me"))
        after = store.job(job)
        assert (after.status, after.step, after.reason, after.data) == (
            "cancelled",
            "submit",
            "enough",
            before.data,
        )
        assert after.fence == before.fence + 1
        await store.hold(job, "me", 60)
        clock.now += 61
        assert (await store.hold(job, "other", 60)).fence == after.fence + 2
        assert await store.hold("nobody", "me", 60) is None

    run(scenario())


async def rendering(store: Any, job: str, due_in: float, clock: Any, account: str = "account") -> None:
    lease = await taken(store, job)
    key, id_ = f"k-{job}", f"render-{job}"
    add = AddRender(id_, "fake", account, f"remote-{job}", '{"a": 1}', "{}", clock.now + due_in, clock.now + 600)
    sent = [Intend(key, "submit", "fake", account), Send(key, account, Quota(concurrent=1))]
    await store.apply(lease, sent)
    await store.apply(
        lease, [Confirm(key, f"remote-{job}", "{}"), add, SetJob(ACTIVE, "render", None, render_id=id_)]
    )


def test_renders_come_due_and_are_looked_at_by_account(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        one, two = await with_jobs(store, 2)
        await rendering(store, one, 10, clock, "a")
        await rendering(store, two, 20, clock, "b")
        assert await store.next_due(None) == clock.now + 10
        assert await store.next_due(None, ["b"]) == clock.now + 20
        assert await store.claim_renders("me", 60, 9, None) == []
        clock.now += 30
        (seen,) = await store.claim_renders("me", 60, 9, ["b"])
        assert (seen.job_id, seen.request) == (two, '{"a": 1}')
        assert await store.claim_renders("other", 60, 9, ["b"]) == []
        clock.now += 61
        (again,) = await store.claim_renders("other", 60, 9, ["b"])
        assert again.fence == seen.fence + 1

    run(scenario())


def test_what_a_look_taught_is_kept_and_a_lost_render_can_be_looked_at_again(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        (job,) = await with_jobs(store)
        await rendering(store, job, 0, clock)
        (row,) = await store.claim_renders("me", 60, 9, None)
        later = clock.now + 5
        learnt = RenderUpdate(
            row.id, row.fence, later, "running", "busy", 40.0, "", '{"x": 1}', True, 2, later + 99
        )
        assert await store.update_renders("me", [learnt]) == []
        seen = await store.render(row.id)
        assert (seen.state, seen.word, seen.progress, seen.details) == ("running", "busy", 40.0, '{"x": 1}')
        assert (seen.overdue, seen.failures, seen.expires_at, seen.ended_at) == (True, 2, later + 99, None)
        clock.now = later
        (row,) = await store.claim_renders("me", 60, 9, None)
        assert await store.update_renders("me", [RenderUpdate(row.id, row.fence, None, "lost")]) == [job]
        assert (await store.render(row.id)).ended_at == clock.now
        await store.look_now(row.id)
        (row,) = await store.claim_renders("me", 60, 9, None)
        assert (row.ended_at, row.failures) == (None, 0)

    run(scenario())


def test_a_place_that_falls_free_wakes_the_one_that_waits_longest(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        one, two, three = await with_jobs(store, 3)
        await rendering(store, one, 0, clock)
        for job in (two, three):
            lease, key = await taken(store, job), f"k-{job}"
            act = [Intend(key, "submit", "fake", "account"), Send(key, "account", Quota(concurrent=1))]
            with pytest.raises(Limited) as limited:
                await store.apply(lease, act)
            waits = SetJob(ACTIVE, "submit", limited.value.until, blocked_on=limited.value.account)
            await store.apply(lease, [waits])
        assert await store.claim_jobs("me", 60, 9, None) == []
        (row,) = await store.claim_renders("me", 60, 9, None)
        await store.update_renders("me", [RenderUpdate(row.id, row.fence, None, "completed")])
        due = await store.claim_jobs("me", 60, 9, None)
        assert sorted(row.id for row in due) == [one, two]

    run(scenario())


def test_removed_jobs_keep_their_keys_their_money_and_their_claims(open_store: Any, clock: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        old, held, young = await with_jobs(store, 3)
        await rendering(store, old, 0, clock)
        (row,) = await store.claim_renders("me", 60, 9, None)
        await store.update_renders("me", [RenderUpdate(row.id, row.fence, None, "completed")])
        lease = await taken(store, old)
        await store.apply(lease, [SettleMoney(f"k-{old}", 30), Tell("done"), SetJob(DONE, "done", None)])
        await store.decide(held, SetJob(HELD, "first", None))
        clock.now += 100 * 86_400
        await store.decide(young, SetJob(CANCELLED, "first", None))
        before = clock.now - 86_400
        planned = store.removable(before)
        assert (planned.jobs, planned.events, planned.renders, planned.kept) == ({DONE: 1}, 1, 1, {"held": 1})
        assert [store.remove_ended(before, 9), store.remove_ended(before, 9)] == [1, 0]
        assert (store.job(old), store.events(old), store.renders([f"render-{old}"])) == (None, [], {})
        assert store.sendings([old])[old].counted == 30
        (again,) = await store.add_jobs("run", [NewJob("new", f"run:{old[-1]}", "first", '{"new": 1}')])
        assert (again.id, again.status, again.step, again.data) == (old, DONE, REMOVED, '{"new": 1}')
        assert store.jobs_with_keys(["run:0"])["run:0"].step == REMOVED
        assert await store.wake([old], (DONE,)) == []
        assert len(store.jobs()) == 2

    run(scenario())
