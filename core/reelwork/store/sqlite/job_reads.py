"""Queries of runs, jobs and their stories, as functions of an open connection. They change nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from reelwork.store.holds import HoldReason
from reelwork.store.records import ACTIVE, REMOVED, EventRow, JobRow, RunRow
from reelwork.store.sqlite.sql_list import sql_list

JOB_COLUMNS = (
    "id, run_id, key, status, step, due_at, fence, attempts, data, reason, render_id, created_at, updated_at, brand"
)
_Condition = tuple[str, tuple[str | float, ...]]
"""A condition in SQL, and its values."""


def job_from(row: sqlite3.Row) -> JobRow:
    """Return the job of a row."""
    return JobRow(*row)


def get_run(db: sqlite3.Connection, run_id: str) -> RunRow | None:
    """Return one run; None if there is none."""
    row = db.execute("SELECT id, key, workflow, frozen, created_at FROM runs WHERE id = ?", (run_id,)).fetchone()
    return RunRow(*row) if row else None


def jobs_with_keys(db: sqlite3.Connection, keys: Iterable[str]) -> dict[str, JobRow]:
    """Return the jobs that have these keys."""
    found = {}
    for key in keys:
        row = db.execute(f"SELECT {JOB_COLUMNS} FROM jobs WHERE key = ?", (key,)).fetchone()
        job = job_from(row) if row else removed_job(db, key)
        if job is not None:
            found[key] = job
    return found


def removed_job(db: sqlite3.Connection, key: str, data: str = "") -> JobRow | None:
    """Return what is left of a removed job: its `step` is `REMOVED`, its data is `data`. None if there is none."""
    row = db.execute(
        "SELECT job_id, run_id, status, created_at, updated_at, date(removed_at, 'unixepoch') FROM removed_jobs"
        " WHERE key = ?",
        (key,),
    ).fetchone()
    if row is None:
        return None
    id_, run_id, status, created_at, updated_at, day = row
    reason = f"its record was removed on {day}; it is not made again, since it may have been paid for"
    return JobRow(id_, run_id, key, status, REMOVED, None, 0, 0, data, reason, None, created_at, updated_at)


def get_job(db: sqlite3.Connection, job_id: str) -> JobRow | None:
    """Return one job; None if there is none."""
    row = db.execute(f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return job_from(row) if row else None


_NOT_ACTIVE = "status <> 'active'"


def find_jobs(
    db: sqlite3.Connection,
    *,
    prefix: str = "",
    suffix: str = "",
    run_id: str | None = None,
    statuses: Sequence[str] = (),
    before: str | None = None,
    since: float | None = None,
    brand: str | None = None,
    without_brands: Sequence[str] = (),
    search: str = "",
    metadata: Iterable[tuple[str, str]] = (),
    in_review: bool = False,
    limit: int = -1,
) -> list[JobRow]:
    """Return jobs, newest first: those added before the job `before`, and at or after `since`.

    `search` is looked for in prompts, copy, rows and reasons, `metadata` in the brief's. With `in_review`, only
    those one of whose posts a person is asked about.
    """
    conditions: list[_Condition] = [("id LIKE ? ESCAPE '!'", (f"{_like(prefix)}%{_like(suffix)}",))]
    if run_id is not None:
        conditions.append(("run_id = ?", (run_id,)))
    if brand is not None:
        # Spelt out, so that SQLite takes the index of jobs that have a brand.
        conditions.append(("brand = ? AND brand <> ''", (brand,)))
    if without_brands:
        conditions.append((f"brand NOT IN ({', '.join('?' * len(without_brands))})", tuple(without_brands)))
    if statuses:
        conditions.append((f"status IN ({', '.join('?' * len(statuses))})", tuple(statuses)))
        if len(statuses) == 1 and ACTIVE not in statuses:
            # Spelt out, so that SQLite takes the index. Active jobs are not in it, so that a new one need not be
            # written there.
            conditions.append((_NOT_ACTIVE, ()))
    if before is not None:
        conditions.append(("seq < (SELECT seq FROM jobs WHERE id = ?)", (before,)))
    if since is not None:
        conditions.append(("created_at >= ?", (since,)))
    if search:
        conditions.append(_searched(search))
    for name, wanted in metadata:
        conditions.append((_OF_METADATA, (*[f'$.brief.metadata."{name}"'] * 2, wanted)))
    if in_review:
        conditions.append((_IN_REVIEW, ()))
    which = " AND ".join(condition for condition, _ in conditions)
    values = (*chain.from_iterable(given for _, given in conditions), limit)
    rows = db.execute(f"SELECT {JOB_COLUMNS} FROM jobs WHERE {which} ORDER BY seq DESC LIMIT ?", values).fetchall()
    return [job_from(row) for row in rows]


def _searched(search: str) -> _Condition:
    text = f"%{_like(search)}%"
    written = f"%{_like(json.dumps(search, ensure_ascii=False)[1:-1])}%"
    return _SEARCHED, (written, *[text] * (_SEARCHED.count("?") - 1))


# The whole text first: most jobs drop out before anything of theirs is parsed.
_SEARCHED = (
    "((data LIKE ? ESCAPE '!' AND ("
    + " OR ".join(
        f"json_extract(data, '$.{name}') LIKE ? ESCAPE '!'"
        for name in ("brief.prompt", "prompt.text", "prompt.title", "prompt.caption", "row")
    )
    + ")) OR reason LIKE ? ESCAPE '!')"
)
# Two looks: the text leaves out nearly all jobs before anything of theirs is parsed.
_ASKED = (HoldReason.REVIEW, HoldReason.APPEAL)
_WRITTEN = " OR ".join(f"""data LIKE '%"hold":{gap}"{one}"%'""" for one in _ASKED for gap in ("", " "))
_IN_REVIEW = (
    f"(({_WRITTEN}) AND (status = 'held' AND json_extract(data, '$.hold') = '{HoldReason.APPEAL}'"
    " OR EXISTS (SELECT 1 FROM json_each(data, '$.posts') WHERE json_extract(value, '$.state') = 'held'"
    f" AND json_extract(value, '$.hold') IN {sql_list(_ASKED)})))"
)
_OF_METADATA = (
    "CASE json_type(data, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
    " ELSE CAST(json_extract(data, ?) AS TEXT) END = ?"
)


def _like(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def brands(db: sqlite3.Connection) -> list[str]:
    """Return the brands for which there was ever a run, by name."""
    return [row[0] for row in db.execute("SELECT DISTINCT brand FROM runs WHERE brand <> '' ORDER BY brand")]


def count_by_status(db: sqlite3.Connection) -> Mapping[str, int]:
    """Return the number of jobs of each status."""
    rows = db.execute(
        # Two queries, since each is answered by an index alone.
        f"SELECT status, count(*) FROM jobs WHERE {_NOT_ACTIVE} GROUP BY status"
        " UNION ALL SELECT status, count(*) FROM jobs WHERE status = 'active' GROUP BY status"
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def events(db: sqlite3.Connection, job_id: str) -> list[EventRow]:
    """Return a job's story, oldest line first."""
    rows: list[Any] = db.execute(
        "SELECT seq, job_id, at, name, details FROM events WHERE job_id = ? ORDER BY seq", (job_id,)
    ).fetchall()
    return [EventRow(*row) for row in rows]
