"""Runs a job whose finished video is looked at, in a process that can be killed at its n-th commit from then on.

Its plugins write down what they do in one log, each line on disk before they go on. `worker.py` says how a case
comes in and how it is answered.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from worker import FragileStore, main

from reelwork.plugins.catalog import Catalog
from reelwork.store.commands import Command, RenderUpdate, StillWaiting
from reelwork.store.records import EffectRow, Lease
from reelwork.store.sqlite.store import SqliteStore
from reelwork.store.statuses import Step
from reelwork.studio.studio import Studio
from reelwork_hooks import (
    Asset,
    Clip,
    Config,
    Content,
    Effect,
    Idempotency,
    Job,
    Phase,
    Plugin,
    Receipt,
    Role,
    Stage,
    hookimpl,
)

PAID = Decimal("0.004")
LOOKING = ("first", "second")


class Logged(Config):
    log: str


class Writes(Plugin):
    """Writes down what it does."""

    Config = Logged
    config: Logged
    does = ""

    def write(self) -> None:
        log = os.open(self.config.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, f"{self.does}\n".encode())
        os.fsync(log)
        os.close(log)


class Looks(Writes):
    """A paid moderator of finished videos."""

    moderates = (Stage.CLIP,)
    clip_frames = 2
    most_per_call = PAID

    @hookimpl
    async def pre_moderate(self, content: Content, job: Job) -> None:
        self.write()
        await self.context.spent(job, PAID, what="a look", key=f"{self.does} {job.id}")


class Edits(Writes):
    """Adds captions."""

    phase = Phase.EDIT
    does = "edit"

    @hookimpl
    def post_download(self, clip: Clip) -> Clip:
        self.write()
        path = self.context.work_dir / "captions.vtt"
        path.write_text("WEBVTT\n\n1\n00:00.000 --> 00:01.000\nHello\n", encoding="utf-8")
        return clip.adding(Asset.from_file(path, Role.CAPTIONS))


class Signs(Writes):
    """Signs the video, as far as a log goes."""

    phase = Phase.SIGN
    does = "sign"

    @hookimpl
    def post_download(self, clip: Clip) -> None:
        self.write()


class Stores(Signs):
    """Stores it."""

    phase = Phase.STORE
    does = "store"


class Posts(Writes):
    """Posts to the log; a key that is there is not posted again."""

    public = False
    idempotency = Idempotency.KEY
    does = "post"

    @hookimpl
    def publish(self, effect: Effect) -> Receipt:
        self.write()
        return Receipt(id=effect.key)


PLUGINS: Mapping[str, type[Plugin]] = {
    **{name: type(name, (Looks,), {"does": name, "__doc__": Looks.__doc__}) for name in LOOKING},
    "edit": Edits,
    "sign": Signs,
    "store": Stores,
    "post": Posts,
}


class LateStore(FragileStore):
    """Counts the commits of a job that has its video, and is not yet being posted."""

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        row = self.job(lease.job_id)
        if row is None or row.step not in (Step.FINISH, Step.MODERATE_CLIP):
            return await SqliteStore.apply(self, lease, commands)
        return await super().apply(lease, commands)

    async def update_renders(
        self, owner: str, changes: Sequence[RenderUpdate], same: Sequence[StillWaiting] = ()
    ) -> list[str]:
        return await SqliteStore.update_renders(self, owner, changes, same)


def workflow(case: Mapping[str, Any], log: Path) -> dict[str, Any]:
    """The workflow of a case."""
    return {
        "brief": {"duration": 4, "resolution": "720p"},
        "provider": {"use": "videos-api", "model": "sora-2", "base_url": case["url"], "poll_interval": 0.05},
        "plugins": {
            "pre_moderate": list(LOOKING),
            "prompt_transform": [],
            "post_download": ["edit", "sign", "store"],
            "publish": ["post"],
        },
        "plugin": {name: {"log": str(log)} for name in PLUGINS},
    }


def run_case(case: Mapping[str, Any]) -> int:
    """Run the case's one job, or what is left of it."""
    folder = Path(case["folder"])
    catalog = Catalog()
    for name, plugin in PLUGINS.items():
        catalog.add(name, plugin)
    store = LateStore(folder / "store.db", case.get("at", 0), case.get("when", ""), "kill")
    with Studio(workflow(case, folder / "log"), store=store.path, out=folder / "out", catalog=catalog) as studio:
        studio._store = store
        rows = folder / "rows.txt"
        code = studio.run_sync(rows).exit_code
        (folder / "commits.json").write_text(json.dumps(store.count))
        return code


if __name__ == "__main__":
    main(run_case)
