"""Queries of very many jobs at once, without their data."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence

from reelwork.store.records import JobHead, JobRow
from reelwork.store.sqlite.job_reads import JOB_COLUMNS, job_from


def heads(db: sqlite3.Connection, statuses: Sequence[str], runs: Collection[str] | None) -> list[JobHead]:
    """Return the jobs of these statuses, of these runs or of all, oldest first."""
    within = "" if runs is None else "AND run_id IN (SELECT value FROM json_each(:runs))"
    rows = db.execute(
        "SELECT id, run_id, status, step, render_id FROM jobs"
        f" WHERE status IN (SELECT value FROM json_each(:statuses)) {within} ORDER BY seq",
        {"statuses": json.dumps(list(statuses)), "runs": json.dumps(list(runs or ()))},
    )
    return _heads(rows)


def runs_with(db: sqlite3.Connection, statuses: Sequence[str]) -> list[str]:
    """Return the runs that have jobs of these statuses."""
    rows = db.execute(
        "SELECT DISTINCT run_id FROM jobs WHERE status IN (SELECT value FROM json_each(?))",
        (json.dumps(list(statuses)),),
    )
    return [row[0] for row in rows]


def some(db: sqlite3.Connection, ids: Sequence[str]) -> list[JobRow]:
    """Return the jobs with these ids, in this order; unknown ones are left out."""
    # The cross join makes SQLite go through the ids in their order, and look up each job by its key.
    columns = ", ".join(f"jobs.{name.strip()}" for name in JOB_COLUMNS.split(","))
    rows = db.execute(
        f"SELECT {columns} FROM json_each(?) AS named CROSS JOIN jobs ON jobs.id = named.value",
        (json.dumps(list(ids)),),
    )
    return [job_from(row) for row in rows]


def some_heads(db: sqlite3.Connection, ids: Sequence[str]) -> list[JobHead]:
    """Return the same without the jobs' data."""
    rows = db.execute(
        "SELECT jobs.id, run_id, status, step, render_id FROM json_each(?) AS named"
        " CROSS JOIN jobs ON jobs.id = named.value",
        (json.dumps(list(ids)),),
    )
    return _heads(rows)


def _heads(rows: Iterable[Sequence[str]]) -> list[JobHead]:
    # Thousands of jobs share a few runs, statuses and steps: one text of each is enough.
    texts: dict[str, str] = {}
    keep = texts.setdefault
    return [
        JobHead(id_, keep(run, run), keep(status, status), keep(step, step), render)
        for id_, run, status, step, render in rows
    ]


def is_active(db: sqlite3.Connection, scope: str, but: Collection[str]) -> bool:
    """Return whether a job of a watched set, other than those in `but`, is active."""
    rows = db.execute(
        "SELECT id FROM temp.scopes CROSS JOIN jobs INDEXED BY jobs_open ON id = job_id"
        " WHERE scope = ? AND status = 'active' LIMIT ?",
        # One more than may be left out is enough to know.
        (scope, len(but) + 1),
    )
    return any(row[0] not in but for row in rows)


def holders(db: sqlite3.Connection, scope: str, now: float) -> dict[str, int]:
    """Return the lease holders of active jobs in a watched set, each with its number of jobs."""
    rows = db.execute(
        "SELECT owner, count(*) FROM temp.scopes CROSS JOIN jobs INDEXED BY jobs_open ON id = job_id"
        " WHERE scope = ? AND status = 'active' AND owner IS NOT NULL AND lease_until >= ? GROUP BY owner",
        (scope, now),
    )
    return dict(rows.fetchall())
