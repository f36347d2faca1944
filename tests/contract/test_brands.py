"""What every store must do with brands: jobs have that of their run, and money and stops go by it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from reelwork.errors import BudgetExceeded, NotFound, NotReviewer, PostsStopped, WorkflowInvalid
from reelwork.store.causes import GATHERING_SECONDS, DealtWith, Notice
from reelwork.store.ceilings import Budget
from reelwork.store.commands import Confirm, Intend, NewJob, Payment, Send, SetJob, Tell
from reelwork.store.post_stops import EVERYTHING, PostStop, brand_scope
from reelwork.store.records import DONE, Lease, RunRow
from reelwork.store.schedules import Decided, NewFiring, Outcome, ScheduleRow, SlotRow, SlotState

CENT = 10_000


def frozen(brand: str, *reviewers: str) -> str:
    return json.dumps({"workflow": {"brand": brand, "brands": {brand: {"reviewers": reviewers}}}})


async def with_job(store: Any, number: int, brand: str) -> Lease:
    """A job of a brand, taken."""
    await store.add_run(RunRow(f"run-{number}", None, "flow", frozen(brand), store._clock()))
    await store.add_jobs(f"run-{number}", [NewJob(f"job-{number}", f"key-{number}", "submit", "{}")])
    (job,) = await store.claim_jobs("me", 60.0, 1, None)
    assert job.brand == brand
    return Lease(job.id, job.fence, "me")


def render(number: int, brand: str, **ceilings: int) -> Intend:
    budget = Budget(brand=brand, **ceilings)
    return Intend(f"render-{number}", "submit", "fake", "fake", reserve=10 * CENT, budget=budget)


def test_a_job_has_the_brand_of_its_run(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        for number, brand in enumerate(("acme", "bolt", "")):
            await with_job(store, number, brand)
        assert [row.id for row in store.jobs(brand="acme")] == ["job-0"]
        assert [row.id for row in store.jobs(brand="bolt")] == ["job-1"]
        assert store.jobs(brand="other") == []
        assert [row.brand for row in store.jobs()] == ["", "bolt", "acme"]
        assert store.brands() == ["acme", "bolt"]

    asyncio.run(scenario())


@pytest.mark.parametrize("ceiling", ["brand_per_day", "brand_per_month"])
def test_the_ceiling_of_a_brand_counts_all_its_jobs_and_no_others(open_store: Any, ceiling: str) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        leases = [await with_job(one, number, brand) for number, brand in enumerate(("acme", "bolt", "acme"))]
        limits = {ceiling: 15 * CENT}
        await one.apply(leases[0], [render(0, "acme", **limits)])
        # Another brand has money of its own, and so has what is of none.
        await other.apply(leases[1], [render(1, "bolt", **limits)])
        with pytest.raises(BudgetExceeded, match=r"\$0\.10 already spent or reserved .* of acme = 0\.15") as over:
            await other.apply(leases[2], [render(2, "acme", **limits)])
        assert over.value.budget == ceiling
        own = ceiling.removeprefix("brand_")
        assert f"--set brands.acme.{own}=AMOUNT" in over.value.hint
        assert other.effects_of("job-2") == []
        counted = {brand: one.counted(Budget(brand=brand, **limits)) for brand in ("acme", "bolt", "other")}
        assert counted == {
            "acme": {ceiling: 10 * CENT},
            "bolt": {ceiling: 10 * CENT},
            "other": {ceiling: 0},
        }

    asyncio.run(scenario())


def test_what_plugins_pay_counts_for_the_brand_of_the_job(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_job(store, 1, "acme")
        await store.paid(Payment("job-1", "writer", "call-1", 3 * CENT, "words"))
        budget = Budget(brand="acme", brand_per_day=1)
        assert store.counted(budget) == {"brand_per_day": 3 * CENT}

    asyncio.run(scenario())


def test_no_post_of_a_stopped_brand_leaves_whatever_its_sender_knows(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        leases = [await with_job(one, number, brand) for number, brand in enumerate(("acme", "bolt"))]

        def post(number: int) -> list[Any]:
            # The sender names no brand, as one does that has built its pipeline before the job was moved.
            names = ("shop", "acme")
            return [
                Intend(f"post-{number}", "publish", "shop", "shop"),
                Send(f"post-{number}", "shop", names=names),
            ]

        await other.stop_posts(PostStop(brand_scope("acme"), 5.0, "ana", "wrong logo"))
        with pytest.raises(PostsStopped, match=r"posts of acme are stopped by ana: wrong logo"):
            await one.apply(leases[0], post(0))
        # The account that is called as a brand is no brand.
        assert await one.apply(leases[1], post(1)) is not None
        assert await other.start_posts(brand_scope("acme"))
        assert await one.apply(leases[0], post(0)) is not None

    asyncio.run(scenario())


def test_a_job_that_moves_to_another_brand_is_decided_by_nobody_who_read_it_before(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        lease = await with_job(store, 1, "acme")
        await store.apply(lease, [SetJob("held", "publish", None)])
        seen = store.job("job-1")
        await store.add_run(RunRow("same", None, "flow", frozen("acme"), store._clock()))
        await store.adopt("same", ["job-1"])
        assert store.job("job-1").fence == seen.fence
        await store.add_run(RunRow("next", None, "flow", frozen("bolt"), store._clock()))
        await store.adopt("next", ["job-1"])
        assert not await store.decide("job-1", SetJob("active", "publish", None), fence=seen.fence)
        assert await store.wake(["job-1"], ("held",), {"job-1": seen.fence}) == []
        assert [row.id for row in store.jobs(brand="bolt")] == ["job-1"]
        (again,) = await store.add_jobs("same", [NewJob("new", "key-1", "submit", "{}")])
        assert (again.id, again.run_id, again.brand) == ("job-1", "same", "acme")

    asyncio.run(scenario())


def test_money_stays_with_the_brand_for_which_it_was_reserved(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        lease = await with_job(store, 1, "acme")
        await store.apply(lease, [render(1, "acme"), SetJob(DONE, "done", None)])
        await store.add_run(RunRow("next", None, "flow", frozen("bolt"), store._clock()))
        await store.adopt("next", ["job-1"])
        assert store.counted(Budget(brand="acme", brand_per_day=0)) == {"brand_per_day": 10 * CENT}
        assert [(one.name, str(one.reserved)) for one in store.spending("brand")] == [("acme", "0.1")]

    asyncio.run(scenario())


def firing(store: Any, number: int, brand: str, *, per_day: int) -> Decided:
    """A firing that costs ten cents, and promises them."""
    at, run = store._clock() + number, f"run-{number}"
    data = json.dumps({"cost": 10 * CENT})
    new = NewFiring(
        SlotRow(f"s{number}", f"key-{number}", at, SlotState.FIRED, "", at, run_id=run),
        RunRow(run, None, "flow", frozen(brand), at),
        [NewJob(f"job-{number}", f"fired-{number}", "submit", data)],
        10 * CENT,
        Budget(brand=brand, brand_per_day=per_day),
    )
    return Decided(f"s{number}", 1, 0.0, at, firing=new)


def test_what_is_promised_to_firings_of_a_brand_counts_for_this_brand_alone(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        for number in range(4):
            await store.keep_schedule(ScheduleRow(f"s{number}", "{}", 1, 0.0, 0.0))
        assert await store.settle(firing(store, 0, "acme", per_day=15 * CENT)) is Outcome.WRITTEN
        assert await store.settle(firing(store, 1, "bolt", per_day=15 * CENT)) is Outcome.WRITTEN
        with pytest.raises(BudgetExceeded, match=r"budget per_day of acme = 0\.15") as over:
            await store.settle(firing(store, 2, "acme", per_day=15 * CENT))
        assert over.value.budget == "brand_per_day"
        assert store.jobs(brand="acme")[0].id == "job-0"
        assert await store.settle(firing(store, 3, "acme", per_day=20 * CENT)) is Outcome.WRITTEN

    asyncio.run(scenario())


def test_an_approval_counts_if_its_run_names_the_approver_when_it_is_written(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.add_run(RunRow("first", None, "flow", frozen("acme", "ana", "ben"), store._clock()))
        await store.add_jobs("first", [NewJob("job-1", "key-1", "publish", "{}")])
        change = SetJob("active", "publish", None)
        with pytest.raises(NotReviewer, match=r"carl may not approve for the brand acme") as refused:
            await store.decide("job-1", change, approver="carl")
        assert refused.value.hint == "Its reviewers may: ana, ben."
        assert await store.decide("job-1", change, approver="ana")
        # Other settings took its place after the approver had read the job.
        await store.add_run(RunRow("next", None, "flow", frozen("acme", "carl"), store._clock()))
        await store.adopt("next", ["job-1"])
        with pytest.raises(NotReviewer):
            await store.decide("job-1", change, approver="ana")
        assert await store.decide("job-1", change, approver="carl")
        # Whatever is no approval needs no reviewer, and a brand may name none.
        assert await store.decide("job-1", change)
        await store.add_run(RunRow("free", None, "flow", frozen("acme"), store._clock()))
        await store.adopt("free", ["job-1"])
        assert await store.decide("job-1", change, approver="anybody")

    asyncio.run(scenario())


def test_a_limited_store_reads_nothing_of_another_brand(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        for number, brand in enumerate(("acme", "bolt", "")):
            lease = await with_job(store, number, brand)
            post = [Intend(f"post-{number}", "publish", "shop", "shop"), Send(f"post-{number}", "shop")]
            await store.apply(lease, [render(number, brand), Tell("made", {"by": brand})])
            await store.apply(lease, post)
            await store.apply(lease, [Confirm(f"post-{number}", f"id-{number}", "{}")])
        limited = store.of_brand("acme")
        assert [row.id for row in limited.jobs()] == ["job-0"]
        assert (limited.job("job-1"), limited.run("run-1"), limited.run_head("run-2")) == (None, None, None)
        assert [row.id for row in limited.runs()] == ["run-0"]
        assert [row.job_id for row in limited.posts()] == ["job-0"]
        assert {row.job_id for row in limited.events_after(0, 100)} == {"job-0"}
        assert (limited.events("job-1"), limited.effects_of("job-1"), limited.some(["job-1"])) == ([], [], [])
        assert limited.counts() == {"active": 1}
        assert [one.name for one in limited.spending("brand")] == ["acme"]
        assert limited.figures().jobs == {"active": 1}
        assert limited.brands() == ["acme"]
        # The store itself sees all of it, as before, and nobody gets from one brand to another.
        assert len(store.jobs()) == 3
        assert limited.of_brand("acme").counts() == {"active": 1}
        with pytest.raises(NotFound):
            limited.of_brand("bolt")

    asyncio.run(scenario())


def test_a_limited_store_changes_nothing_of_another_brand(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        lease = await with_job(store, 1, "bolt")
        await store.apply(lease, [SetJob("held", "publish", None)])
        spec = {brand: json.dumps({"brand": brand}) for brand in ("acme", "bolt")}
        await store.keep_schedule(ScheduleRow("s1", spec["bolt"], 1, 0.0, 0.0))
        limited = store.of_brand("acme")
        assert not await limited.decide("job-1", SetJob("cancelled", "publish", None))
        assert await limited.wake(["job-1"], ("held",)) == []
        assert not await limited.keep_schedule(ScheduleRow("s1", spec["acme"], 2, 0.0, 0.0))
        assert not await limited.keep_schedule(ScheduleRow("new", spec["bolt"], 1, 0.0, 0.0))
        assert await limited.keep_schedule(ScheduleRow("own", spec["acme"], 1, 0.0, 0.0))
        assert await limited.settle(firing(store, 1, "acme", per_day=15 * CENT)) is Outcome.MOVED
        assert not await limited.requeue_rows("s1", [])
        for scope in (EVERYTHING, "shop", brand_scope("bolt")):
            with pytest.raises(WorkflowInvalid, match="Only posts of acme"):
                await limited.stop_posts(PostStop(scope, 5.0))
            with pytest.raises(WorkflowInvalid, match="Only posts of acme"):
                await limited.start_posts(scope)
        with pytest.raises(WorkflowInvalid, match="not for the brand acme"):
            await limited.add_run(RunRow("run-2", None, "flow", frozen("bolt"), 0.0))
        assert [row.name for row in store.schedules()] == ["own", "s1"]
        assert (store.job("job-1").status, store.post_stops()) == ("held", [])

    asyncio.run(scenario())


def test_what_one_brand_has_dealt_with_is_open_for_the_others(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        acme, bolt = store.of_brand("acme"), store.of_brand("bolt")
        await acme.deal_with(DealtWith("cause", 5.0, 6.0, "ana"))
        assert [(one.cause, one.until) for one in acme.dealt_with()] == [("cause", 5.0)]
        assert bolt.dealt_with() == []
        assert "cause" not in [one.cause for one in store.dealt_with()]
        # Whoever sees all has seen those of each brand.
        await store.deal_with(DealtWith("cause", 9.0, 9.0, "ben"))
        assert [(one.cause, one.until) for one in acme.dealt_with()] == [("cause", 9.0)]
        assert [(one.cause, one.until) for one in bolt.dealt_with()] == [("cause", 9.0)]

    asyncio.run(scenario())


def test_each_is_told_of_a_cause_by_themselves_and_of_its_end(open_store: Any, monkeypatch: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        notices = {"": [Notice("no funds", "No funds", 2)], "desk/acme": [Notice("no funds", "No funds", 1)]}
        now = store._clock()
        for whom, found in notices.items():
            assert await store.keep_notices(found, whom) == ([], [])
        monkeypatch.setattr(store, "_clock", lambda: now + GATHERING_SECONDS)
        assert (await store.keep_notices(notices[""])).causes == ["no funds"]
        assert (await store.keep_notices(notices["desk/acme"], "desk/acme")).causes == ["no funds"]
        # Put off for one, it is not due again for the other.
        await store.put_off_notice("no funds", 0, "desk/acme")
        assert (await store.keep_notices(notices[""])).causes == []
        assert (await store.keep_notices(notices["desk/acme"], "desk/acme")).causes == ["no funds"]
        # What is gone for one is there for the other.
        assert [one.count for one in (await store.keep_notices([], "desk/acme")).mended] == [1]
        assert await store.keep_notices(notices[""]) == ([], [])
        assert [one.count for one in (await store.keep_notices([])).mended] == [2]

    asyncio.run(scenario())
