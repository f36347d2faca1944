"""Stores with real data in them: one an earlier version left, and one filled as the engine fills it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from reelwork.store.commands import (
    AddRender,
    Command,
    Confirm,
    Doubt,
    Intend,
    NewJob,
    RenderUpdate,
    Send,
    SetJob,
    SettleMoney,
    Tell,
)
from reelwork.store.records import ACTIVE, DONE, Lease, RunRow
from reelwork.store.sqlite.store import SqliteStore

HERE = Path(__file__).parent
NOVEMBER = 1_794_000_000.0
"""7 November 2026."""
DAY = 86_400.0


@pytest.fixture
def store_of_version(tmp_path: Path) -> Callable[[int], Path]:
    """A store file as a version left it."""

    def make(version: int) -> Path:
        path = tmp_path / f"version-{version}.db"
        db = sqlite3.connect(path)
        db.executescript((HERE / f"version_{version}.sql").read_text(encoding="utf-8"))
        db.close()
        return path

    return make


class Shop:
    """A store whose jobs are brought where a test needs them, by the same commands the engine gives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOVEMBER
        self.store = SqliteStore(path, clock=lambda: self.now)
        self._number = 0

    @property
    def files(self) -> Path:
        return self.path.with_name(self.path.name + ".files")

    def job(self, key: str = "", *, run: str = "run", data: Any = None) -> str:
        """Add a job; returns its id."""
        self._number += 1
        id_ = f"job-{self._number:012d}"
        text = json.dumps(data if data is not None else {"clip": None})

        async def add() -> None:
            if self.store.run(run) is None:
                await self.store.add_run(RunRow(run, None, f"flow of {run}", '{"frozen": true}', self.now))
            await self.store.add_jobs(run, [NewJob(id_, key or f"key of {id_}", "moderate-brief", text)])

        asyncio.run(add())
        return id_

    def does(self, job: str, *commands: Command, owner: str = "me") -> None:
        """Apply commands to a job as an engine that has just taken it."""

        async def apply() -> None:
            rows = await self.store.claim_jobs(owner, 60, 10_000, None)
            for row in rows:
                lease = Lease(row.id, row.fence, owner)
                if row.id == job:
                    await self.store.apply(lease, commands)
                else:
                    await self.store.let_go(lease, -1)

        asyncio.run(apply())

    def submit(self, job: str, price: int | None = 100) -> list[Command]:
        """Ask for a render."""
        key = f"reelwork-{job}-render-1"
        return [Intend(key, "submit", "fake", "account", "alike", reserve=price), Send(key, "account")]

    def accepted(self, job: str, remote_id: str = "") -> list[Command]:
        """The render was accepted and is waited for."""
        remote_id = remote_id or f"remote-{job}"
        key, now = f"reelwork-{job}-render-1", self.now
        render = AddRender(f"render-{job}", "fake", "account", remote_id, "{}", "{}", now, now + 600)
        return [
            Confirm(key, remote_id, "{}"),
            render,
            Tell("submitted", {"remote_id": remote_id}),
            SetJob(ACTIVE, "render", None, render_id=render.id),
        ]

    def rendered(self, job: str) -> None:
        """The provider has made it."""

        async def look() -> None:
            rows = await self.store.claim_renders("looker", 60, 10_000, None)
            ends = [RenderUpdate(row.id, row.fence, None, "completed") for row in rows if row.job_id == job]
            rest = [RenderUpdate(row.id, row.fence, self.now, "queued") for row in rows if row.job_id != job]
            await self.store.update_renders("looker", [*ends, *rest])

        asyncio.run(look())

    def done(self, key: str = "", *, charged: int = 100, remote_id: str = "", **options: Any) -> str:
        """A job that was rendered, paid, posted and is done; returns its id."""
        job = self.job(key, **options)
        self.does(job, *self.submit(job), *self.accepted(job, remote_id))
        self.rendered(job)
        self.does(job, SettleMoney(f"reelwork-{job}-render-1", charged), *self.posted(job), self.ended(DONE))
        return job

    def posted(self, job: str) -> Sequence[Command]:
        """A post that was made."""
        key = f"reelwork-{job}-post-gallery"
        return (
            Intend(key, "publish", "gallery", "publish gallery"),
            Send(key, "publish gallery"),
            Confirm(key, f"post-{job}", "{}"),
            Tell("published", {"destination": "gallery"}),
        )

    def ended(self, status: str, step: str = "done") -> SetJob:
        """The end of a job."""
        return SetJob(status, step, None)

    def doubted(self, job: str, status: str) -> None:
        """The job's request has an unknown outcome."""
        key = f"reelwork-{job}-render-1"
        self.does(job, *self.submit(job), Doubt(key, "lost", None), self.ended(status, "submit"))

    def file(self, name: str, content: bytes = b"video", *, age: float = 10 * DAY) -> Path:
        """A file beside the store that was last written so long ago."""
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (self.now - age, self.now - age))
        return path

    def clip(self, name: str, content: bytes = b"video") -> dict[str, Any]:
        """A job's data with a video beside the store."""
        path = self.file(name, content)
        return {"clip": {"video": {"path": str(path), "sha256": path.stem, "bytes": len(content)}, "assets": []}}

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Change or ask the file itself, as damage or a fault would."""
        db = sqlite3.connect(self.path, timeout=30)
        try:
            rows = db.execute(statement, values).fetchall()
            db.commit()
            return rows
        finally:
            db.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path / "store.db")
    yield made
    made.store.close()
