"""A studio with a clock that a test moves, and schedules in its store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from reelwork.plugins.catalog import Catalog
from reelwork.schedules import keeping
from reelwork.schedules.spec import Spec
from reelwork.store.commands import Intend, Send, SetJob
from reelwork.store.records import JobRow, Lease
from reelwork.store.schedules import SlotRow
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.firing.firer import Firer
from reelwork.studio.session import Session

T = TypeVar("T")
WORKFLOW = """
[brief]
prompt = "A lighthouse in the fog"
duration = 0.5
resolution = "480p"
"""
PAID = """
[provider]
use = "videos-api"
base_url = "http://127.0.0.1:9"
price_per_second = "0.10"

[brief]
prompt = "A lighthouse in the fog"
duration = 4
"""


class Place:
    """Schedules of one store, at a time that is moved by hand. No time passes by itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = self.at("2026-11-30T08:00")
        self.store = SqliteStore(folder / "store.db", clock=lambda: self.now)
        self.file = folder / "flow.toml"
        self.file.write_text(WORKFLOW, encoding="utf-8")

    def at(self, text: str, zone: str = "UTC") -> float:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()

    def run(self, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
        async def within() -> T:
            async with Session(self.store, Catalog(), clock=lambda: self.now) as session:
                return await work(session)

        return asyncio.run(within())

    def spec(self, **values: Any) -> Spec:
        given = {"cron": "0 * * * *"} if not {"cron", "every", "at", "publish"} & values.keys() else {}
        file = str(values.pop("file", self.file))
        return Spec(file, folder=str(self.folder), anchor=self.now, **given, **values).checked(self.now)

    def add(self, name: str = "hourly", *, today: bool = False, **values: Any) -> tuple[str, ...]:
        """Add or change a schedule now; returns the notes."""
        return asyncio.run(keeping.add(self.store, name, self.spec(**values), self.now, today=today)).notes

    def looks(self, when: str | float, name: str = "hourly", *, settled: bool = True) -> list[SlotRow]:
        """Let a server look at a time. Before that, what was fired has ended, unless `settled` is false."""
        if settled:
            self.ends()
        self.now = self.at(when) if isinstance(when, str) else when
        return self.run(lambda session: Firer(session).look(name, self.now))

    def ends(self, status: str = "done") -> None:
        """Bring every active job to an end."""

        async def end() -> None:
            for row in self.store.jobs(statuses=("active",)):
                await self.store.decide(row.id, SetJob(status, row.step, None))

        asyncio.run(end())

    def sends(self, kind: str, *changes: Any) -> None:
        """Let the one active job send something that costs $0.40 if it is a render, and end as failed."""

        async def work() -> None:
            (row,) = self.store.jobs(statuses=("active",))
            await self.store.watch("scope", [row.id])
            (claimed,) = await self.store.claim_jobs("me", 600.0, 1, "scope")
            lease = Lease(claimed.id, claimed.fence, "me")
            intent = Intend("effect", kind, "there", "account", reserve=400_000 if kind == "submit" else None)
            await self.store.apply(lease, [intent, Send("effect", "account"), *changes])
            await self.store.apply(lease, [SetJob("failed", claimed.step, None, release=True)])

        asyncio.run(work())

    def told(self, name: str = "hourly") -> dict[str, str]:
        """What became of each slot, by its key."""
        return {slot.key: str(slot.state) for slot in reversed(self.store.slots(name))}

    def why(self, key: str, name: str = "hourly") -> str:
        return next(slot.reason for slot in self.store.slots(name) if slot.key == key)

    def jobs(self) -> Sequence[JobRow]:
        return self.store.jobs()[::-1]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    made = Place(tmp_path)
    yield made
    made.store.close()
