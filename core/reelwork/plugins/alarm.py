"""Ending work that blocks the main thread: only where the whole process is ours, as on the command line.

A time limit of asyncio ends what waits; nothing in Python ends what blocks but a signal, which belongs to the
program. A program that embeds Reelwork keeps its signals, and a plugin that blocks its event loop.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from math import inf
from types import FrameType

from reelwork.plugins.foreign import process_is_ours

REPEAT = 1.0
"""Seconds after which it rings again, for work that catches what it is ended with."""
SHORTEST = 0.001
"""Seconds. A timer that is set to nothing never rings."""


class OverTime(BaseException):
    """Raised within work that blocks for too long. No `Exception`, so that `except Exception` lets it pass."""


class _Timer:
    """The one timer of the process, as far as it is known."""

    deadline: float | None = None
    """The moment from which the innermost block is over time; None outside of any."""
    rings_at: float = inf
    """The moment when it rings next; infinite where it is not set, or other code may have set it."""


_timer = _Timer()


def ringing_after(seconds: float, *, ours: bool = False) -> AbstractContextManager[None]:
    """Raise `OverTime` within the block once it has blocked the main thread for so long.

    `ours` says that nothing within it touches signals or timers. The timer then stays set from one block to the
    next: setting it for each of a hundred thousand calls costs more than most of them.
    """
    if not (_HAS_TIMER and process_is_ours() and threading.get_ident() == threading.main_thread().ident):
        return _UNLIMITED
    return _Block(seconds, ours=ours)


class _Block:
    """Work that has a deadline."""

    __slots__ = ("_deadline", "_ours", "_outer")

    def __init__(self, seconds: float, *, ours: bool) -> None:
        self._deadline = time.monotonic() + seconds
        self._ours = ours
        self._outer: float | None = None

    def __enter__(self) -> None:
        self._outer, _timer.deadline = _timer.deadline, self._deadline
        if not self._ours or _timer.rings_at > self._deadline:
            _set(self._deadline)

    def __exit__(self, *_: object) -> None:
        _timer.deadline = outer = self._outer
        if outer is not None:
            # The outer block goes on with what it had left.
            if not self._ours or _timer.rings_at > outer:
                _set(outer)
        elif not self._ours:
            _unset()


def _set(deadline: float) -> None:
    signal.signal(signal.SIGALRM, _ring)
    # Real time, not processor time: work that sleeps blocks the loop as well.
    signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), SHORTEST), REPEAT)
    _timer.rings_at = deadline


def _unset() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    _timer.rings_at = inf


def _ring(number: int, frame: FrameType | None) -> None:
    # A timer that our own calls left set: it rings outside of any block, and is then not needed.
    if _timer.deadline is None:
        _unset()
    elif (now := time.monotonic()) < _timer.deadline:
        # It was set for a block that has ended.
        _set(_timer.deadline)
    else:
        _timer.rings_at = now + REPEAT
        raise OverTime


def _forget() -> None:
    """Forget the parent's timer and deadline, which a forked process does not have."""
    _timer.deadline, _timer.rings_at = None, inf


_UNLIMITED = nullcontext()
_HAS_TIMER = hasattr(signal, "setitimer")
if _HAS_TIMER:
    os.register_at_fork(after_in_child=_forget)
