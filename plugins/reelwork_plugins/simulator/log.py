"""The request log: every request in order, whatever its outcome."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request

from reelwork_hooks import InvalidInput

_IN_PATH = re.compile(r"(/bot|/webhooks/\d+/)([^/]+)")
"""A token that is part of an address: a Telegram bot's, or that of a webhook at Discord."""
_SECRET = frozenset({"authorization", "api-key", "x-api-key", "x-litellm-api-key", "cookie", "proxy-authorization"})


MOST_KEPT = 50_000
"""Requests kept in memory, the newest ones; a log file has them all."""


class RequestLog:
    """The requests that arrived and their outcomes. May be used from several threads.

    An entry exists from the moment its request arrives. Its outcome is added as it is decided, the status before
    the first byte of the answer leaves. With a file each of these is a line, `received` or `outcome`; `read_log`
    puts them together again.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Open the file. Raises `InvalidInput` when it cannot be written."""
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
        self._seq = 0
        # Unbuffered: a kill of the simulator loses no request that it has received.
        try:
            self._file = path.open("ab", buffering=0) if path is not None else None
        except OSError as error:
            raise InvalidInput(f"the log file {path} cannot be written: {error.strerror}") from error

    def received(self, **facts: Any) -> dict[str, Any]:
        """Record a request that arrived. Return the entry, for `note`."""
        with self._lock:
            self._seq += 1
            entry = {
                "seq": self._seq, "time": time.time(), **facts,
                "status": None, "fault": None, "job_id": None, "dropped": False,
            }  # fmt: skip
            self._entries.append(entry)
            self._write("received", entry)
        return entry

    def note(self, entry: dict[str, Any], **outcome: Any) -> None:
        """Record the outcome of a request: some of `status`, `fault`, `job_id` and `dropped`."""
        with self._lock:
            entry.update(outcome)
            self._write("outcome", {"seq": entry["seq"], **outcome})

    def entries(self, path: str | None = None, method: str | None = None) -> list[dict[str, Any]]:
        """Return the newest `MOST_KEPT` requests; only those below a path or with a method, when given."""
        with self._lock:
            return [
                dict(entry)
                for entry in self._entries
                if (path is None or entry["path"].startswith(path))
                and (method is None or entry["method"] == method.upper())
            ]

    def clear(self) -> None:
        """Forget the requests. Numbering continues, and a log file stays as it is."""
        with self._lock:
            self._entries.clear()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _write(self, event: str, data: Mapping[str, Any]) -> None:
        if self._file is not None:
            line = json.dumps({"event": event, **data}, ensure_ascii=False) + "\n"
            self._file.write(line.encode("utf-8", "surrogatepass"))


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the requests in a log file, in order; one that was never answered has the status None.

    Numbers start again with each run of a simulator that appends to the file. Raises `OSError`.
    """
    entries: list[dict[str, Any]] = []
    open_entries: dict[int, dict[str, Any]] = {}
    for line in path.read_bytes().splitlines():
        try:
            data = json.loads(line)
        except ValueError:
            continue  # A kill in the middle of a line.
        event = data.pop("event")
        if event == "received":
            entries.append(data)
            open_entries[data["seq"]] = data
        elif data["seq"] in open_entries:
            open_entries[data["seq"]].update(data)
    return entries


def safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with secrets reduced to a hash: the same secret can be recognised, not read."""
    return {name: _hash(value) if name.lower() in _SECRET else value for name, value in headers.items()}


def safe_path(request: Request) -> str:
    """Return the path with a token in it reduced to a hash, as some services have one there."""
    return _IN_PATH.sub(lambda found: found[1] + _hash(found[2]), request.url.path)


def _hash(value: str) -> str:
    return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
