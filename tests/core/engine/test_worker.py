"""Jobs carried on one by one with `advance`, by a program that has a queue of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from reelwork.engine.left import WAITS_FOR
from reelwork.errors import StoreUnwritable
from reelwork.plugins.catalog import Catalog
from reelwork.store.commands import Command, Confirm, NewJob
from reelwork.store.records import ACTIVE, DONE, EffectRow, Lease, RenderRow, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.testing.fake_remote import accepted_then_lost, register
from reelwork_hooks import Plugin, Prompt, Receipt, hookimpl


class Passing:
    """A clock that stands still until it is put forward: nothing here waits for real."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


def publisher(posts: list[str]) -> type:
    class Publisher(Plugin):
        """Remembers what it posted."""

        public = False

        @hookimpl
        def publish(self, post: Any, job: Any, effect: Any) -> Receipt:
            posts.append(effect.key)
            return Receipt(id=f"post_{len(posts)}")

    return Publisher


def test_two_processes_by_turns_bring_jobs_to_their_end_and_pay_once(shop: Any, remote: Any) -> None:
    posts: list[str] = []
    shop.lab.add_plugin("wall", publisher(posts), "publish")
    remote.polls_needed = 2
    remote.faults = [accepted_then_lost]

    async def scenario() -> None:
        async with AsyncExitStack() as open_:
            store, session, one = await open_.enter_async_context(shop.process())
            _, _, two = await open_.enter_async_context(shop.process())
            ids = await shop.add(store, session, "A lighthouse at night", "A boat that comes home")
            for turn in range(100):
                workers = (one, two) if turn % 2 else (two, one)
                # The same job is handed to both at once, as a queue that delivers twice would.
                await asyncio.gather(*(worker.advance(id_) for worker in workers for id_ in ids))
                if store.counts() == {DONE: 2}:
                    break
                due = await store.next_due(None)
                assert due is not None, [row.reason for row in store.jobs()]
                shop.clock.now = max(shop.clock.now, due) + 0.001
            assert store.counts() == {DONE: 2}, [store.job(id_) for id_ in ids]
            assert [await worker.advance(id_) for worker in (one, two) for id_ in ids] == [False] * 4

    asyncio.run(scenario())
    assert len(remote.creates) == 2
    assert len(posts) == 2


class Killed(BaseException):
    """The process is gone: no handler catches it."""


class Mortal(SqliteStore):
    """Ends its process just before an answer is written down."""

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        if any(isinstance(command, Confirm) for command in commands):
            raise Killed
        return await super().apply(lease, commands)


def test_a_job_of_a_process_that_died_is_taken_over_and_nothing_is_paid_again(shop: Any, remote: Any) -> None:
    async def scenario() -> None:
        async with shop.process(Mortal) as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            with pytest.raises(Killed):
                await worker.advance(id_)
            row = store.job(id_)
            assert row is not None
            assert row.status == ACTIVE
            async with shop.process() as (_, _, other):
                assert not await other.advance(id_), "whoever holds it is alive"
        async with shop.process() as (store, _, worker):
            await shop.advance(store, worker, id_)

    asyncio.run(scenario())
    assert len(remote.creates) == 1


class Unreadable(SqliteStore):
    """Cannot be read for a moment, in the middle of a step."""

    failures = 1

    async def render(self, render_id: str) -> RenderRow | None:
        if self.failures:
            self.failures -= 1
            raise StoreUnwritable("The store could not be read: too many files are open.")
        return await super().render(render_id)


def test_a_store_that_cannot_be_read_for_a_moment_fails_no_job(shop: Any, remote: Any) -> None:
    async def scenario() -> None:
        async with shop.process(Unreadable) as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            await shop.advance(store, worker, id_)

    asyncio.run(scenario())
    assert len(remote.creates) == 1


def test_one_job_is_claimed_only_while_it_is_due_and_free(tmp_path: Path) -> None:
    clock = Passing()

    async def scenario() -> None:
        with closing(SqliteStore(tmp_path / "store.db", clock=clock)) as store:
            await store.add_run(RunRow("run", None, "w", "{}", clock.now))
            (job,) = await store.add_jobs("run", [NewJob("job", "key", "1", "{}")])
            assert await store.claim_job("nobody", "me", 60.0) is None
            held = await store.claim_job(job.id, "me", 60.0)
            assert held is not None
            assert held.fence == job.fence + 1
            assert await store.claim_job(job.id, "another", 60.0) is None
            assert await store.claim_render_of(job.id, "me", 60.0) is None

    asyncio.run(scenario())


def test_what_this_process_has_left_to_others_is_not_claimed_again_at_once(
    lab: Any, shop: Any, remote: Any
) -> None:
    class Words(Plugin):
        """Is installed in one process only."""

        @hookimpl
        def prompt_transform(self, prompt: Prompt) -> None:
            return None

    lab.add_plugin("words", Words, "prompt_transform")
    whole, remote.polls_needed = lab.catalog, 1_000

    async def without_it(id_: str) -> None:
        lab.catalog = Catalog()
        register(lab.catalog, remote)
        async with shop.process() as (store, _, worker):
            assert await worker.advance(id_)
            left = store.job(id_)
            renders = store.renders([left.render_id] if left.render_id else [])
            said = [left.reason, *(render.error for render in renders.values())]
            assert any(words.startswith(WAITS_FOR) for words in said)
            assert not await worker.advance(id_), "a loop of these would never end, and keep others from the job"
            assert (store.job(id_), store.renders(list(renders))) == (left, renders)
        lab.catalog = whole

    async def scenario() -> None:
        async with shop.process() as (store, session, _):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
        await without_it(id_)
        async with shop.process() as (store, _, worker):
            while not remote.creates:
                assert await worker.advance(id_)
        shop.clock.now += 60
        # Its render is left in the same way.
        await without_it(id_)
        remote.polls_needed = 0
        async with shop.process() as (store, _, worker):
            await shop.advance(store, worker, id_)

    asyncio.run(scenario())
    assert len(remote.creates) == 1
