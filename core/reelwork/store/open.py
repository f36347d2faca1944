"""Opening a store. The one module outside `store.sqlite` that says which kind of store there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwork.store.health import Health
    from reelwork.store.protocol import Store
    from reelwork.store.reader import SyncReader


def open_store(path: Path, *, clock: Callable[[], float] = time.time) -> Store:
    """Open a store, creating it if needed. Raises `StoreInvalid`."""
    from reelwork.store.sqlite.store import SqliteStore

    return SqliteStore(path, clock=clock)


def open_reader(path: Path, *, clock: Callable[[], float] = time.time) -> SyncReader:
    """Open a store to read it only. Raises `StoreInvalid`."""
    from reelwork.store.sqlite.reader import SqliteReader

    return SqliteReader(path, clock=clock)


@contextmanager
def reading(path: Path, *, clock: Callable[[], float] = time.time) -> Iterator[SyncReader | None]:
    """Open a store to read it; None where there is none, since reading must not make one. Raises `StoreInvalid`."""
    reader = open_reader(path, clock=clock) if path.exists() else None
    try:
        yield reader
    finally:
        if reader is not None:
            reader.close()


def health_of(path: Path) -> Health:
    """Look at a store. Raises `StoreInvalid` when it cannot be opened or read."""
    from reelwork.store.sqlite.health import look_at

    return look_at(path)
