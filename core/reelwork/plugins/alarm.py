"""Ending work that blocks the main thread: only where the whole process is ours, as on the command line.

A time limit of asyncio ends what waits; nothing in Python ends what blocks but a signal, which belongs to the
program. A program that embeds Reelwork keeps its signals, and a plugin that blocks its event loop.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from reelwork.plugins.foreign import process_is_ours

REPEAT = 1.0
"""Seconds after which it rings again, for work that catches what it is ended with."""


class OverTime(BaseException):
    """Raised within work that blocks for too long. No `Exception`, so that `except Exception` lets it pass."""


@contextmanager
def ringing_after(seconds: float) -> Iterator[None]:
    """Raise `OverTime` within the block once it has kept the main thread for so long."""
    if not (process_is_ours() and hasattr(signal, "setitimer")) or not _in_main_thread():
        yield
        return
    signal.signal(signal.SIGALRM, _ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT)
    try:
        yield
    finally:
        # An outer block goes on with what it had left; that it may ring a little late does no harm.
        signal.setitimer(signal.ITIMER_REAL, left, REPEAT if left else 0.0)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _ring(number: int, frame: FrameType | None) -> None:
    raise OverTime
