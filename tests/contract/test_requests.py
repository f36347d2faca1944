"""What every store must do with requests that act: each answer is committed with its change, or neither is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.test_store_questions import with_jobs

from reelwork.errors import LedgerConflict
from reelwork.store.commands import NewJob, SetJob
from reelwork.store.records import CANCELLED, RunRow
from reelwork.store.requests import Answered, RequestRow

ASKED = RequestRow("ana", "key-1", "hash", "1-me", 1_000_000.0)
DONE = Answered(replace(ASKED, status=201, answer='{"run": "r"}'))


def test_a_request_is_known_by_its_key_until_it_is_dropped(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        assert await one.claim_request(ASKED) is None
        assert await other.claim_request(replace(ASKED, asked="another", owner="2-you")) == ASKED
        assert await other.claim_request(replace(ASKED, holder="ben")) is None
        assert await other.claim_request(replace(ASKED, key="key-2")) is None
        # Only by whoever works on it.
        await other.drop_request(replace(ASKED, owner="2-you"))
        assert await other.claim_request(ASKED) == ASKED
        await one.drop_request(ASKED)
        assert await other.claim_request(ASKED) is None

    asyncio.run(scenario())


@pytest.mark.parametrize("moved", [-58 * 86_400.0, 400 * 86_400.0])
def test_a_clock_that_was_wrong_forgets_no_request(open_store: Any, moved: float) -> None:
    async def scenario() -> None:
        store = open_store()
        then = replace(ASKED, begun_at=ASKED.begun_at + moved)
        await store.claim_request(then)
        await store.answering(replace(DONE, request=replace(DONE.request, begun_at=then.begun_at))).add_run(
            RunRow("r", None, "flow", "{}", 0.0)
        )
        # The clock is right again, and other requests come.
        assert await store.claim_request(replace(ASKED, key="key-2")) is None
        known = await store.claim_request(ASKED)
        assert known is not None
        assert known.status == DONE.request.status

    asyncio.run(scenario())


def test_an_answer_is_written_with_its_change(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.claim_request(ASKED)
        await store.add_run(RunRow("r", None, "flow", "{}", 0.0))
        await store.answering(DONE).add_jobs("r", [NewJob("j", "k", "first", "{}")])
        assert await store.claim_request(ASKED) == DONE.request
        assert [job.id for job in store.jobs()] == ["j"]
        # What has been answered stays, and nobody takes it over.
        await store.drop_request(ASKED)
        assert not await store.take_over(ASKED, "2-you")
        assert await store.claim_request(ASKED) == DONE.request

    asyncio.run(scenario())


def test_a_change_that_changes_nothing_answers_nothing(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        (job,) = await with_jobs(store)
        await store.claim_request(ASKED)
        assert not await store.answering(DONE).decide(job, SetJob(CANCELLED, "first", None), fence=99)
        assert await store.answering(DONE).wake([job], (CANCELLED,)) == []
        assert await store.claim_request(ASKED) == ASKED

    asyncio.run(scenario())


def test_who_was_taken_for_dead_changes_nothing_any_more(open_store: Any) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        (job,) = await with_jobs(one)
        await one.claim_request(ASKED)
        assert await other.take_over(ASKED, "2-you")
        assert not await other.take_over(ASKED, "3-they")
        with pytest.raises(LedgerConflict):
            await one.answering(DONE).decide(job, SetJob(CANCELLED, "first", None))
        assert one.job(job).status == "active"
        mine = Answered(replace(DONE.request, owner="2-you"))
        assert await other.answering(mine).decide(job, SetJob(CANCELLED, "first", None))
        assert one.job(job).status == CANCELLED

    asyncio.run(scenario())
