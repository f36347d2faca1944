"""What every store must do with long lists: a page at a time, each entry once, whatever is added meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.contract.test_store_questions import kind, with_jobs  # noqa: F401

from reelwork.store.commands import SetJob, Tell
from reelwork.store.records import ACTIVE, CANCELLED, RunHead


def test_runs_come_newest_first_with_how_their_jobs_stand(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        for name, count in (("a", 1), ("b", 2), ("c", 0)):
            await with_jobs(store, count, name)
        await store.decide("b-0", SetJob(CANCELLED, "first", None))
        first = store.runs(limit=2)
        assert [(run.id, dict(run.jobs)) for run in first] == [("c", {}), ("b", {ACTIVE: 1, CANCELLED: 1})]
        await with_jobs(store, 1, "d")
        assert [run.id for run in store.runs(before="b", limit=2)] == ["a"]
        assert store.run_head("a") == RunHead("a", "flow", 0.0, {ACTIVE: 1})
        assert store.run_head("none") is None

    asyncio.run(scenario())


def test_lines_of_all_stories_come_in_one_order(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        assert (store.last_event(), store.events_after(0, 9)) == (0, [])
        one, two = await with_jobs(store, 2)
        for job, name in ((one, "a"), (two, "b"), (one, "c")):
            await store.decide(job, SetJob(ACTIVE, "first", None), Tell(name))
        lines = store.events_after(0, 2)
        assert [(line.job_id, line.name) for line in lines] == [(one, "a"), (two, "b")]
        assert [line.name for line in store.events_after(lines[-1].seq, 9)] == ["c"]
        assert [line.name for line in store.events_after(0, 9, one)] == ["a", "c"]
        assert store.last_event() == store.events_after(0, 9)[-1].seq
        assert store.posts(limit=9) == []

    asyncio.run(scenario())
