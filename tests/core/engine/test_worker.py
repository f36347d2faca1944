"""Jobs carried on one by one with `advance`, by a program that has a queue of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reelwork.engine.worker import Worker
from reelwork.errors import StoreUnwritable
from reelwork.plugins.pipeline import freeze
from reelwork.settings.workflow import load
from reelwork.store.commands import Command, Confirm, NewJob
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, DONE, EffectRow, Lease, RenderRow, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.launch import launch_brief
from reelwork.studio.session import Session
from reelwork.testing.fake_remote import accepted_then_lost
from reelwork_hooks import Brief, Plugin, Receipt, hookimpl

MOST_TURNS = 100


class Passing:
    """A clock that stands still until it is put forward: nothing here waits for real."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shop:
    """One process after another, or beside another, on one store."""

    lab: Any
    clock: Passing

    @asynccontextmanager
    async def process(self, kind: type[SqliteStore] = SqliteStore) -> AsyncIterator[tuple[Store, Session, Worker]]:
        with closing(kind(self.lab.folder / "store.db", clock=self.clock)) as store:
            async with Session(store, self.lab.catalog, clock=self.clock) as session:
                yield store, session, session.worker()

    async def add(self, store: Store, session: Session, *prompts: str) -> list[str]:
        options = {**self.lab.workflow, "out": str(self.lab.folder / "out")}
        pipeline = session.build(load(environ={}, cwd=self.lab.folder, options=options))
        await store.add_run(RunRow("run", None, "w", freeze(pipeline), self.clock()))
        new: list[NewJob] = []
        for number, prompt in enumerate(prompts):
            launch = launch_brief(pipeline, Brief(prompt=prompt, duration=1, resolution="480p"), "run")
            new += [replace(job, key=f"{job.key}:{number}") for job in launch.jobs]
        await pipeline.close()
        return [row.id for row in await store.add_jobs("run", new)]


@pytest.fixture
def shop(lab: Any) -> Shop:
    return Shop(lab, Passing())


def publisher(posts: list[str]) -> type:
    class Publisher(Plugin):
        """Remembers what it posted."""

        public = False

        @hookimpl
        def publish(self, post: Any, job: Any, effect: Any) -> Receipt:
            posts.append(effect.key)
            return Receipt(id=f"post_{len(posts)}")

    return Publisher


async def advanced_to_its_end(shop: Shop, store: Store, worker: Worker, id_: str) -> None:
    for _ in range(MOST_TURNS):
        await worker.advance(id_)
        if store.counts() == {DONE: 1}:
            break
        due = await store.next_due(None)
        assert due is not None, [row.reason for row in store.jobs()]
        shop.clock.now = max(shop.clock.now, due) + 0.001
    assert store.counts() == {DONE: 1}


def test_two_processes_by_turns_bring_jobs_to_their_end_and_pay_once(shop: Shop, remote: Any) -> None:
    posts: list[str] = []
    shop.lab.add_plugin("wall", publisher(posts), "publish")
    remote.polls_needed = 2
    remote.faults = [accepted_then_lost]

    async def scenario() -> None:
        async with AsyncExitStack() as open_:
            store, session, one = await open_.enter_async_context(shop.process())
            _, _, two = await open_.enter_async_context(shop.process())
            ids = await shop.add(store, session, "A lighthouse at night", "A boat that comes home")
            for turn in range(MOST_TURNS):
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


def test_a_job_of_a_process_that_died_is_taken_over_and_nothing_is_paid_again(shop: Shop, remote: Any) -> None:
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
            await advanced_to_its_end(shop, store, worker, id_)

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


def test_a_store_that_cannot_be_read_for_a_moment_fails_no_job(shop: Shop, remote: Any) -> None:
    async def scenario() -> None:
        async with shop.process(Unreadable) as (store, session, worker):
            (id_,) = await shop.add(store, session, "A lighthouse at night")
            await advanced_to_its_end(shop, store, worker, id_)

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
