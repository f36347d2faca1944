"""One SQLite file, one writer thread, many changes to a commit.

With `synchronous=FULL` a commit waits for the disk. Changes that arrive while one commit waits go into the
next one together, so a hundred jobs that move at once cost about as many flushes as one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from reelwork.errors import StoreInvalid
from reelwork.files import make_private_folder
from reelwork.store.sqlite.clock_steps import Timekeeper
from reelwork.store.sqlite.failures import explained, gone, identity, judged
from reelwork.store.sqlite.paths import files_of
from reelwork.store.sqlite.schema import migrate

T = TypeVar("T")
log = logging.getLogger("reelwork.store")
Change = Callable[[sqlite3.Connection], T]
"""Touches nothing but the connection: it is run again when another one of its group has failed."""

# It bounds how long the first of them waits for the others.
GROUP_LIMIT = 512
"""Changes in one commit."""
# A clock that is set all the time must not keep the store from writing.
STEPS_AT_ONCE = 3
"""The number of times the clock may be set while one transaction begins; any more waits for the next."""
# Longer than any healthy transaction.
BUSY_SECONDS = 30.0
"""Seconds for which another process may keep the file to itself before it is called locked."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the store, creating or upgrading it. Raises `StoreInvalid`."""
    _check_not_lost(path)
    try:
        make_private_folder(path.parent)
        # SQLite would make it readable for everybody; its -wal and -shm take after it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # `isolation_level=None`: Python would begin and commit transactions of its own between ours.
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        if path.is_dir():
            hint = f"Name a file in it: --store {path / 'store.db'}"
            raise StoreInvalid(f"{path} is a folder, not a store.", hint=hint) from error
        raise StoreInvalid(
            f"The store {path} cannot be opened: {getattr(error, 'strerror', None) or error}.",
            hint="Check the folder and its rights, or choose another store with --store.",
        ) from error
    try:
        connection.row_factory = sqlite3.Row
        migrate(connection, str(path))
        _write_ahead(connection)
        # With NORMAL, WAL mode may lose the last commits in a power cut. A lost `sent` would be paid again.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        connection.close()
        raise StoreInvalid(
            f"The store {path} cannot be used: {error}.",
            hint="Make room on the disk and check the rights of the file and its folder; if the file is damaged, "
            "see: reelwork store check. Do not use another store: this one knows what was paid and posted.",
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check_not_lost(path: Path) -> None:
    """Refuse a store that is missing or empty beside the files of one that was used."""
    # The folder is made only after the first commit, so a store that is being made has none.
    if (path.exists() and path.stat().st_size > 0) or not files_of(path).exists():
        return
    state = "is empty" if path.exists() else "is missing"
    raise StoreInvalid(
        f"The store {path} {state}, but it was used: its folder {files_of(path).name} is there.",
        money="Nothing was sent. Only the store knew what was paid and posted: a new store would do both again.",
        hint=f"Put a backup in use: reelwork store restore BACKUP. To start a new store all the same, move "
        f"{files_of(path)} away too.",
    )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL."""
    # SQLite's busy timeout does not cover this change, so two processes that open a new store at once would fail.
    ends = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(0.01)


Outcome = tuple[Any, BaseException | None]


class _Posted(NamedTuple):
    """A change that was handed over, and who waits for its outcome."""

    change: Change[Any]
    waiter: asyncio.Future[Any] | Future[Any] | None = None


class Database:
    """Runs changes on one connection, in its own thread, as many to a commit as have come in."""

    def __init__(self, path: Path, timekeeper: Timekeeper | None = None) -> None:
        self.path = path
        self._timekeeper = timekeeper
        self._connection = connect(path)
        self._identity = identity(path)
        self._queue: SimpleQueue[_Posted | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    async def run(self, change: Change[T]) -> T:
        """Apply a change and return its value once it is on disk. What the change raises undoes it alone.

        Whoever waits may be cancelled; what was handed over is written all the same.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._post(_Posted(change, future))
        return await future

    def run_now(self, change: Change[T]) -> T:
        """Do the same for callers without an event loop."""
        future: Future[T] = Future()
        self._post(_Posted(change, future))
        return future.result()

    def post(self, change: Change[object]) -> None:
        """Hand a change over without waiting. What it raises is dropped."""
        self._post(_Posted(change))

    def close(self) -> None:
        """Finish what was handed over and close the file."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._connection.close()

    def _post(self, posted: _Posted) -> None:
        if self._thread is None:
            self._start()
        self._queue.put(posted)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                # A daemon: a program that never closes its store must be able to end. What was awaited is on disk
                # by then.
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
            _deliver(group, self._commit(group))
            if last:
                return

    def _commit(self, group: list[_Posted]) -> list[Outcome]:
        if identity(self.path) != self._identity:
            # SQLite would go on writing into a file that has no name any more, and the next run would know nothing.
            return [(None, gone(self.path))] * len(group)
        try:
            self._begin()
            outcomes = self._together(group) or [self._apply(posted.change) for posted in group]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return [(None, explained(error, self.path))] * len(group)
        return outcomes

    def _begin(self) -> None:
        """Begin a transaction in which all times go by one clock."""
        # The write lock at once. A transaction that reads first and writes later fails if another process wrote
        # between.
        self._connection.execute("BEGIN IMMEDIATE")
        # Compared under the lock. Another process that sees a step moves all due times, and a time by the old clock
        # must not be written after that.
        for _ in range(STEPS_AT_ONCE):
            if self._timekeeper is None or not self._timekeeper.is_due():
                break
            kept = self._timekeeper.keep(self._connection)
            self._connection.execute("COMMIT")
            kept()
            self._connection.execute("BEGIN IMMEDIATE")

    def _together(self, group: list[_Posted]) -> list[Outcome] | None:
        """Apply all changes and return the outcomes; None, and nothing changed, if one of them raises."""
        # Changes hardly ever fail, so a group is first tried without a savepoint for each.
        try:
            return [(posted.change(self._connection), None) for posted in group]
        except Exception:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._begin()
            return None

    def _apply(self, change: Change[Any]) -> Outcome:
        self._connection.execute("SAVEPOINT change")
        try:
            value = change(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:
                # SQLite gave the whole transaction up (disk full, I/O error): nothing of the group stands.
                raise sqlite3.OperationalError(str(error)) from error
            self._connection.execute("ROLLBACK TO change")
            self._connection.execute("RELEASE change")
            return None, judged(error, self.path)
        self._connection.execute("RELEASE change")
        return value, None


def _deliver(group: list[_Posted], outcomes: list[Outcome]) -> None:
    """Hand out the outcomes."""
    # One wake-up for each event loop: one for each change would cost more than the changes.
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome]]] = {}
    for (_, waiter), outcome in zip(group, outcomes, strict=True):
        if isinstance(waiter, asyncio.Future):
            by_loop.setdefault(waiter.get_loop(), []).append((waiter, outcome))
        elif waiter is not None:
            _settle(waiter, *outcome)
        elif outcome[1] is not None:
            log.warning("a note was not kept: %s", outcome[1])
    for loop, settled in by_loop.items():
        # A loop that has closed has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle_all, settled)


def _settle_all(settled: list[tuple[asyncio.Future[Any], Outcome]]) -> None:
    for waiter, outcome in settled:
        _settle(waiter, *outcome)


def _settle(waiter: asyncio.Future[Any] | Future[Any], value: Any, error: BaseException | None) -> None:
    if waiter.done():
        return
    if error is None:
        waiter.set_result(value)
    else:
        waiter.set_exception(error)
