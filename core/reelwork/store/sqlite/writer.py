"""One SQLite file, one writer thread, many changes to a commit.

With `synchronous=FULL` a commit waits for the disk. Changes that arrive while one commit waits go into the
next one together, so a hundred jobs that move at once cost about as many flushes as one.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from reelwork.store.sqlite.announcing import announce_since
from reelwork.store.sqlite.checkpoints import Checkpoints
from reelwork.store.sqlite.event_numbers import last_event
from reelwork.store.sqlite.failures import explained, gone, identity, judged
from reelwork.store.sqlite.opening import connect

if TYPE_CHECKING:
    from reelwork.store.sqlite.clock_steps import Timekeeper

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
        self._checkpoints = Checkpoints(path, self._connection)
        self._queue: SimpleQueue[_Posted | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._newest = 0
        """The number of the newest line of all stories when the transaction began."""

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
        self._checkpoints.close()
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
                # In a context of its own: the work that happens to start it goes by its own clock.
                self._thread = threading.Thread(
                    target=Context().run, args=(self._work,), name="reelwork-store", daemon=True
                )
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
            self._close()
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return [(None, explained(error, self.path))] * len(group)
        return outcomes

    def _begin(self) -> None:
        """Begin a transaction in which all times go by one clock."""
        self._open()
        # Compared under the lock. Another process that sees a step moves all due times, and a time by the old clock
        # must not be written after that.
        for _ in range(STEPS_AT_ONCE):
            if self._timekeeper is None or not self._timekeeper.is_due():
                break
            kept = self._timekeeper.keep(self._connection)
            self._close()
            kept()
            self._open()

    def _open(self) -> None:
        # The write lock at once. A transaction that reads first and writes later fails if another process wrote
        # between.
        self._connection.execute("BEGIN IMMEDIATE")
        # Under the lock, too: what other processes have told is announced by them.
        self._newest = last_event(self._connection)

    def _close(self) -> None:
        announce_since(self._connection, self._newest)
        self._connection.execute("COMMIT")
        self._checkpoints.committed()

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
            log.warning("a note was not stored: %s", outcome[1])
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
