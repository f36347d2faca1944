"""Lines of a log: as text or JSON, on a terminal or in a file."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelwork.redaction import mask

FACTS = ("job", "run", "event", "duration_ms")
"""What a record says beside its message, given as `extra`."""


class TextLines(logging.Formatter):
    """A line for each record: time (UTC), level, logger, message, and the facts that are known."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, with its traceback below it."""
        said = "".join(f" {name}={value}" for name, value in facts(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {' '.join(record.getMessage().split())}{said}"
        return mask(f"{line}\n{record.exc_text}" if record.exc_text else line)


class JsonLines(logging.Formatter):
    """A JSON object for each record, on a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; what is not known is left out."""
        entry: dict[str, Any] = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        entry |= facts(record)
        entry["message"] = mask(record.getMessage())
        if record.exc_text:
            entry["traceback"] = mask(record.exc_text)
        return json.dumps(entry, ensure_ascii=False)


def log_file(path: Path, level: int, *, as_json: bool) -> logging.Handler:
    """A handler that appends to a file. Several processes may share one. Raises `OSError`."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setLevel(level)
    handler.setFormatter(JsonLines() if as_json else TextLines())
    return handler


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says beside its message: the job it is about, the event, how long it took."""
    job, run = getattr(record, "job_at_hand", None) or (None, None)
    at_hand = {"job": job, "run": run, **vars(record)}
    return {name: value for name in FACTS if (value := at_hand.get(name)) is not None}
