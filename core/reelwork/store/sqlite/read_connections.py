"""Connections that only read, beside the writer: one for each thread that asks.

The file is in WAL mode: whoever reads sees the last commit before the question, and waits neither for a transaction
that is open nor for the disk that a commit waits for.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from weakref import WeakSet

from reelwork.store.sqlite.brand_views import limit_to_brand
from reelwork.store.sqlite.failures import gone, identity, judged
from reelwork.store.sqlite.opening import BUSY_SECONDS, Connection

T = TypeVar("T")
Question = Callable[[sqlite3.Connection], T]


class ReadConnections:
    """Answers questions about one store, each on the connection of the thread that asks."""

    def __init__(self, path: Path, brand: str = "") -> None:
        """Name the file. It must have been opened before, so that it is there and of this version."""
        self.path = path
        self._brand = brand
        self._of_brands: dict[str, ReadConnections] = {}
        self._identity = identity(path)
        self._here = threading.local()
        self._open: WeakSet[_Connection] = WeakSet()
        self._lock = threading.Lock()

    def ask(self, question: Question[T]) -> T:
        """Answer a question by one snapshot, however many statements it takes. Raises `StoreUnwritable`."""
        if identity(self.path) != self._identity:
            # SQLite would go on reading a file that has no name any more, and never see what is written now.
            raise gone(self.path)
        try:
            connection = self._connection()
            # Deferred: it takes no lock, and the first read fixes the commit that all of the question sees.
            connection.execute("BEGIN")
            try:
                return question(connection)
            finally:
                # An open snapshot would keep the write-ahead log from being emptied.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except Exception as error:
            known = judged(error, self.path, "read")
            if known is error:
                raise
            raise known from error

    def of_brand(self, brand: str) -> ReadConnections:
        """Return connections that see only what belongs to a brand. They are closed with these."""
        with self._lock:
            if brand not in self._of_brands:
                self._of_brands[brand] = ReadConnections(self.path, brand)
            return self._of_brands[brand]

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for limited in self._of_brands.values():
                limited.close()
            self._of_brands.clear()
            for one in list(self._open):
                one.close()
            self._here = threading.local()

    def _connection(self) -> sqlite3.Connection:
        held: _Connection | None = getattr(self._here, "held", None)
        if held is None:
            held = self._here.held = _Connection(self.path, self._brand)
            with self._lock:
                self._open.add(held)
        return held.connection


class _Connection:
    """A thread's connection: it goes with its thread, and is closed then."""

    def __init__(self, path: Path, brand: str) -> None:
        # `rw` and not `rwc`: a store that is gone must not be begun anew by a question.
        self.connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )
        self.connection.row_factory = sqlite3.Row
        if brand:
            limit_to_brand(self.connection, brand)
        # SQLite itself refuses every change on this connection. The file is opened for writing all the same, since
        # whoever closes it last empties the write-ahead log into it.
        self.connection.execute("PRAGMA query_only = ON")

    def close(self) -> None:
        self.connection.close()
