"""The liar's world in virtual time: servers, processes on one store, and a history that is played to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpcore
import pytest
from liar_history import CONTROLS, PROMPTS, Event, History, Launch, Step, Strike, Work
from liar_loop import VirtualLoop
from liar_net import MemoryNet, Net
from liar_process import FILM, LiarProcess, Marked, WorldClock, WorldSession, catalog
from liar_publishers import WALLS
from liar_server import LiarServer
from liar_services import SERVICES, TOKEN, Service
from liar_speech import Speech
from liar_traits import SETTLE, Lie, Personality
from liar_youtube import ACCOUNT
from soak_process import store_at

import reelwork.engine.loop
import reelwork.store.sqlite.evidence as evidence
from reelwork.files import write_private
from reelwork.ids import new_id
from reelwork.ledger import Ledger
from reelwork.plugins.freezing import freeze, thaw
from reelwork.settings.workflow import load, relaid
from reelwork.store.records import ACTIVE, DONE, FAILED, HELD, PAID_AGAIN, JobRow, RunRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.statuses import CLOSED
from reelwork.studio.launch import launch_brief
from reelwork_hooks import Brief, Provider

START = 1_795_860_000.0
PORT, OTHER_PORT = 9000, 9001
LONGEST_END = 400.0
"""Seconds a world is given to come to rest at its end."""
HONOURS_KEYS = Personality((Lie("keys", "honoured for 48 h"),))
"""The other server, to which settings may be edited: what a person declared of the first holds for it too."""
IDLE = 60.0
"""Seconds between two looks of an engine that has nothing to do and is told of nothing."""
SETTINGS: dict[str, dict[str, Any]] = {
    "sora": {},
    "sora as main": {"account": "main"},
    "vllm-omni": {"dialect": "vllm-omni"},
    "litellm": {"dialect": "litellm"},
    "sora with a key": {"idempotency_header": "Idempotency-Key"},
}
EDITS: dict[str, dict[str, Any]] = {
    "key": {"idempotency_header": "Idempotency-Key"},
    "server": {"base_url": f"http://127.0.0.1:{OTHER_PORT}"},
    "dialect": {"dialect": "vllm-omni"},
    "model": {"model": "m2"},
    "account": {"account": "another"},
}


@dataclass(frozen=True)
class Parts:
    """What the processes are made of; mistakes built in on purpose replace one."""

    ledger: type[Ledger] = Ledger
    store: type[SqliteStore] = SqliteStore
    provider: type[Provider] = Marked


class World:
    """Everything of one history."""

    def __init__(self, history: History, folder: Path, loop: asyncio.AbstractEventLoop, parts: Parts) -> None:
        self.history, self.folder, self.parts = history, folder, parts
        self.clock = WorldClock(loop, START)
        self.service = SERVICES.get(history.connection)
        speech = self.service.speech if self.service else Speech
        self.servers = (LiarServer(history.who, speech()), LiarServer(HONOURS_KEYS, speech()))
        (folder / FILM).write_bytes(bytes(64))
        write_private(folder / "accounts.json", ACCOUNT)
        self.net = Net(self.clock.true, dict(zip((PORT, OTHER_PORT), self.servers, strict=True)))
        self.desk = store_at(folder / "store.db", self.clock)  # pyright: ignore[reportArgumentType]
        self.processes: dict[int, LiarProcess] = {}
        self.identity: dict[str, tuple[Any, ...]] = {}
        """By job: equal for jobs whose requests cannot be told apart."""

    async def play(self) -> None:
        """From the controls to the end."""
        if self.history.warm:
            await self._launch(Launch(tuple(range(-self.history.warm, 0)), self.history.duration, 1, ()))
            await self._work(0, 60.0)
        for step in self.history.steps:
            if self.net.over:
                return
            await self._step(step)
        await self._end()

    async def _step(self, step: Step) -> None:
        match step:
            case Launch():
                await self._launch(step)
            case Work(number, seconds):
                await self._work(number, seconds)
            case Strike(number, point, nth, how):
                self._process(number).strike(point, nth, how)
                await self._work(number, 5.0)
            case Event():
                await self._event(step)
        await self._bury_dead()

    async def _event(self, event: Event) -> None:
        match event.name:
            case "kill":
                await self._kill(event.value)
            case "clock":
                self.clock.skew += event.value
            case "reboot":
                for number in list(self.processes):
                    await self._kill(number)
                self.clock.reboot()
            case "restart":
                self.servers[0].restart()
            case "down" | "up":
                self.net.down = event.name == "down"
            case "resume":
                await self._resume()
            case "edit":
                await self._edit(event.value)

    # --- work --------------------------------------------------------------------------------------------

    async def _launch(self, launch: Launch) -> None:
        self.net.fates.extend(launch.fates)
        loaded = load(environ={}, cwd=self.folder, options=self._settings())
        pipeline = WorldSession(self.desk, catalog(self.parts.provider), clock=self.clock).build(loaded)
        for number in launch.prompts:
            prompt = PROMPTS[number] if number >= 0 else CONTROLS[number]
            run_id = new_id()
            brief = Brief(
                prompt=prompt, caption=prompt, duration=launch.duration, takes=launch.takes, publish_takes="all"
            )
            jobs = launch_brief(pipeline, brief, run_id).jobs
            await self.desk.add_run(RunRow(run_id, None, "liar", freeze(pipeline), self.clock()))
            for row in await self.desk.add_jobs(run_id, jobs):
                alone = self.service is not None and self.service.knows_ours
                self.identity[row.id] = (row.id,) if alone else (prompt, launch.duration)

    def _settings(self) -> dict[str, Any]:
        lists: dict[str, list[str]] = {
            hook: [] for hook in ("pre_moderate", "prompt_transform", "post_download", "publish")
        }
        kind, address = self.history.connection, f"http://127.0.0.1:{PORT}"
        if self.service is not None:
            return self._with_service(self.service, lists, address)
        if kind in WALLS:
            return {
                "provider": {"use": "quick", "poll_interval": 1},
                "plugins": {**lists, "publish": [f"wall-{kind}"]},
                "plugin": {f"wall-{kind}": {"base_url": address}},
            }
        settings = {
            "use": "liar", "base_url": address, "model": "m1", "price_per_second": 0.1, "settle_seconds": SETTLE,
            "poll_interval": 15, "submit_timeout": 90, **SETTINGS[kind],
        }  # fmt: skip
        return {"provider": settings, "plugins": lists}

    def _with_service(self, service: Service, lists: dict[str, list[str]], address: str) -> dict[str, Any]:
        told = service.workflow(address)
        if service.renders:
            provider = {"use": f"marked-{service.plugin}", "poll_interval": 15, **told["provider"]}
            return {"provider": provider, "plugins": lists}
        publish = {"plugins": {**lists, "publish": [service.plugin]}}
        return {"provider": {"use": "quick", "poll_interval": 1}, **publish, **told}

    def _process(self, number: int) -> LiarProcess:
        found = self.processes.get(number)
        if found is None:
            found = LiarProcess(
                self.folder / "store.db",
                self.clock,
                ledger=self.parts.ledger,
                store=self.parts.store,
                provider=self.parts.provider,
            )
            found.start()
            self.processes[number] = found
        return found

    async def _work(self, number: int, seconds: float) -> None:
        working = self._process(number)
        working.awake.set()
        working.engine._wake.set()
        await asyncio.sleep(seconds)
        for one in self.processes.values():
            one.check()

    async def _kill(self, number: int) -> None:
        found = self.processes.pop(number, None)
        if found is not None:
            await found.bury()

    async def _bury_dead(self) -> None:
        for number in [number for number, one in self.processes.items() if one.dead]:
            await self._kill(number)

    async def _resume(self) -> None:
        rows = [row for row in self.desk.jobs(statuses=(FAILED, HELD)) if row.step != PAID_AGAIN]
        await self.desk.wake([row.id for row in rows], (FAILED, HELD))

    async def _edit(self, what: str) -> None:
        """`reelwork resume --set` for everything that is not done."""
        kind = self.history.connection
        settings: dict[str, Any] = {"provider": EDITS[what]}
        if self.service is not None:
            settings = self.service.edit(what, f"http://127.0.0.1:{OTHER_PORT}")
        elif kind in WALLS:
            settings = {"plugin": {f"wall-{kind}": EDITS["server"]}}
        rows = [row for row in self.desk.jobs() if row.status not in (DONE, *CLOSED)]
        session = WorldSession(self.desk, catalog(self.parts.provider), clock=self.clock)
        for run_id in dict.fromkeys(row.run_id for row in rows):
            pipeline = session.build(relaid(thaw(self.desk.run(run_id).frozen), settings))
            fresh = new_id()
            await self.desk.add_run(RunRow(fresh, None, "liar", freeze(pipeline), self.clock()))
            await self.desk.adopt(fresh, [row.id for row in rows if row.run_id == run_id])
        await self._resume()

    # --- the end -----------------------------------------------------------------------------------------

    async def _end(self) -> None:
        self.net.down = False
        for one in self.processes.values():
            one.awake.set()
        await self._bury_dead()
        await self._run_to_rest()
        for _ in range(2):
            known = self._done()
            await self._resume()
            await self._run_to_rest()
            if self._done() == known:
                # Nothing became known that could show more of the others.
                return

    def _done(self) -> int:
        return len(self.desk.jobs(statuses=(DONE,)))

    async def _run_to_rest(self) -> None:
        self._process(0)
        passed = 0.0
        while passed < LONGEST_END and self.active() and not self.net.over:
            await self._work(0, 20.0)
            await self._bury_dead()
            passed += 20.0

    def active(self) -> list[JobRow]:
        """Jobs on their way."""
        return list(self.desk.jobs(statuses=(ACTIVE,)))

    async def close(self) -> None:
        """End all processes."""
        for number in list(self.processes):
            await self._kill(number)
        self.desk._db.close()


@contextlib.contextmanager
def network(folder: Path) -> Iterator[None]:
    """Connections lead into the world for as long as this lasts."""
    before = reelwork.engine.loop.LONGEST_SLEEP
    reelwork.engine.loop.LONGEST_SLEEP = IDLE
    try:
        # Only what opens sockets is replaced: everything above it is the real thing.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(httpcore, "AnyIOBackend", MemoryNet)
            # Whoever waits for the first request to a place asks seldom: a sender may be paused for minutes.
            patch.setattr(evidence, "TRYING", 5.0)
            patch.setenv("NO_PROXY", "*")
            patch.setenv("REELWORK_ACCOUNTS", str(folder / "accounts.json"))
            patch.setenv(TOKEN, "token-of-the-liar")
            yield
    finally:
        reelwork.engine.loop.LONGEST_SLEEP = before
        # Each session leaves a filter at its plugins' loggers: with thousands of worlds that would add up.
        for name in ("liar", "quick", *(f"wall-{kind}" for kind in WALLS)):
            logging.getLogger(f"reelwork.plugin.{name}").filters.clear()


@contextlib.contextmanager
def played(history: History, parts: Parts | None = None) -> Iterator[World]:
    """The world after its history."""
    fast = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="reelwork-liar-", dir=fast if fast.is_dir() else None))
    loop = VirtualLoop()
    try:
        with network(folder):
            world = World(history, folder, loop, parts or Parts())
            MemoryNet.net = world.net
            try:
                loop.run_until_complete(world.play())
                yield world
            finally:
                loop.run_until_complete(world.close())
    finally:
        loop.close()
        shutil.rmtree(folder, ignore_errors=True)
