"""Keeps standard output for Reelwork. What plugins and their children print goes to standard error."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, TextIO

active = False
"""True if this process is the command line: then standard output may be changed."""

_real: int | None = None
"""Our own descriptor of standard output, which no child inherits."""


def set_apart() -> int:
    """Point descriptor 1 at standard error and return a descriptor of our own for standard output."""
    global _real, active
    active = True
    number = sys.stdout.fileno()
    with suppress(OSError):
        # The descriptor and not only `sys.stdout`: a child process or a C library writes to number 1 whatever
        # Python says.
        _real = os.dup(number)
        os.dup2(sys.stderr.fileno(), number)
    return number if _real is None else _real


def hand_over() -> None:
    """Give descriptor 1 back, for a command of another package: its output is the output."""
    if _real is not None:
        # Before the descriptors change: what is buffered belongs to ours.
        sys.stdout.flush()
        os.dup2(_real, 1)


class ByContext:
    """Stands for `sys.stdout`: the real one in our own code, standard error in a plugin's."""

    def __init__(self, ours: TextIO) -> None:
        self._ours = ours

    def write(self, text: str) -> int:
        """Write to the stream that the caller is to have."""
        return self._stream().write(text)

    def flush(self) -> None:
        """Flush the stream that the caller has."""
        self._stream().flush()

    def close(self) -> None:
        """Close nothing of ours: a plugin may try."""
        self.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream(), name)

    def _stream(self) -> TextIO:
        return sys.stderr if _in_plugin() else self._ours


def _in_plugin() -> bool:
    # Looked up and not imported: every `print` comes by here, also of commands that load no plugin.
    foreign = sys.modules.get("reelwork.plugins.foreign")
    if foreign is None:
        return False  # Nothing that calls plugins was imported yet.
    said = foreign.in_plugin.get()
    if said is not None:
        return bool(said)
    import threading

    # A thread that a plugin started has no context of ours. Our own threads do not print.
    return threading.current_thread() is not threading.main_thread()
