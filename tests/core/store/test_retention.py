"""What is old goes; what keeps a job from being paid again, and a budget right, stays."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from reelwork.errors import BudgetExceeded
from reelwork.store.ceilings import Budget
from reelwork.store.commands import Intend, NewJob, Reopen, SetJob
from reelwork.store.records import ACTIVE, CANCELLED, DONE, FAILED, HELD, REJECTED, REMOVED, Lease, RunRow
from reelwork.store.spending import total
from reelwork.store.sqlite import requests, retention

LATER = 100 * 86_400.0


def remove_all(shop: Any) -> int:
    shop.now += LATER
    return shop.store.remove_ended(shop.now - LATER / 2, 1000)


@pytest.mark.parametrize("status", [DONE, FAILED, REJECTED, CANCELLED])
def test_an_ended_job_goes_with_its_story_and_render(shop: Any, status: str) -> None:
    job = shop.done()
    shop.sql("UPDATE jobs SET status = ?", status)
    assert shop.store.events(job)
    assert remove_all(shop) == 1
    assert shop.store.job(job) is None
    assert shop.store.events(job) == []
    assert shop.store.renders([f"render-{job}"]).get(f"render-{job}") is None
    assert shop.sql("SELECT frozen FROM runs") == [("",)]


def test_a_removed_key_is_never_added_again(shop: Any) -> None:
    job = shop.done("batch:file:row")
    remove_all(shop)
    shop.sql(
        "INSERT INTO runs(id, key, workflow, frozen, created_at) VALUES ('again', NULL, 'flow', '{}', ?)", shop.now
    )
    new = NewJob("other", "batch:file:row", "moderate-brief", '{"of": "the new plan"}')
    (row,) = asyncio.run(shop.store.add_jobs("again", [new]))
    assert (row.id, row.status, row.step, row.data) == (job, DONE, REMOVED, new.data)
    assert shop.store.jobs() == []
    assert shop.store.jobs_with_keys(["batch:file:row", "unknown"]).keys() == {"batch:file:row"}
    assert asyncio.run(shop.store.claim_jobs("me", 60, 9, None)) == []


def test_a_claimed_remote_id_is_not_given_to_a_new_act(shop: Any) -> None:
    shop.done(remote_id="old-video")
    remove_all(shop)
    job = shop.job()
    shop.doubted(job, ACTIVE)

    async def claim() -> str | None:
        await shop.store.wake([job], (ACTIVE,))
        (row,) = await shop.store.claim_jobs("me", 60, 9, None)
        lease = Lease(row.id, row.fence, "me")
        return await shop.store.claim_match(lease, f"reelwork-{job}-render-1", ["old-video", "new-video"])

    assert asyncio.run(claim()) == "new-video"


@pytest.mark.parametrize("by", ["day", "provider", "workflow", "run"])
def test_spending_is_what_it_was(shop: Any, by: Any) -> None:
    shop.done(charged=70)
    shop.done(charged=0, run="other")
    shop.now += 86_400
    failed = shop.job()
    shop.does(failed, *shop.submit(failed, 40), *shop.accepted(failed))
    shop.rendered(failed)
    shop.does(failed, shop.ended(FAILED, "submit-again"))
    before = shop.store.spending(by)
    assert total(before).charged + total(before).reserved == Decimal(110) / 1_000_000
    assert remove_all(shop) == 3
    assert shop.store.spending(by) == before


def test_budgets_still_count_what_was_removed(shop: Any) -> None:
    shop.done(charged=70)
    remove_all(shop)
    job = shop.job()
    with pytest.raises(BudgetExceeded, match="per_run"):
        shop.does(job, Intend("k", "submit", "fake", "account", reserve=40, budget=Budget(per_run=100)))


def kept(shop: Any, why: str) -> None:
    """Nothing is removed, for this reason."""
    before = (
        shop.sql("SELECT count(*) FROM jobs"),
        shop.sql("SELECT * FROM effects"),
        shop.sql("SELECT * FROM events"),
    )
    shop.now += LATER
    cutoff = shop.now - LATER / 2
    found = shop.store.removable(cutoff)
    assert (found.count, found.kept.get(why)) == (0, 1)
    assert shop.store.remove_ended(cutoff, 1000) == 0
    after = (
        shop.sql("SELECT count(*) FROM jobs"),
        shop.sql("SELECT * FROM effects"),
        shop.sql("SELECT * FROM events"),
    )
    assert before == after


@pytest.mark.parametrize("status", [FAILED, REJECTED, CANCELLED])
@pytest.mark.parametrize("state", ["intended", "sent", "unknown"])
def test_an_open_act_stays_whatever_became_of_its_job(shop: Any, state: str, status: str) -> None:
    job = shop.job()
    key = f"reelwork-{job}-render-1"
    ways = {"intended": [Reopen(key, "refused", give_up=True)], "sent": [], "unknown": []}
    shop.does(job, *shop.submit(job), *ways[state], shop.ended(status, "submit"))
    if state == "unknown":
        shop.sql("UPDATE effects SET state = 'unknown'")
    kept(shop, "open effect")


def test_a_held_job_stays(shop: Any) -> None:
    job = shop.job()
    shop.does(job, shop.ended(HELD, "moderate-brief"))
    kept(shop, "held")


def test_a_render_that_has_not_ended_stays(shop: Any) -> None:
    job = shop.job()
    shop.does(job, *shop.submit(job), *shop.accepted(job))
    asyncio.run(shop.store.decide(job, SetJob(CANCELLED, "render", None)))
    kept(shop, "open render")


def test_an_active_job_stays(shop: Any) -> None:
    shop.job()
    shop.now += LATER
    assert shop.store.removable(shop.now).count == 0
    assert shop.store.remove_ended(shop.now, 1000) == 0


def test_a_young_job_stays(shop: Any) -> None:
    shop.done()
    shop.now += LATER
    shop.done()
    assert shop.store.remove_ended(shop.now - LATER / 2, 1000) == 1
    assert len(shop.store.jobs()) == 1


def test_money_of_this_month_stays_and_goes_with_the_month(shop: Any) -> None:
    job = shop.done()
    shop.now += 2 * 86_400
    assert shop.store.removable(shop.now - 86_400).kept == {"money of this month": 1}
    assert shop.store.remove_ended(shop.now - 86_400, 1000) == 0
    # From 9 November into December.
    shop.now += 25 * 86_400
    assert shop.store.remove_ended(shop.now - 86_400, 1000) == 1
    assert shop.store.job(job) is None


def test_a_render_that_two_jobs_have_stays_until_both_are_old(shop: Any) -> None:
    one, two = shop.done(), shop.job()
    shop.does(two, SetJob(ACTIVE, "download", shop.now, render_id=f"render-{one}"))
    kept(shop, "shared render")
    shop.does(two, shop.ended(DONE))
    shop.now += LATER
    assert shop.store.remove_ended(shop.now - 1, 1) == 1
    assert shop.store.remove_ended(shop.now - 1, 1) == 1
    assert shop.store.renders([f"render-{one}"]).get(f"render-{one}") is None


def test_what_is_shown_before_is_what_goes(shop: Any) -> None:
    for _ in range(5):
        shop.done()
    shop.doubted(shop.job(), FAILED)
    shop.now += LATER
    planned = shop.store.removable(shop.now - 1)
    stories = shop.sql("SELECT count(*) FROM events")[0][0]
    assert (planned.jobs, planned.renders, planned.kept) == ({DONE: 5}, 5, {"open effect": 1})
    assert [shop.store.remove_ended(shop.now - 1, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert planned.events == stories - shop.sql("SELECT count(*) FROM events")[0][0]


def test_a_run_just_added_keeps_its_workflow(shop: Any) -> None:
    """Its jobs are added after it, in a transaction of their own."""
    shop.done()
    shop.now += LATER
    asyncio.run(shop.store.add_run(RunRow("fresh", None, "flow", '{"frozen": 1}', shop.now)))
    shop.store.remove_ended(shop.now - 86_400, 1000)
    run = shop.store.run("fresh")
    assert run is not None
    assert run.frozen == '{"frozen": 1}'


def test_files_that_may_be_left_are_written_down_with_the_removal(shop: Any) -> None:
    job = shop.done(data=shop.clip("assets/ab/abcdef0123.mp4"), remote_id="video_0123456789")
    remove_all(shop)
    patterns = {row[0] for row in shop.sql("SELECT pattern FROM leftovers")}
    assert {"assets/ab/abcdef0123.mp4", f"work/*/{job}.*", "work/*/video_0123456789.*"} == patterns


@pytest.mark.parametrize("name", ["../../etc/passwd", "a*b", "x", "vid/eo_0123456789"])
def test_a_name_from_outside_never_becomes_a_pattern(shop: Any, name: str) -> None:
    path = "/".join(("/srv/store.db.files", "work", "..", name))
    shop.done(remote_id=name, data={"clip": {"video": {"path": path}}})
    remove_all(shop)
    patterns = [row[0] for row in shop.sql("SELECT pattern FROM leftovers")]
    assert all(pattern.startswith("work/*/job-") for pattern in patterns)


def test_no_question_about_a_job_reads_a_whole_table(shop: Any) -> None:
    """With ten thousands of jobs a removal would never end."""
    shop.done()
    statement = f"EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE {retention._REMOVABLE}"
    db = sqlite3.connect(shop.path)
    plan = [str(row[3]) for row in db.execute(statement, {"before": 0, "month": 0})]
    db.close()
    assert not [step for step in plan if step.startswith("SCAN")], plan
    assert sum(step.startswith("CORRELATED") for step in plan) >= 4


def test_requests_are_forgotten_by_the_times_of_the_store(shop: Any) -> None:
    day = 86_400.0
    for key, age, status in (("old", 40, 201), ("younger", 20, 201), ("newest", 0, 201), ("open", 90, None)):
        shop.sql(
            "INSERT INTO requests (holder, key, asked, owner, begun_at, status, answer)"
            " VALUES ('ana', ?, '', '', ?, ?, '')",
            key, shop.now - age * day, status,
        )  # fmt: skip
    # The clock is a year ahead: what is less than 30 days older than the newest one stays.
    with closing(sqlite3.connect(shop.path)) as db, db:
        requests.forget(db, shop.now + 365 * day)
    assert [row[0] for row in shop.sql("SELECT key FROM requests ORDER BY key")] == ["newest", "open", "younger"]
