"""One SQLite file, one writer thread, many changes to a commit.

With `synchronous=FULL` a commit waits for the disk. Changes that arrive while one commit waits go into the
next one together, so a hundred jobs that move at once cost about as many flushes as one.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from reelwork.errors import StoreInvalid
from reelwork.store.schema import migrate

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]

GROUP_LIMIT = 512
"""Changes in one commit. Bounds how long the first of them waits."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the store, creating or upgrading it. Raises `StoreInvalid`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreInvalid(
            f"The store {path} cannot be opened: {error}.",
            hint="Check the folder and its rights, or choose another store with --store.",
        ) from error
    try:
        connection.row_factory = sqlite3.Row
        migrate(connection, str(path))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        connection.close()
        raise StoreInvalid(f"The store {path} cannot be used: {error}.") from error
    except BaseException:
        connection.close()
        raise
    return connection


class Database:
    """Runs changes on one connection, in its own thread, as many to a commit as have come in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect(path)
        self._queue: SimpleQueue[tuple[Change[Any], Future[Any]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    async def run(self, change: Change[T]) -> T:
        """Apply a change and return its value once it is on disk. What the change raises undoes it alone."""
        # Shielded: whoever waits may be cancelled, but what was handed over is written all the same.
        return await asyncio.shield(asyncio.wrap_future(self.post(change)))

    def run_now(self, change: Change[T]) -> T:
        """The same for callers without an event loop."""
        return self.post(change).result()

    def post(self, change: Change[T]) -> Future[T]:
        """Hand a change over and go on; the future ends when it is on disk."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        self._start()
        self._queue.put((change, future))
        return future

    def close(self) -> None:
        """Finish what was handed over and close the file."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._connection.close()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="reelwork-store", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            last = False
            while len(group) < GROUP_LIMIT and not self._queue.empty():
                item = self._queue.get()
                if item is None:
                    last = True
                    break
                group.append(item)
            self._commit(group)
            if last:
                return

    def _commit(self, group: list[tuple[Change[Any], Future[Any]]]) -> None:
        results: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for change, future in group:
                results.append((future, *self._apply(change)))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            problem = _explain(error, self.path)
            results = [(future, None, problem) for _, future in group]
        for future, value, failure in results:
            if failure is None:
                future.set_result(value)
            else:
                future.set_exception(failure)

    def _apply(self, change: Change[Any]) -> tuple[Any, BaseException | None]:
        self._connection.execute("SAVEPOINT change")
        try:
            value = change(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:
                # SQLite gave the whole transaction up (disk full, I/O error): nothing of the group stands.
                raise sqlite3.OperationalError(str(error)) from error
            self._connection.execute("ROLLBACK TO change")
            self._connection.execute("RELEASE change")
            return None, error
        self._connection.execute("RELEASE change")
        return value, None


def _explain(error: sqlite3.Error, path: Path) -> StoreInvalid:
    return StoreInvalid(
        f"The store {path} could not be written: {error}.",
        money="What was not written down was not sent.",
        hint="Make room on the disk or check its rights, then run the same command again.",
    )
