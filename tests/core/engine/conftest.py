"""A studio whose provider talks to a fake remote, with a real, playable clip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from reelwork.engine.worker import Worker
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.freezing import freeze
from reelwork.settings.workflow import load
from reelwork.store.commands import NewJob
from reelwork.store.protocol import Store
from reelwork.store.records import DONE, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.launch import launch_brief
from reelwork.studio.session import Session
from reelwork.studio.studio import Studio
from reelwork.testing import FakeRemote, register, write_video
from reelwork_hooks import Brief

MOST_TURNS = 100


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of 854x480 H.264, as the workflow below asks for."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", width=854, height=480)


@pytest.fixture
def remote(clip_file: Path) -> FakeRemote:
    return FakeRemote(clip_file)


class Lab:
    """Makes studios on one store, as one process after another would."""

    def __init__(self, folder: Path, remote: FakeRemote) -> None:
        self.folder = folder
        self.remote = remote
        self.catalog = Catalog()
        register(self.catalog, remote)
        self.workflow: dict[str, Any] = {
            "provider": {"use": "fake", "poll_interval": 0.01, "gone_after": 0},
            "plugins": {"pre_moderate": [], "prompt_transform": [], "post_download": [], "publish": []},
            "brief": {"duration": 1, "resolution": "480p"},
        }
        self._open: list[Studio] = []

    def studio(self, **options: Any) -> Studio:
        studio = Studio(
            self.workflow,
            store=self.folder / "store.db",
            out=self.folder / "out",
            catalog=self.catalog,
            **options,
        )
        self._open.append(studio)
        return studio

    def add_plugin(self, name: str, plugin: type, *hooks: str) -> None:
        self.catalog.add(name, plugin)
        for hook in hooks:
            self.workflow["plugins"][hook] = [*self.workflow["plugins"][hook], name]

    def control(self) -> None:
        """Make one that is answered and listed: without such ones nothing that is missing is believed to be."""
        faults, self.remote.faults = self.remote.faults, []
        listing, self.remote.listing = self.remote.listing, "complete"
        (job,) = self.studio().run_sync("A lighthouse in the rain at night, and a boat that comes home").jobs
        assert job.status == "done"
        self.remote.faults, self.remote.listing = faults, listing

    def close(self) -> None:
        for studio in self._open:
            studio.close()


@pytest.fixture
def lab(tmp_path: Path, remote: FakeRemote) -> Iterator[Lab]:
    made = Lab(tmp_path, remote)
    yield made
    made.close()


class Passing:
    """A clock that stands still until it is put forward: nothing here waits for real."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shop:
    """One process after another, or beside another, on one store."""

    lab: Lab
    clock: Passing = field(default_factory=Passing)

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

    async def advance(self, store: Store, worker: Worker, id_: str) -> None:
        """Bring the store's one job to its end."""
        for _ in range(MOST_TURNS):
            await worker.advance(id_)
            if store.counts() == {DONE: 1}:
                break
            due = await store.next_due(None)
            assert due is not None, [row.reason for row in store.jobs()]
            self.clock.now = max(self.clock.now, due) + 0.001
        assert store.counts() == {DONE: 1}

    def dies_and_is_followed(self, kind: type[SqliteStore], killed: type[BaseException], prompt: str) -> str:
        """Run a job in a process that ends itself, and to its end in the next one; return its id."""

        async def first() -> str:
            async with self.process(kind) as (store, session, worker):
                (id_,) = await self.add(store, session, prompt)
                with suppress(killed):
                    await self.advance(store, worker, id_)
                return id_

        async def second(id_: str) -> None:
            async with self.process() as (store, _, worker):
                # A lease of a process that ended without a word runs out.
                self.clock.now += 120
                await self.advance(store, worker, id_)

        async def both() -> str:
            id_ = await first()
            await second(id_)
            return id_

        return asyncio.run(both())


@pytest.fixture
def shop(lab: Lab) -> Shop:
    return Shop(lab)


@pytest.fixture
def crash() -> Callable[..., type[BaseException]]:
    """An exception no handler of ours catches: what a killed process looks like from inside."""

    class Killed(BaseException):
        """The process is gone."""

    return lambda: Killed
