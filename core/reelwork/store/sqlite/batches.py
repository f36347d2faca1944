"""Queries of the jobs of batch files, whose keys begin with `batch:`, and their correction in place."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from reelwork.store.records import BatchJob, JobRow
from reelwork.store.sqlite import jobs
from reelwork.store.statuses import CORRECTABLE, ENDED

if TYPE_CHECKING:
    from reelwork.store.commands import SetJob, Tell

Ask = Callable[[Callable[[sqlite3.Connection], Any]], Any]
Apply = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]
MOST_OF_FILES = 5000
"""Jobs of earlier runs of a file that are compared with its rows, the newest ones."""


_COLUMNS = (
    "id, key, run_id, status,"
    " EXISTS (SELECT 1 FROM effects WHERE effects.job_id = jobs.id AND kind = 'submit'),"
    " json_extract(data, '$.brief.prompt'), json_extract(data, '$.row'), json_extract(data, '$.platform.name'),"
    " json_extract(data, '$.take'), coalesce(json_extract(data, '$.batch'), '')"
)
# A range and not LIKE, so that SQLite uses the index of keys. `;` is the sign after `:`.
_OF_BATCHES = "key >= 'batch:' AND key < 'batch;'"


class SqliteBatchReader:
    """Reads the jobs of batch files, by the function that runs a question."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def any(self) -> bool:
        """Return whether there is, or was, a job of a batch."""
        query = " UNION ALL ".join(
            f"SELECT 1 FROM {table} WHERE {_OF_BATCHES}" for table in ("jobs", "removed_jobs")
        )
        return self._ask(lambda db: db.execute(f"{query} LIMIT 1").fetchone()) is not None

    def keys(self, base: str) -> set[str]:
        """Return the keys of a batch's jobs, removed ones included."""
        return set(self._ask(lambda db: _keys(db, base)))

    def with_prompts(self, prompts: Sequence[str]) -> list[BatchJob]:
        """Return the jobs of all batches with one of these prompts, newest first."""
        return list(self._ask(lambda db: _with_prompts(db, prompts)))

    def of(self, bases: Sequence[str], file: str) -> list[BatchJob]:
        """Return the newest jobs of these batches, and of all that were read from this file."""
        return list(self._ask(lambda db: _of(db, bases, file)))

    def removed(self) -> list[tuple[str, str]]:
        """Return the id and key of each job of a batch that was removed from the store."""
        query = f"SELECT job_id, key FROM removed_jobs WHERE {_OF_BATCHES}"
        return [(row[0], row[1]) for row in self._ask(lambda db: db.execute(query).fetchall())]


class SqliteBatches(SqliteBatchReader):
    """Reads them, and corrects them in place."""

    def __init__(self, ask: Ask, change: Apply, clock: Callable[[], float]) -> None:
        super().__init__(ask)
        self._change = change
        self._clock = clock

    async def correct(self, row: JobRow, change: SetJob, line: Tell) -> bool:
        """Give a job of which nothing was ever sent other contents, unless it has changed since it was read."""
        return bool(await self._change(lambda db: correct(db, row, change, line, self._clock())))


def _keys(db: sqlite3.Connection, base: str) -> list[str]:
    first, end = f"batch:{base}:", f"batch:{base};"
    found = []
    for table in ("jobs", "removed_jobs"):
        found += db.execute(f"SELECT key FROM {table} WHERE key >= ? AND key < ?", (first, end)).fetchall()
    return [row[0] for row in found]


def _with_prompts(db: sqlite3.Connection, prompts: Sequence[str]) -> list[BatchJob]:
    query = (
        f"SELECT {_COLUMNS} FROM jobs WHERE {_OF_BATCHES}"
        " AND trim(json_extract(data, '$.brief.prompt')) IN (SELECT value FROM json_each(?)) ORDER BY seq DESC"
    )
    return [BatchJob(*row) for row in db.execute(query, (json.dumps(list(prompts)),))]


def _of(db: sqlite3.Connection, bases: Sequence[str], file: str) -> list[BatchJob]:
    found: dict[str, BatchJob] = {}
    for base in bases:
        query = f"SELECT {_COLUMNS} FROM jobs WHERE key >= ? AND key < ? ORDER BY seq DESC LIMIT {MOST_OF_FILES}"
        found |= {row[0]: BatchJob(*row) for row in db.execute(query, (f"batch:{base}:", f"batch:{base};"))}
    query = (
        f"SELECT {_COLUMNS} FROM jobs WHERE {_OF_BATCHES} AND json_extract(data, '$.batch') = ?"
        f" ORDER BY seq DESC LIMIT {MOST_OF_FILES}"
    )
    found |= {row[0]: BatchJob(*row) for row in db.execute(query, (file,))}
    return list(found.values())


def correct(db: sqlite3.Connection, row: JobRow, change: SetJob, line: Tell, now: float) -> bool:
    """Give a job of which nothing was ever sent other contents, unless it has changed since it was read."""
    # One statement decides it: since it was read, another process may have resumed the job and paid.
    statuses = json.dumps([str(status) for status in CORRECTABLE])
    ended_at = now if change.status in ENDED else None
    changed = db.execute(
        "UPDATE jobs SET status = ?, step = ?, due_at = ?, data = ?, reason = '', attempts = 0, owner = NULL,"
        " fence = fence + 1, updated_at = ?, ended_at = ? WHERE id = ? AND fence = ?"
        " AND status IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM effects WHERE effects.job_id = jobs.id"
        "   AND NOT (kind = 'plugin' AND state = 'confirmed'))",
        (change.status, change.step, now, change.data, now, ended_at, row.id, row.fence, statuses),
    ).rowcount
    if changed:
        jobs.tell(db, row.id, line, now)
    return bool(changed)
