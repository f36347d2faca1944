"""What processes of `post_download` share: faults of the file system, the log, and the report."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwork_hooks.errors import NotSent, ReelworkError, Unavailable

TIME_LIMIT = 120.0
"""Seconds that the hook may take."""
# What a file system does: each is one event of Python's (https://docs.python.org/3/library/audit_events.html).
_CHANGES = frozenset({"os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.truncate"})
_SECOND = frozenset({"os.rename", "os.link", "os.symlink"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Changes:
    """Counts the changes that this process makes to files outside one folder."""

    def __init__(self, kill_at: int, *, refused: bool, outside: str) -> None:
        self.count, self._kill_at, self._refused, self._outside = 0, kill_at, refused, outside
        self.armed = True
        # A hook cannot be taken back, but this process ends soon.
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Count an event of Python's, and do what was asked for at it."""
        path = _changed(event, arguments) if self.armed else None
        if path is None or path.startswith(self._outside):
            return
        self.count += 1
        if self.count == self._kill_at:
            # As in a power cut: no handler runs.
            os.kill(os.getpid(), signal.SIGKILL)
        if self._refused:
            # Not by the mode of a folder, which the superuser may pass over.
            raise PermissionError(13, "Permission denied", path)


def _changed(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Return the path that an event changes; None for any other event."""
    if event == "open":
        path, mode, flags = arguments[:3]
        # With `mode` None it is `os.open`. Devices and handles that are open already are no files.
        writes = bool(flags & _WRITES) or (isinstance(mode, str) and set(mode) & set("wxa+"))
        own = isinstance(path, str | bytes | os.PathLike) and not os.fsdecode(path).startswith("/dev/")
        return os.fsdecode(path) if own and writes else None
    if event not in _CHANGES:
        return None
    # Of two names the second is the new one.
    path = arguments[1] if event in _SECOND else arguments[0]
    return None if isinstance(path, int) else os.fsdecode(path)


class Lines(logging.Handler):
    """Keeps what is logged, unmasked."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


def error_report(error: Exception) -> dict[str, Any]:
    """Return what is reported of an error of the hook."""
    # What the plugin raised: the engine adds its own words, and masks secrets that it knows.
    said = error.__cause__ if error.__cause__ is not None else error
    ours = isinstance(said, ReelworkError)
    told = said.explained() if isinstance(said, ReelworkError) else f"{type(said).__name__}: {said}"
    passes = isinstance(said, NotSent | Unavailable) and not getattr(said, "lasting", False)
    return {"error": told, "contract": ours, "passes": passes, "late": isinstance(error, TimeoutError)}


def limit_files(half: str, size: int) -> None:
    """Let a file of this process grow to `size` bytes only. Then the process is killed, or the write fails."""
    # The kernel does it within the write that crosses the border, as a full disk and a power cut would.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if half == "kill" else signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if half else hard, hard))


def forget_peak() -> int:
    """Let the kernel measure the peak of memory from now on, and return the bytes in use now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        # Without it the peak counts from the start of the process, which is a little more.
        return peak()
    return peak()


def peak() -> int:
    """Return the most bytes of memory that were in use."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(found[0].split()[1]) * 1024


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(report), encoding="utf-8")
    part.replace(path)
