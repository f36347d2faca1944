"""Runs a job with one destination for each of two shapes, in a process that can be killed at its n-th commit.

The commits are counted from the downloaded video on. `worker.py` says how a case comes in and how it is answered.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
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
    Effect,
    Idempotency,
    Job,
    Phase,
    Plugin,
    Post,
    Receipt,
    Role,
    Target,
    hookimpl,
)

COUNTED = (Step.FINISH, Step.MODERATE_CLIP, Step.PUBLISH)


class Logged(Config):
    log: str
    tall: str
    """A video that stands upright."""


class Writes(Plugin):
    """Writes down what it does, and for which target."""

    Config = Logged
    config: Logged

    def write(self, *words: str) -> None:
        log = os.open(self.config.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, (" ".join(words) + "\n").encode())
        os.fsync(log)
        os.close(log)


class Crops(Writes):
    """Puts the upright video in place where it is wanted."""

    phase = Phase.EDIT
    fits = ("aspect_ratio",)

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip | None:
        self.write("crop", job.target.label)
        if job.target.aspect_ratio is None:
            return None
        path = self.context.work_dir / f"{job.id}-{job.target.label}.mp4"
        part = path.with_suffix(".part")
        part.write_bytes(Path(self.config.tall).read_bytes())
        return clip.with_video(Asset.from_file(part.replace(path), Role.VIDEO))


class Signs(Writes):
    """Signs the video, as far as a log goes."""

    phase = Phase.SIGN

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> None:
        self.write("sign", job.target.label)


class Posts(Writes):
    """Posts to the log, as a service that knows its keys: one that is there is not posted again."""

    public = False
    idempotency = Idempotency.KEY

    @hookimpl
    def publish(self, post: Post, effect: Effect) -> Receipt:
        video = post.clip.video
        self.write("post", post.destination, effect.key, f"{video.width}x{video.height}")
        return Receipt(id=effect.key)


class Upright(Posts):
    """Takes upright videos."""

    accepts = Target(aspect_ratio="9:16")


PLUGINS: Mapping[str, type[Plugin]] = {"crop": Crops, "sign": Signs, "wide": Posts, "tall": Upright}


class LateStore(FragileStore):
    """Counts the commits of a job that has its video."""

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        row = self.job(lease.job_id)
        if row is None or row.step not in COUNTED:
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
            "pre_moderate": [],
            "prompt_transform": [],
            "post_download": ["crop", "sign", "local"],
            "publish": ["wide", "tall"],
        },
        "plugin": {name: {"log": str(log), "tall": case["tall"]} for name in PLUGINS},
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
        code = studio.run_sync(folder / "rows.txt").exit_code
        (folder / "commits.json").write_text(json.dumps(store.count))
        return code


if __name__ == "__main__":
    main(run_case)
