"""Stores jobs between runs: a file of JSON lines that is replayed at the start."""

from __future__ import annotations

import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator.asks import Ask
from reelwork_plugins.simulator.jobs import Fate, Job, JobStore
from reelwork_plugins.simulator.pictures import Picture


class Journal:
    """The record of job events, in order. Only creations and deletions: the rest follows from the clock."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises `InvalidInput` when it cannot be written."""
        self._lock = threading.Lock()
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
        except OSError as error:
            raise InvalidInput(f"the state folder {path.parent} cannot be written: {error.strerror}") from error
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            self._file.write(b"\n")  # A kill cut the last line short; the next must not be glued to it.

    def created(self, job: Job) -> None:
        """Record a new job."""
        self._write({"event": "created", "at": job.created_at, "job": _job_data(job)})

    def deleted(self, job: Job, now: float) -> None:
        """Record that a job was deleted."""
        self._write({"event": "deleted", "at": now, "dialect": job.dialect, "id": job.id})

    def replay(self, store: JobStore) -> None:
        """Restore the jobs of earlier runs. Lines that were cut short are skipped."""
        for event in self._events():
            if event["event"] == "created":
                store.add(_job_from(event["job"]))
            elif job := store.get(event["dialect"], event["id"], event["at"]):
                store.delete(job, event["at"])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _events(self) -> Iterator[dict[str, Any]]:
        with self._path.open("rb") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    def _write(self, event: dict[str, Any]) -> None:
        line = json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        with self._lock:
            self._file.write(line)
            # Into the system's hands, so that a kill loses no job; only a power cut may.
            self._file.flush()


def _job_data(job: Job) -> dict[str, Any]:
    ask = asdict(job.ask)
    if job.ask.picture is not None:
        picture = job.ask.picture
        ask["picture"] = {"media_type": picture.media_type, "content": b64encode(picture.content).decode("ascii")}
    return {
        "id": job.id, "dialect": job.dialect, "ask": ask, "fate": asdict(job.fate), "created_at": job.created_at,
        "source_id": job.source_id,
    }  # fmt: skip


def _job_from(data: dict[str, Any]) -> Job:
    ask = dict(data["ask"])
    if ask["picture"] is not None:
        ask["picture"] = Picture(ask["picture"]["media_type"], b64decode(ask["picture"]["content"]))
    return Job(
        id=data["id"], dialect=data["dialect"], ask=Ask(**ask), fate=Fate(**data["fate"]),
        created_at=data["created_at"], source_id=data["source_id"],
    )  # fmt: skip
