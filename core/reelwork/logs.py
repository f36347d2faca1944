"""Lines of a log: as text or JSON, on a terminal or in a file."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from reelwork.redaction.redactor import mask

FACTS = ("job", "run", "event", "duration_ms")
"""The facts of a record beside its message, given as `extra`."""


class TextLines(logging.Formatter):
    """A line for each record: time (UTC), level, logger, message, and the facts that are known."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, with its traceback below it."""
        said = "".join(f" {name}={value}" for name, value in facts(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {' '.join(record.getMessage().split())}{said}"
        return mask(f"{line}\n{record.exc_text}" if record.exc_text else line)


class JsonLines(logging.Formatter):
    """A JSON object for each record, on a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; unknown facts are left out."""
        entry: dict[str, Any] = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        entry |= facts(record)
        entry["message"] = mask(record.getMessage())
        if record.exc_text:
            entry["traceback"] = mask(record.exc_text)
        return json.dumps(entry, ensure_ascii=False)


def log_file(
    path: Path, level: int, *, as_json: bool, on_failure: Callable[[Exception], None] | None = None
) -> logging.Handler:
    """Return a handler that appends to a file. Several processes may share one. Raises `OSError`.

    `on_failure` gets the first error of writing. From then on nothing is written, and the jobs go on.
    """
    handler = _LogFile(_opened(path), on_failure)
    handler.setLevel(level)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    return handler


def _opened(path: Path) -> TextIO:
    # O_APPEND: several processes write to one log, and the system puts each write at its end. O_NONBLOCK: opening a
    # named pipe that nobody reads would wait without end; this way it is an error.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o600)
    # For opening only: a reader that is slow for a moment must not end the log.
    os.set_blocking(descriptor, True)
    return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")


class _LogFile(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO, on_failure: Callable[[Exception], None] | None) -> None:
        super().__init__(stream)
        self._on_failure = on_failure
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._failed:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        # `Handler.handleError` prints a traceback for each record that fails: a full disk would flood the display.
        self._failed = True
        error = sys.exception()
        if self._on_failure is not None and isinstance(error, Exception):
            self._on_failure(error)

    def flush(self) -> None:
        if not self._failed:
            super().flush()

    def close(self) -> None:
        with suppress(OSError, ValueError):
            self.stream.close()
        super().close()


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record says beside its message: its job and run, its event, and how long it took."""
    job, run = getattr(record, "job_at_hand", None) or (None, None)
    at_hand = {"job": job, "run": run, **vars(record)}
    return {name: value for name in FACTS if (value := at_hand.get(name)) is not None}
