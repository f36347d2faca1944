"""What every store must do with links to reviews: each is used once, with the change that it lets happen."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from reelwork.errors import MovedOn, NotReviewer
from reelwork.store.commands import NewJob, SetJob
from reelwork.store.records import RunRow
from reelwork.store.review_links import ReviewLink

LINK = ReviewLink("link-1", "hash", "job-1", "version", "Acme Ltd", "ana", 10.0, 100.0)
GO_ON = SetJob("active", "publish", None)


async def with_job(store: Any, *reviewers: str) -> Any:
    """A held job of a brand with these reviewers."""
    workflow = {"brand": "acme", "brands": {"acme": {"reviewers": reviewers}}}
    await store.add_run(RunRow("run-1", None, "flow", json.dumps({"workflow": workflow}), 0.0))
    await store.add_jobs("run-1", [NewJob("job-1", "key-1", "publish", "{}")])
    await store.decide("job-1", SetJob("held", "publish", None))
    return store.job("job-1")


def test_a_link_is_used_with_the_change_and_once(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        job = await with_job(one)
        await one.add_review_link(LINK)
        assert other.review_link_with("hash") == LINK
        assert other.review_link_with("another") is None
        presses = [
            store.by_review_link(LINK, "approved", 50.0).decide("job-1", GO_ON, fence=job.fence)
            for store in (one, other)
        ]
        done = await asyncio.gather(*presses, return_exceptions=True)
        assert sorted(map(str, done)) == ["This link was used, revoked, or is over.", "True"]
        (link,) = other.review_links("job-1")
        assert (link.used_at, link.answer, link.state_at(60.0)) == (50.0, "approved", "used")
        assert not await one.revoke_review_link("link-1", 60.0)

    asyncio.run(scenario())


def test_a_change_that_does_not_happen_leaves_the_link_as_it_was(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        job = await with_job(store)
        await store.add_review_link(LINK)
        by = store.by_review_link(LINK, "approved", 50.0)
        assert not await by.decide("job-1", GO_ON, fence=job.fence - 1)
        assert store.review_links() == [LINK]
        assert await by.decide("job-1", GO_ON, fence=job.fence)
        assert store.review_links()[0].answer == "approved"

    asyncio.run(scenario())


@pytest.mark.parametrize("now", [100.0, 1000.0])
def test_a_link_that_is_over_changes_nothing(open_store: Any, now: float) -> None:
    async def scenario() -> None:
        store = open_store()
        job = await with_job(store)
        await store.add_review_link(LINK)
        with pytest.raises(MovedOn):
            await store.by_review_link(LINK, "approved", now).decide("job-1", GO_ON, fence=job.fence)
        assert store.job("job-1").status == "held"
        assert store.review_links()[0].state_at(now) == "expired"

    asyncio.run(scenario())


def test_a_link_that_was_taken_back_a_moment_ago_changes_nothing(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        job = await with_job(store)
        await store.add_review_link(LINK)
        by = store.by_review_link(LINK, "approved", 50.0)
        assert await store.revoke_review_link("link-1", 40.0)
        assert not await store.revoke_review_link("link-1", 41.0)
        assert not await store.revoke_review_link("none", 41.0)
        with pytest.raises(MovedOn):
            await by.decide("job-1", GO_ON, fence=job.fence)
        assert (store.job("job-1").status, store.review_links()[0].state_at(50.0)) == ("held", "revoked")

    asyncio.run(scenario())


def test_whoever_may_not_approve_makes_no_link_and_approves_nothing_by_one(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_job(store, "ana")
        with pytest.raises(NotReviewer):
            await store.add_review_link(replace(LINK, maker="ben"))
        await store.add_review_link(LINK)
        # Other settings took its place since.
        workflow = {"brand": "acme", "brands": {"acme": {"reviewers": ["carl"]}}}
        await store.add_run(RunRow("run-2", None, "flow", json.dumps({"workflow": workflow}), 0.0))
        await store.adopt("run-2", ["job-1"])
        job = store.job("job-1")
        with pytest.raises(NotReviewer):
            await store.by_review_link(LINK, "approved", 50.0).decide(
                "job-1", GO_ON, fence=job.fence, approver=LINK.maker
            )
        assert store.review_links() == [LINK]

    asyncio.run(scenario())


def test_links_to_jobs_of_another_brand_are_neither_made_seen_nor_taken_back(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_job(store)
        await store.add_review_link(LINK)
        own, other = store.of_brand("acme"), store.of_brand("bolt")
        assert [link.id for link in own.review_links()] == ["link-1"]
        assert other.review_links() == []
        assert not await other.revoke_review_link("link-1", 40.0)
        with pytest.raises(MovedOn):
            await other.add_review_link(replace(LINK, id="link-2", hash="hash-2"))
        with pytest.raises(MovedOn):
            await store.add_review_link(replace(LINK, id="link-3", hash="hash-3", job_id="none"))
        assert await own.revoke_review_link("link-1", 40.0)

    asyncio.run(scenario())


def test_links_go_with_their_job(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await with_job(store)
        await store.add_review_link(LINK)
        await store.decide("job-1", SetJob("cancelled", "publish", None))

    asyncio.run(scenario())
    store = open_store()
    assert store.remove_ended(1e12, 10) == 1
    assert store.review_links() == []
