"""Changes of runs, jobs and their stories, as functions of an open connection within a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reelwork.store.frozen import brand_in
from reelwork.store.records import ACTIVE, DONE, REMOVED, JobRow, Lease, RunRow
from reelwork.store.sqlite import job_leases
from reelwork.store.sqlite.event_numbers import HIGHEST_REMOVED, NEWEST_LINE
from reelwork.store.sqlite.job_reads import jobs_with_keys, removed_job
from reelwork.store.statuses import ENDED

if TYPE_CHECKING:
    from reelwork.store.commands import NewJob, SetJob, Tell


def add_run(db: sqlite3.Connection, run: RunRow) -> RunRow:
    """Add a run, or return the one that has its key."""
    if run.key is not None:
        found = db.execute(
            "SELECT id, key, workflow, frozen, created_at FROM runs WHERE key = ?", (run.key,)
        ).fetchone()
        if found:
            return RunRow(*found)
    db.execute(
        "INSERT INTO runs(id, key, workflow, frozen, created_at, brand) VALUES (?, ?, ?, ?, ?, ?)",
        (run.id, run.key, run.workflow, run.frozen, run.created_at, brand_in(run.frozen)),
    )
    return run


def add_jobs(db: sqlite3.Connection, run_id: str, jobs: Sequence[NewJob], now: float) -> list[JobRow]:
    """Add the jobs whose key is new; return the jobs of all the keys, in order, old or new."""
    brand = _brand_of(db, run_id)
    found = [_added(db, run_id, brand, job, now) or _there(db, job) for job in jobs]
    # A job that is not done continues with the workflow as it is now, so that a corrected setting takes effect.
    adopt(db, run_id, [job.id for job in found if job.run_id != run_id], now)
    return [job if _keeps_its_run(job, run_id) else replace(job, run_id=run_id, brand=brand) for job in found]


def _brand_of(db: sqlite3.Connection, run_id: str) -> str:
    row = db.execute("SELECT brand FROM runs WHERE id = ?", (run_id,)).fetchone()
    return "" if row is None else str(row[0])


def _keeps_its_run(job: JobRow, run_id: str) -> bool:
    return job.run_id == run_id or job.status == DONE or job.step == REMOVED


def _there(db: sqlite3.Connection, new: NewJob) -> JobRow:
    """Return the job that has the key of a new one, or its remains."""
    return removed_job(db, new.key, new.data) or jobs_with_keys(db, (new.key,))[new.key]


# One statement: of two processes that add a batch at once, only one adds each job. A removed job counts as there,
# since it may have been paid for.
_ADD = (
    "INSERT INTO jobs(id, run_id, key, status, step, due_at, data, created_at, updated_at, brand)"
    " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM removed_jobs WHERE key = ?)"
    " ON CONFLICT(key) DO NOTHING"
)


def _added(db: sqlite3.Connection, run_id: str, brand: str, job: NewJob, now: float) -> JobRow | None:
    """Add a job and return it; None if one with its key is there, or was removed."""
    values = (job.id, run_id, job.key, ACTIVE, job.step, now, job.data, now, now, brand, job.key)
    if not db.execute(_ADD, values).rowcount:
        return None
    return JobRow(job.id, run_id, job.key, ACTIVE, job.step, now, 0, 0, job.data, "", None, now, now, brand)


def adopt(db: sqlite3.Connection, run_id: str, job_ids: Iterable[str], now: float) -> None:
    """Move jobs that are not done, and that nobody holds, to another run."""
    brand = _brand_of(db, run_id)
    db.executemany(
        # What was launched stays known: a schedule knows its jobs by it. With another brand the fence rises: nobody
        # decides about the job who has read it for its old one.
        "UPDATE jobs SET first_run = coalesce(first_run, run_id), run_id = :run, fence = fence + (brand <> :brand),"
        " brand = :brand WHERE id = :job AND status <> 'done' AND (owner IS NULL OR lease_until < :now)",
        [{"run": run_id, "brand": brand, "job": job_id, "now": now} for job_id in job_ids],
    )


# No column of an index is among these, so a step of a leased job costs one row.
_STEP = """
    UPDATE jobs SET step = ?, reason = ?, attempts = ?, data = coalesce(?, data), updated_at = ?
    WHERE id = ? AND fence = ? AND owner = ?
    """


def step_on(db: sqlite3.Connection, lease: Lease, change: SetJob, lines: Iterable[Tell], now: float) -> None:
    """Store the next step of a job that stays leased, with lines of its story. Raises `LeaseLost`."""
    values = (change.step, change.reason, change.attempts, change.data, now, lease.job_id, lease.fence, lease.owner)
    if not db.execute(_STEP, values).rowcount:
        raise job_leases.lost(lease)
    for line in lines:
        tell(db, lease.job_id, line, now)


def set_job(db: sqlite3.Connection, job_id: str, change: SetJob, now: float) -> None:
    """Move a job on."""
    # If its render has ended in the meantime, it is due at once: what ended the render found nobody to wake.
    due_at = change.due_at
    if due_at is None and change.status == ACTIVE and change.blocked_on is None:
        due_at = _due_by_render(db, job_id, change.render_id, now)
    db.execute(
        """
        UPDATE jobs SET status = ?, step = ?, due_at = ?, reason = ?, attempts = ?, blocked_on = ?,
          data = coalesce(?, data), render_id = coalesce(?, render_id), updated_at = ?, ended_at = ?,
          owner = CASE WHEN ? THEN NULL ELSE owner END
        WHERE id = ?
        """,
        (
            change.status,
            change.step,
            due_at,
            change.reason,
            change.attempts,
            change.blocked_on,
            change.data,
            change.render_id,
            now,
            now if change.status in ENDED else None,
            change.release,
            job_id,
        ),
    )


def _due_by_render(db: sqlite3.Connection, job_id: str, render_id: str | None, now: float) -> float | None:
    row = db.execute(
        "SELECT 1 FROM renders WHERE ended_at IS NOT NULL"
        " AND id = coalesce(?, (SELECT render_id FROM jobs WHERE id = ?))",
        (render_id, job_id),
    ).fetchone()
    return None if row is None else now


_json = json.JSONEncoder(ensure_ascii=False).encode


def tell(db: sqlite3.Connection, job_id: str, line: Tell, now: float) -> None:
    """Add a line to a job's story."""
    details = _json(dict(line.details)) if line.details else "{}"
    # Numbers never begin again: a reader that names the last one it saw would miss what got a lower one.
    db.execute(
        "INSERT INTO events(seq, job_id, at, name, details)"
        f" VALUES (max({NEWEST_LINE}, {HIGHEST_REMOVED}) + 1, ?, ?, ?, ?)",
        (job_id, now, line.name, details),
    )


def wake(
    db: sqlite3.Connection,
    job_ids: Iterable[str],
    now: float,
    *,
    statuses: Sequence[str],
    fences: Mapping[str, int] | None = None,
) -> list[str]:
    """Make ended jobs active again at the step where they stopped; those in other states are left.

    With `fences`, those that have moved since somebody saw them are left, too.
    """
    from reelwork.store.commands import Tell

    marks = ", ".join("?" * len(statuses))
    woken = []
    for job_id in job_ids:
        changed = db.execute(
            # The status is part of the statement: a job that another process has woken or decided meanwhile is
            # left alone.
            f"UPDATE jobs SET status = 'active', due_at = ?, reason = '', attempts = 0, updated_at = ?,"
            f" ended_at = NULL WHERE id = ? AND fence = coalesce(?, fence) AND status IN ({marks})",
            (now, now, job_id, None if fences is None else fences.get(job_id), *statuses),
        ).rowcount
        if changed:
            tell(db, job_id, Tell("resumed"), now)
            woken.append(job_id)
    return woken


def decide(
    db: sqlite3.Connection,
    job_id: str,
    change: SetJob,
    lines: Sequence[Tell],
    now: float,
    fence: int | None = None,
    *,
    unheld: bool = False,
) -> bool:
    """Change a job from outside its steps. Whoever holds it loses it: what they write next is dropped.

    False, and nothing is changed, when it is not there or has moved on from this fence; with `unheld`, also while
    a process works on it.
    """
    # Of an active job, also a holder whose lease is over may still send, up to the moment the fence rises.
    found = db.execute(
        "SELECT fence, owner IS NOT NULL AND (lease_until >= ? OR status = 'active') FROM jobs WHERE id = ?",
        (now, job_id),
    ).fetchone()
    if found is None or fence not in (None, found[0]) or (unheld and found[1]):
        return False
    # First the fence, so that a process in the middle of a step cannot overwrite the decision.
    db.execute("UPDATE jobs SET fence = fence + 1, owner = NULL WHERE id = ?", (job_id,))
    set_job(db, job_id, change, now)
    for line in lines:
        tell(db, job_id, line, now)
    return True
