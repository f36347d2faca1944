"""The month in virtual time: the studio's process, which dies and comes back, and the events of the story."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpcore
import pytest
from liar_loop import MEMBER, VirtualLoop
from liar_net import MemoryNet
from liar_process import LiarProcess, WorldClock, WorldSession
from month_sides import Sides, marked_catalog
from month_story import BEGUN, EVENTS, SCHEDULES, SETTINGS, START, TOKEN_ENDS, WEEK, Event
from soak_process import store_at

import reelwork.engine.loop
import reelwork.store.sqlite.evidence as evidence
from reelwork.clock import Clock, Timeline
from reelwork.credentials.accounts import Accounts
from reelwork.engine import timing
from reelwork.errors import StoreUnwritable
from reelwork.schedules import keeping
from reelwork.schedules.as_json import there, upcoming
from reelwork.server.notices import Notices
from reelwork.server.recipients import Recipient
from reelwork.store.sqlite.clock_steps import Timekeeper
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.firing.adding import spec_of_file
from reelwork.studio.firing.runner import Runner
from reelwork.studio.session import Session
from reelwork.testing.clips import write_video

LONGEST_LOOK = 600.0
"""Seconds between two looks of the schedules, beside their own times."""
NOTICES = 1800.0
"""Seconds between two looks at what needs people."""
RESTARTED = 600.0
"""Seconds after which a service manager starts a process again that has ended."""
IDLE = 300.0
"""Seconds between two looks of an engine that has nothing to do."""
MOST_PAGES = 1_000_000
STORE = "store.db"
WEEKS = 4


class MonthSession(WorldSession):
    """A session in virtual time; its downloads are real."""

    _download = Session._download  # type: ignore[assignment]


class Machine(LiarProcess):
    """`reelwork serve` without its doors: the engine, the schedules and the notices on one store."""

    def __init__(self, folder: Path, clock: WorldClock, told: Callable[[str], None], *, full: bool) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.dead = False
        self.awake = asyncio.Event()
        self.awake.set()
        self._strike = None
        self.time = Timeline(Clock(clock, clock.steady, clock.boot))
        self.store = timed_store(folder / STORE, self.time, self)
        self.fill(full=full)
        self.session = MonthSession(self.store, marked_catalog(), clock=self.time)
        self.engine = self.session.engine(None, ())
        self.runner = Runner(self.session, clock=self.time)
        self._notices = Notices(
            self.store,
            [Recipient(_into(told, self.time))],
            "http://studio.example",
            accounts=Accounts(),
            clock=self.time,
        )
        self._work: list[asyncio.Task[None]] = []

    def fill(self, *, full: bool) -> None:
        """Let SQLite get no further page, as on a full disk, or let it have them again."""
        connection = self.store._db._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages if full else MOST_PAGES}")

    def start(self) -> None:
        """Begin to work."""
        token = MEMBER.set(self)
        loop = asyncio.get_running_loop()
        self._work = [loop.create_task(one) for one in (self.engine.drive(), self._fire(), self._tell())]
        MEMBER.reset(token)

    @property
    def failure(self) -> BaseException | None:
        """What has ended it."""
        ended = (one for one in self._work if one.done() and not one.cancelled())
        return next((error for one in ended if (error := one.exception()) is not None), None)

    async def _fire(self) -> None:
        # The runner's own loop is woken by APScheduler, which reads the real clock.
        while True:
            await self.runner.look()
            now = self.time.clock.wall()
            due = [at for one in there(self.store.schedules()) for _, at in upcoming(one, now, 1)]
            await asyncio.sleep(min([LONGEST_LOOK, *(max(when - now, 0.0) + 0.01 for when in due)]))

    async def _tell(self) -> None:
        while True:
            await self._notices.look()
            await asyncio.sleep(NOTICES)

    async def stop(self) -> None:
        """End in good order, as on SIGTERM."""
        # The engine first: what is under way is finished, and its outcome is written down.
        drive, *others = self._work
        self.engine.stop()
        for one in others:
            one.cancel()
        await asyncio.gather(drive, *others, return_exceptions=True)
        await self.runner.close_pings(0)
        await self.session.__aexit__()
        self.store.close()


def timed_store(path: Path, clock: Timeline, process: Any = None) -> SqliteStore:
    """A store whose changes happen at once, and that sees the clock being set."""
    store: SqliteStore = store_at(path, clock, process)  # type: ignore[arg-type]
    store._timekeeper = store._db._timekeeper = Timekeeper(clock)
    return store


def _into(told: Callable[[str], None], clock: Callable[[], float]) -> Callable[[str, str], bool]:
    # The first line alone: the rest is the address.
    def send(title: str, text: str) -> bool:
        told(f"{datetime.fromtimestamp(clock(), UTC):%a %d %H:%M}  {title}: {text.splitlines()[0]}")
        return True

    return send


@dataclass(frozen=True)
class Left:
    """What the reader has left in the folder when a week begins."""

    rows: int
    ceiling: float
    """US dollars that bolt may spend in the month."""
    paused: frozenset[str]
    signed_in: bool
    """True once somebody has signed in to the channel again."""


class Month:
    """Everything of one month, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = VirtualLoop()
        self.clock = WorldClock(self.loop, BEGUN - self.loop.time())
        folder.mkdir(parents=True, exist_ok=True)
        self.sides = Sides.of(self.clock.true, _films(folder), folder / "accounts.json")
        self.sides.sign_in(TOKEN_ENDS)
        self.machine: Machine | None = None
        self.on, self.full = True, False
        self.notices: list[str] = []
        self.left: list[Left] = []
        """By week."""
        self.died: list[str] = []
        """What has ended processes that were not killed."""
        (folder / "reelwork.toml").write_text(SETTINGS, encoding="utf-8")
        MemoryNet.net = self.sides.net

    def begin(self) -> None:
        """Add the seven schedules."""
        store = SqliteStore(self.folder / STORE, clock=self.clock)
        for one in SCHEDULES:
            file, flow = one.write(self.folder)
            now = self.clock()
            spec = spec_of_file(self.folder, file, flow, one.rule, now, zone="UTC")
            asyncio.run(keeping.add(store, one.name, spec, now))
        store.close()

    def play(self, week: int) -> None:
        """Play one week; the studio's process stops in good order at its end."""
        self.left.append(self._now_left())
        self.loop.run_until_complete(self._play(START + week * WEEK, START + (week + 1) * WEEK))

    def _now_left(self) -> Left:
        with contextlib.closing(SqliteStore(self.folder / STORE, clock=self.clock)) as store:
            paused = (one.name for one in there(store.schedules()) if one.paused_at(self.clock()))
            settings = tomllib.loads((self.folder / "reelwork.toml").read_text(encoding="utf-8"))
            lines = (self.folder / "ideas.csv").read_text(encoding="utf-8").split("\n")
            rows = len([line for line in lines[1:] if line.strip()])
            ceiling = float(settings["brands"]["bolt"]["per_month"])
            return Left(rows, ceiling, frozenset(paused), self.sides.signed_in > 1)

    async def _play(self, begins: float, ends: float) -> None:
        for event in (one for one in EVENTS if begins <= one.at < ends):
            await self._until(event.at)
            await self._happens(event)
        await self._until(ends)
        if self.machine is not None:
            await self.machine.stop()
            self.machine = None

    async def _until(self, moment: float) -> None:
        """Let time pass, and start the process again where it has ended."""
        while self.clock.true() < moment:
            await self._attend()
            await asyncio.sleep(max(min(moment - self.clock.true(), RESTARTED), 0.001))
        await self._attend()

    async def _attend(self) -> None:
        failure = None if self.machine is None else self.machine.failure
        if failure is not None:
            # Only a store that cannot be written may end the process: all else is a fault.
            if not isinstance(failure, StoreUnwritable):
                raise failure
            self.died.append(str(failure))
            await self._kill()
        if self.machine is None and self.on:
            try:
                self.machine = Machine(self.folder, self.clock, self.notices.append, full=self.full)
            except StoreUnwritable as error:
                self.died.append(str(error))
                return
            self.machine.start()

    async def _kill(self) -> None:
        if self.machine is not None:
            await self.machine.bury()
        self.machine = None

    async def _happens(self, event: Event) -> None:
        match event.name:
            case "an answer is lost":
                self.sides.lose_next_answer()
            case "the provider is down" | "the provider is back":
                self.sides.provider_is(up=event.name.endswith("back"))
            case "the token ends":
                self.sides.token_ends()
            case "the machine dies":
                self.on = False
                await self._kill()
            case "the machine is back":
                # Its boot clock begins again: what waited by it cannot be measured any more.
                self.on = True
                self.clock.reboot()
            case "the clock is set":
                self.clock.skew = event.value
            case "the disk is full" | "the disk has room":
                self.full = event.name.endswith("full")
                if self.machine is not None:
                    self.machine.fill(full=self.full)
            case _:
                raise AssertionError(event.name)

    def close(self) -> None:
        """End what runs."""
        if self.machine is not None:
            self.loop.run_until_complete(self._kill())
        self.loop.close()


def _films(folder: Path) -> dict[float, bytes]:
    """Return a video of each length that the month asks for."""
    lengths = {float(one.seconds) for one in SCHEDULES}
    into = folder / "films"
    into.mkdir(exist_ok=True)
    return {
        seconds: write_video(into / f"{seconds:g}.mp4", seconds=seconds, width=854, height=480, fps=6).read_bytes()
        for seconds in sorted(lengths)
    }


async def _at_once(work: Callable[..., Any], *args: Any, **_: Any) -> Any:
    return work(*args)


@contextlib.contextmanager
def in_the_month(folder: Path) -> Iterator[None]:
    """Connections lead into the month for as long as this lasts, and everything is read from its folder."""
    before, cwd = reelwork.engine.loop.LONGEST_SLEEP, Path.cwd()
    reelwork.engine.loop.LONGEST_SLEEP = IDLE
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with pytest.MonkeyPatch.context() as patch:
            # Only what opens sockets, and what waits for threads, is replaced: all above is the real thing.
            patch.setattr(httpcore, "AnyIOBackend", MemoryNet)
            patch.setattr(anyio.to_thread, "run_sync", _at_once)
            patch.setattr(evidence, "TRYING", 5.0)
            # A sign of life each quarter of an hour: one each quarter of a minute would be most of the work.
            patch.setattr(timing, "LEASE", 3600.0)
            patch.setenv("NO_PROXY", "*")
            patch.setenv("REELWORK_ACCOUNTS", str(folder / "accounts.json"))
            os.chdir(folder)
            yield
    finally:
        os.chdir(cwd)
        reelwork.engine.loop.LONGEST_SLEEP = before
        for name in ("studio-video", "mastodon", "youtube"):
            logging.getLogger(f"reelwork.plugin.{name}").filters.clear()
