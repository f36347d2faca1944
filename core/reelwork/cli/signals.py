"""Ctrl-C and SIGTERM while jobs are under way: the first stops in good order, the second ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from reelwork.studio.sync import run_to_end

T = TypeVar("T")

STOPPING = "stopping; everything can be resumed with: reelwork resume"


class Signals:
    """Runs work in an event loop and hands signals to it.

    `stop` makes the work end early, `tell` shows the person a line, `leave` gives the terminal back. `stopping` is
    that line. Work that has not ended `seconds` after the first signal is left where it is.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        tell: Callable[[str], None],
        leave: Callable[[], None],
        *,
        stopping: str = STOPPING,
        seconds: float | None = None,
    ) -> None:
        self._stop, self._tell, self._leave = stop, tell, leave
        self._stopping, self._seconds = stopping, seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self.received: signal.Signals | None = None

    @property
    def exit_code(self) -> int | None:
        """128 and the signal's number, as shells say it; None when there was none."""
        # A script tells by it that the run was stopped, and did not fail.
        return None if self.received is None else 128 + self.received

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the work to its end, which a signal may bring nearer."""
        # Not the loop's own handlers: while a question blocks the loop, it cannot call them.
        watched = (signal.SIGINT, signal.SIGTERM)
        # SIGTERM as well: systemd, Docker and CI end a run with it, and its jobs must be given back.
        before = {number: signal.signal(number, self._received) for number in watched}
        try:
            return run_to_end(self._in_loop(work))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a question is open, Ctrl-C answers it."""
        # Nothing is under way while a question is open, so Ctrl-C may end it as everywhere else.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    async def _in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        self._loop = asyncio.get_running_loop()
        return await work

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            self._leave()
            # Safe: what is under way is `sent` in the ledger, as after a crash. No cleanup may hold up a person who
            # has asked twice.
            os._exit(128 + number)
        self.received = signal.Signals(number)
        if self._seconds is not None:
            # In a thread: a plugin that blocks the loop must not keep the process from ending. Safe as above.
            limit = threading.Timer(self._seconds, os._exit, [0])
            limit.daemon = True
            limit.start()
        if self._loop is None:
            self._first()
        else:
            # A handler runs between any two instructions. What it calls must not meet a half-changed display.
            self._loop.call_soon_threadsafe(self._first)

    def _first(self) -> None:
        self._tell(self._stopping)
        self._stop()
