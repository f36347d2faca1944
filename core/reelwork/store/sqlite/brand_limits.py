"""Whether a change is about the one brand that a store is limited to, asked in the transaction that makes it."""

from __future__ import annotations

import sqlite3

from reelwork.errors import NotReviewer, WorkflowInvalid
from reelwork.store.frozen import brand_in, reviewers_in


def job_is_of(db: sqlite3.Connection, only: str, job_id: str) -> bool:
    """Return whether a job belongs to the brand; True without one."""
    return not only or _brand(db, "SELECT brand FROM jobs WHERE id = ?", job_id) == only


def schedule_is_of(db: sqlite3.Connection, only: str, name: str, spec: str | None = None) -> bool:
    """Return whether a schedule belongs to the brand, and would with the `spec` that it gets; True without one."""
    if not only:
        return True
    told = "SELECT coalesce(json_extract(spec, '$.brand'), '') FROM schedules WHERE name = ?"
    there = _brand(db, told, name)
    new = None if spec is None else _brand(db, "SELECT coalesce(json_extract(?, '$.brand'), '')", spec)
    return there == only if new is None else new == only and there in (only, None)


def check_run(only: str, frozen: str) -> None:
    """Refuse a run of another brand. Raises `WorkflowInvalid`."""
    if only and brand_in(frozen) != only:
        raise WorkflowInvalid(f"This workflow is not for the brand {only}.", money="Nothing was sent.")


def check_reviewer(db: sqlite3.Connection, job_id: str, approver: str) -> None:
    """Refuse the approval of somebody who is no reviewer of the job's brand. Raises `NotReviewer`."""
    query = "SELECT jobs.brand, runs.frozen FROM jobs JOIN runs ON runs.id = jobs.run_id WHERE jobs.id = ?"
    brand, frozen = db.execute(query, (job_id,)).fetchone() or ("", "")
    reviewers = reviewers_in(frozen) if brand else ()
    if reviewers and approver not in reviewers:
        raise NotReviewer(approver, brand, reviewers)


def _brand(db: sqlite3.Connection, query: str, value: str) -> str | None:
    row = db.execute(query, (value,)).fetchone()
    return None if row is None else str(row[0])
