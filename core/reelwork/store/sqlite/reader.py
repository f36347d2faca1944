"""Reading the store while other processes write it: on a connection of its own that never takes the write lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reelwork.store.records import ACTIVE, JobHead, JobRow, RenderRow
from reelwork.store.sqlite import bulk_reads, jobs, renders
from reelwork.store.sqlite.workers import living
from reelwork.store.sqlite.writer import connect


class StoreReader:
    """Looks at jobs. Fits where a store is asked for jobs by name."""

    def __init__(self, path: Path) -> None:
        """Open the store. Raises `StoreInvalid`."""
        self.path = path
        self._connection: sqlite3.Connection = connect(path)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def jobs(self, **which: Any) -> list[JobRow]:
        """Jobs, newest first. Takes `prefix`, `run_id`, `statuses`, `limit`."""
        return jobs.find_jobs(self._connection, **which)

    def active(self) -> list[str]:
        """The ids of all jobs that are not at an end, oldest first."""
        return [head.id for head in bulk_reads.heads(self._connection, (ACTIVE,), None)]

    def heads(self, ids: Sequence[str]) -> list[JobHead]:
        """Return the ids, status, step and render of these jobs, without their data."""
        return bulk_reads.some_heads(self._connection, ids)

    def some(self, ids: Sequence[str]) -> list[JobRow]:
        """These jobs; those that are not there are left out."""
        return bulk_reads.some(self._connection, ids)

    def render(self, render_id: str) -> RenderRow | None:
        """One render."""
        return renders.get(self._connection, render_id)

    def somebody_works(self) -> bool:
        """Return whether a process that drives jobs of this store is alive; True if that cannot be told."""
        return bool(living(self.path))
