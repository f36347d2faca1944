"""A process of the liar's world: the real engine, ledger, store, client and plugin, which can be killed.

It is killed as a process is: what it was about to do is never done, its connections are gone, and the operating
system lets go of its lock file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from liar_loop import MEMBER
from liar_net import TAG
from liar_publishers import WALLS, Quick
from liar_services import SERVICES
from soak_process import CLIP, store_at

from reelwork.engine.loop import Engine
from reelwork.engine.stages.step import Working
from reelwork.ledger import Ledger
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.context import PluginContext
from reelwork.settings.workflow import Loaded
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.session import Session
from reelwork_hooks import Effect, Provider, RenderRequest, Source, Submitted, hookimpl
from reelwork_hooks.models import Clip
from reelwork_plugins.providers.videos_api.provider import VideosApi

MOST_CANCELS = 200
FILM = "clip.mp4"
"""The file of every video, beside the store."""


class Marked(VideosApi):
    """The real plugin; the judge sees which effect each create belongs to."""

    async def submit(self, request: RenderRequest, effect: Effect) -> Submitted:
        token = TAG.set(effect.key)
        try:
            return await super().submit(request, effect)
        finally:
            TAG.reset(token)


@cache
def catalog(kind: type[Provider] = Marked) -> Catalog:
    """What the workflows of the world name."""

    played = {one.plugin: one.kind for one in SERVICES.values()}

    class Brings:
        @staticmethod
        @hookimpl
        def register_providers() -> dict[str, type[Provider]]:
            real = {f"marked-{name}": one for name, one in played.items() if issubclass(one, Provider)}
            return {"liar": kind, "quick": Quick, **real}

    found = Catalog()
    found.add("liar", Brings)
    for name, wall in WALLS.items():
        found.add(f"wall-{name}", wall)
    for name, one in played.items():
        if not issubclass(one, Provider):
            found.add(name, one)
    return found


class WorldClock:
    """The machine's clocks: true time, what the machine believes, and the time since it started."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: float) -> None:
        self._loop, self._start, self._calls = loop, start, 0
        self.skew = 0.0
        self._booted, self._boots = 0.0, 1

    def true(self) -> float:
        """Seconds since 1970, as everybody else has it."""
        return self._start + self._loop.time()

    def __call__(self) -> float:
        """What the machine believes. Strictly rising, as real time is between two statements."""
        self._calls += 1
        return self.true() + self.skew + self._calls * 1e-6

    def steady(self) -> float:
        """Seconds since the machine started. Strictly rising as well: what is left of a wait comes to an end."""
        self._calls += 1
        return self._loop.time() - self._booted + self._calls * 1e-6

    def boot(self) -> str:
        return f"boot-{self._boots}"

    def reboot(self) -> None:
        self._booted, self._boots = self._loop.time(), self._boots + 1


class WorldSession(Session):
    """A session in virtual time, that downloads nothing."""

    def _context(self, name: str, loaded: Loaded) -> PluginContext:
        context = super()._context(name, loaded)
        context._clock = lambda: datetime.fromtimestamp(self._clock(), UTC)
        return context

    async def _download(self, work: Working, source: Source) -> Clip:
        # Videos of another length are others, so that posts with the same caption are not the same post.
        seconds = int(work.job.spec.duration or 0)
        assert isinstance(self.store, SqliteStore)
        film = self.store.path.with_name(FILM)
        made = {"sha256": f"{seconds:064}", "path": film, "bytes": film.stat().st_size}
        return Clip(video=CLIP.model_copy(update=made))


class LiarProcess:
    """Drives the jobs of a store until it is killed."""

    def __init__(
        self,
        path: Path,
        clock: WorldClock,
        *,
        ledger: type[Ledger] = Ledger,
        store: type[SqliteStore] = SqliteStore,
        provider: type[Provider] = Marked,
    ) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.dead = False
        self.awake = asyncio.Event()
        self.awake.set()
        self._strike: tuple[str, int, Callable[[], None]] | None = None
        self.store = store_at(path, clock, self, store)  # type: ignore[arg-type]
        self.session = WorldSession(self.store, catalog(provider), clock=clock)
        self.engine: Engine = self.session.engine(None, ())
        if ledger is not Ledger:
            mended: Any = self.engine.steps
            mended.ledger = ledger(self.store, mended.ledger.owner, clock)

    @property
    def paused(self) -> bool:
        return not self.awake.is_set()

    def strike(self, point: str, number: int, how: str) -> None:
        """Die or stop when it reaches this point for the `number`-th time from now."""
        self._strike = (point, number, self._die if how == "dies" else self.awake.clear)

    async def reach(self, point: str) -> None:
        """Where the world may end."""
        if self._strike is not None and self._strike[0] == point:
            _, number, act = self._strike
            self._strike = None if number <= 1 else (point, number - 1, act)
            if number <= 1:
                act()
        while self.dead or not self.awake.is_set():
            await (asyncio.Event().wait() if self.dead else self.awake.wait())

    def _die(self) -> None:
        self.dead = True

    def start(self) -> None:
        """Begin to drive."""
        token = MEMBER.set(self)
        self._drive = asyncio.get_running_loop().create_task(self.engine.drive())
        MEMBER.reset(token)

    def check(self) -> None:
        """Raise what ended the drive."""
        if self._drive.done() and not self.dead:
            self._drive.result()

    async def bury(self) -> None:
        """Nothing of it runs on: its tasks end where they are, without another act."""
        self.dead = True
        for _ in range(MOST_CANCELS):
            waiting = list(self.tasks)
            if not waiting:
                break
            for task in waiting:
                task.cancel()
            await asyncio.sleep(0)
        assert not self.tasks, "a killed process runs on"
        self.store._db.close()
        self.session._owner._file.close()  # type: ignore[union-attr]
