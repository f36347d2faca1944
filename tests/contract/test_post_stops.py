"""What every store must do with stopped posts: none leaves after the stop, and all go on once it is taken away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reelwork.errors import PostsStopped
from reelwork.store.commands import Intend, NewJob, Send, SetJob
from reelwork.store.post_stops import EVERYTHING, PostStop
from reelwork.store.records import Lease, RunRow

NAMES = ("shop", "mastodon", "brand-b")
STOPS = [PostStop(scope, 5.0, "ana", "wrong logo") for scope in (EVERYTHING, *NAMES)]


async def with_job(store: Any) -> tuple[Any, Any]:
    run = RunRow("run-1", None, "flow", "{}", store._clock())
    await store.add_run(run)
    await store.add_jobs("run-1", [NewJob("job-1", "key-1", "publish", "{}")])
    (job,) = await store.claim_jobs("me", 60.0, 1, None)
    return job, Lease(job.id, job.fence, "me")


def post(key: str, names: tuple[str, ...] = NAMES) -> list[Any]:
    return [
        Intend(key, "publish", "shop", "publish mastodon @shop"),
        Send(key, "publish mastodon @shop", names=names),
    ]


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.scope)
def test_no_post_leaves_while_it_is_stopped_by_one_of_its_names(open_store: Any, stop: PostStop) -> None:
    async def scenario() -> None:
        one, other = open_store(), open_store()
        _, lease = await with_job(one)
        await other.stop_posts(stop)
        with pytest.raises(PostsStopped, match=r"stopped by ana: wrong logo") as stopped:
            await one.apply(lease, post("post-1"))
        assert stopped.value.until > one._clock()
        assert one.effects_of("job-1") == []
        assert other.posts_under_way() == 0
        assert await other.start_posts(stop.scope)
        assert not await one.start_posts(stop.scope)
        sent = await one.apply(lease, post("post-1"))
        assert sent is not None
        assert sent.attempt == 1
        assert other.posts_under_way() == 1

    asyncio.run(scenario())


def test_other_posts_and_renders_go_on(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        _, lease = await with_job(store)
        await store.stop_posts(PostStop("another", 5.0))
        assert await store.apply(lease, post("post-1")) is not None
        await store.stop_posts(PostStop(EVERYTHING, 5.0))
        render = [Intend("render-1", "submit", "preview", "preview"), Send("render-1", "preview")]
        assert await store.apply(lease, render) is not None

    asyncio.run(scenario())


def test_a_job_that_was_stopped_is_due_at_once_when_posts_start(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        _, lease = await with_job(store)
        await store.stop_posts(PostStop(EVERYTHING, 5.0))
        later = store._clock() + 600
        data = '{"posts":{"shop":{"stopped":true}}}'
        await store.apply(lease, [SetJob("active", "publish", data=data, due_at=later)])
        assert await store.claim_jobs("me", 60.0, 1, None) == []
        assert await store.start_posts(EVERYTHING)
        assert [job.id for job in await store.claim_jobs("me", 60.0, 1, None)] == ["job-1"]

    asyncio.run(scenario())


def test_a_second_stop_of_a_scope_takes_the_place_of_the_first(open_store: Any) -> None:
    async def scenario() -> None:
        store = open_store()
        await store.stop_posts(PostStop("shop", 5.0, "ana"))
        await store.stop_posts(PostStop("shop", 6.0, "ben", "again"))
        assert store.post_stops() == [PostStop("shop", 6.0, "ben", "again")]

    asyncio.run(scenario())
