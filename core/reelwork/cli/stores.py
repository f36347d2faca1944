"""Opens the store for commands that only read. Where there is none, there are no jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelwork.cli.shared import shared

if TYPE_CHECKING:
    from reelwork.store.reader import SyncReader
    from reelwork.store.records import JobRow


@contextmanager
def store_if_there() -> Iterator[SyncReader | None]:
    """Open the store; None if there is none yet."""
    # Not made here: an empty store at a mistyped path would hide the one that knows what was paid.
    from reelwork.settings.paths import store_path

    path = store_path(shared().store)
    if not path.exists():
        yield None
        return
    from reelwork.store.open import open_reader

    store = open_reader(path)
    try:
        yield store
    finally:
        store.close()


class _NoJobs:
    def jobs(self, **which: object) -> list[JobRow]:
        return []


NO_JOBS = _NoJobs()
"""Stands for the store where there is none yet."""
