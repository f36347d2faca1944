"""A process of the storm: `run`, `resume` or `reconcile` on a store that others use too, as a case says.

What it logs, and where it stood when it was asked with SIGUSR1, is kept in a file of its own.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from worker import WallConfig, WallPublisher, hurry, main

import reelwork.engine.timing
import reelwork.ledger
import reelwork.store.sqlite.store
from reelwork.ledger import Ledger
from reelwork.plugins.catalog import Catalog
from reelwork.studio.studio import Studio
from reelwork_hooks import Effect, Idempotency, NotSent, OutcomeUnknown, Plugin, Post, Receipt, hookimpl

CRASHED = 70


class Searched(WallPublisher):
    """Looks up what it posted. A busy machine may keep a post for a while on its way to the wall."""

    settle_seconds = 1.5


class Unsearched(Plugin):
    """Has no way to look."""

    Config = WallConfig
    public = False
    idempotency = Idempotency.NONE

    @hookimpl
    async def publish(self, post: Post, effect: Effect) -> Receipt:
        http = self.context.http(trust=[self.config.url])
        answer = await http.post(
            self.config.url + "/posts", json={"key": effect.key}, timeout=WallPublisher.patience
        )
        if answer.status_code == 429:
            raise NotSent("too many", retry_after=0.02)
        if answer.status_code != 200:
            raise OutcomeUnknown(f"answered {answer.status_code}")
        return Receipt(id=answer.json()["id"])


class Keyed(Unsearched):
    """The wall honours its keys."""

    idempotency = Idempotency.KEY


WALLS: Mapping[str, type[Plugin]] = {"LOOKUP": Searched, "NONE": Unsearched, "KEY": Keyed}


def set_lease(seconds: float) -> None:
    """Let leases be as short as the case wants them."""
    reelwork.engine.timing.LEASE = seconds
    reelwork.engine.timing.POLL_LEASE = 3 * seconds


def break_on_purpose(name: str) -> None:
    """Put one of the soak's broken parts in the place of the sound one."""
    import soak_mutants

    part = getattr(soak_mutants, name)
    if issubclass(part, Ledger):
        # Where the session takes it from when it begins its first step.
        reelwork.ledger.Ledger = part  # type: ignore[misc]
    else:
        reelwork.store.sqlite.store.SqliteStore = part  # type: ignore[misc]


def keep_log(folder: Path) -> None:
    """Write down what happens in this process."""
    path = folder / f"process-{os.getpid()}.log"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 2)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    form = "%(asctime)s.%(msecs)03d %(name)s %(levelname)s %(message)s"
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=form, datefmt="%H:%M:%S")
    logging.getLogger("httpx").setLevel(logging.WARNING)


def run_command(case: Mapping[str, Any]) -> int:
    """Carry the case's command out; returns its exit code, `CRASHED` when it raised."""
    folder = Path(case["folder"])
    keep_log(folder)
    set_lease(case["lease"])
    WallPublisher.patience = case.get("patience", WallPublisher.patience)
    if case.get("broken"):
        break_on_purpose(case["broken"])
    os.environ.update(case["environment"])
    hurry()
    catalog = Catalog()
    if case["wall"] in WALLS:
        catalog.add("wall", WALLS[case["wall"]])
    store, out = folder / "store.db", folder / "out"
    try:
        with Studio(case["workflow"], store=store, out=out, catalog=catalog) as studio:
            if case["command"] == "reconcile":
                return studio.reconcile_sync().exit_code
            if case["command"] == "resume":
                return studio.resume_sync().exit_code
            # The file may have grown since another process read it: what that one has not made yet is no copy.
            return studio.run_sync(folder / case["batch"], copies="make").exit_code
    except BaseException:
        traceback.print_exc()
        return CRASHED


if __name__ == "__main__":
    main(run_command)
