"""Runs a job whose post waits for a review, or answers the review, in a process that can be killed at a commit.

`worker.py` says how a case comes in and how it is answered.
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
from reelwork.studio.post_review import Answer
from reelwork.studio.studio import Studio
from reelwork_hooks import Config, Effect, Idempotency, Plugin, Post, Receipt, Stage, Verdict, hookimpl


class Board(Config):
    board: str


class Posts(Plugin):
    """Posts to a file, where a key is posted once; what was asked of it is in another file."""

    Config = Board
    config: Board
    public = False
    idempotency = Idempotency.KEY

    @hookimpl
    def prepare_publish(self, post: Post) -> str:
        self._add("calls", f"upload {post.caption}")
        return "uploaded"

    @hookimpl
    def publish(self, post: Post, effect: Effect) -> Receipt:
        self._add("calls", f"post {post.caption}")
        board = Path(self.config.board) / "posts"
        if not board.exists() or effect.key not in board.read_text():
            self._add("posts", effect.key)
        return Receipt(id=effect.key)

    def _add(self, name: str, line: str) -> None:
        file = os.open(Path(self.config.board) / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, f"{line}\n".encode())
        os.fsync(file)
        os.close(file)


class Guard(Plugin):
    """Rejects every post."""

    moderates = (Stage.POST,)

    @hookimpl
    def pre_moderate(self) -> Verdict:
        return Verdict.reject("it rains")


class LateStore(FragileStore):
    """Counts the commits of a job that is at its posts, and the answers of persons."""

    async def apply(self, lease: Lease, commands: Sequence[Command]) -> EffectRow | None:
        row = self.job(lease.job_id)
        if row is None or row.step not in (Step.PUBLISH, Step.PUBLISH_AGAIN):
            return await SqliteStore.apply(self, lease, commands)
        return await super().apply(lease, commands)

    async def update_renders(
        self, owner: str, changes: Sequence[RenderUpdate], same: Sequence[StillWaiting] = ()
    ) -> list[str]:
        return await SqliteStore.update_renders(self, owner, changes, same)

    async def decide(self, *args: Any, **options: Any) -> bool:
        number = self._number("before")
        decided = await super().decide(*args, **options)
        self._strike(number, "after")
        return decided

    async def wake(self, *args: Any, **options: Any) -> list[str]:
        number = self._number("before")
        woken = await super().wake(*args, **options)
        self._strike(number, "after")
        return woken


def workflow(folder: Path) -> dict[str, Any]:
    """The workflow of each case: its posts wait for a review, or moderation refuses them."""
    refuses = (folder / "refuses").exists()
    return {
        "brief": {"prompt": "A lighthouse at night", "duration": 0.5, "resolution": "480p", "caption": "Rain"},
        "plugins": {
            "pre_moderate": ["guard"] * refuses,
            "prompt_transform": [],
            "post_download": [],
            "publish": ["board"],
        },
        "plugin": {"board": {"board": str(folder)}},
        "review": {"always": not refuses},
    }


def run_case(case: Mapping[str, Any]) -> int:
    """Do what the case says with its folder's one job."""
    folder = Path(case["folder"])
    catalog = Catalog()
    catalog.add("board", Posts)
    catalog.add("guard", Guard)
    store = LateStore(folder / "store.db", case.get("at", 0), case.get("when", ""), "kill")
    with Studio(workflow(folder), store=store.path, out=folder / "out", catalog=catalog) as studio:
        studio._store = store
        code = done(studio, case["do"])
        (folder / "commits.json").write_text(json.dumps(store.count))
        return code


def done(studio: Studio, what: str) -> int:
    """Do one thing, and return its exit code."""
    if what == "run":
        return studio.run_sync().exit_code
    if what == "resume":
        return studio.resume_sync().exit_code
    (row,) = studio.store.jobs()
    answer = Answer(by="Ana")
    if what == "edit":
        return studio.edit_posts_sync(row.id, answer, {"caption": "Fog"}, approve=True).exit_code
    if what == "appeal":
        return 0 if studio.appeal_sync(row.id, "it is only water", by="Ann").waits else 1
    if what == "redo":
        return studio.redo_posts_sync(row.id, answer).exit_code
    if what == "approve":
        return studio.approve_posts_sync(row.id, answer).exit_code
    return studio.reject_posts_sync(row.id, answer, "too dark").exit_code


if __name__ == "__main__":
    main(run_case)
