"""The stores that must pass, and their readers. A second one joins by being added to both: path and clock in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelwork.store.protocol import Store
from reelwork.store.reader import SyncReader
from reelwork.store.schedules import ScheduleReader
from reelwork.store.sqlite.reader import SqliteReader
from reelwork.store.sqlite.store import SqliteStore

STORES: dict[str, Callable[..., Store]] = {"sqlite": SqliteStore}
READERS: dict[str, Callable[..., SyncReader]] = {"sqlite": SqliteReader}
ASKED = {**vars(SyncReader), **vars(ScheduleReader)}
QUESTIONS = frozenset(name for name in ASKED if not name.startswith("_")) - {"close", "batches"}


class ReadBeside:
    """A store whose every read is answered by a reader of its own, as another process has it."""

    def __init__(self, store: Store, reader: SyncReader) -> None:
        self._store, self._reader = store, reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader if name in QUESTIONS else self._store, name)

    def close(self) -> None:
        self._reader.close()
        self._store.close()
