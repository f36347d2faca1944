"""Leases of jobs: who holds a job may write it, as long as its fence is still the job's.

Each taking raises the fence, in the statement that takes. Whoever held the job before, was paused, and comes back
has an older one, and every write of theirs finds no row.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from reelwork.errors import LeaseLost
from reelwork.store.records import JobRow, Lease
from reelwork.store.sqlite.job_reads import JOB_COLUMNS, job_from

# Asked of each job that is due. `id IN (SELECT …)` would go through the whole set instead, each time.
_IN_SCOPE = "EXISTS (SELECT 1 FROM temp.scopes WHERE scope = :scope AND job_id = jobs.id)"
_NOT_LEFT = "AND run_id || ' ' || step NOT IN (SELECT value FROM json_each(:left))"


def left_out(left: Collection[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    """Return the condition that leaves out steps of runs, and its value."""
    if not left:
        return "", {}
    return _NOT_LEFT, {"left": json.dumps([f"{run} {step}" for run, step in left])}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The jobs that a process asks for, and until when it would hold them."""

    owner: str
    lease_until: float
    now: float
    count: int
    """At most so many."""
    scope: str | None = None
    """A watched set of jobs; None: all."""
    left: Collection[tuple[str, str]] = ()
    """Steps of runs that it leaves to others."""


def claim(db: sqlite3.Connection, wanted: Wanted) -> list[JobRow]:
    """Claim jobs that are due and that nobody holds: those with a render first, then the oldest."""
    # A render has been paid for, and no provider keeps it for ever. It must not wait until all rows of a long batch
    # have been prepared.
    within = f"AND {_IN_SCOPE}" if wanted.scope else ""
    but, steps = left_out(wanted.left)
    claimed: list[JobRow] = []
    for which in ("INDEXED BY jobs_rendered WHERE render_id IS NOT NULL AND", "WHERE"):
        values = {
            "owner": wanted.owner, "until": wanted.lease_until, "now": wanted.now,
            "count": wanted.count - len(claimed), "scope": wanted.scope,
        }  # fmt: skip
        rows = db.execute(
            f"""
            UPDATE jobs SET owner = :owner, lease_until = :until, fence = fence + 1, blocked_on = NULL
            WHERE seq IN (
              SELECT seq FROM jobs {which} status = 'active' AND due_at <= :now
                AND (owner IS NULL OR lease_until < :now) {within} {but}
              ORDER BY due_at, seq LIMIT :count)
            RETURNING seq, {JOB_COLUMNS}
            """,
            {**values, **steps},
        ).fetchall()
        claimed += [JobRow(*row[1:]) for row in sorted(rows, key=lambda row: row[0])]
        if len(claimed) >= wanted.count:
            break
    return claimed


def claim_held(db: sqlite3.Connection, wanted: Wanted) -> list[JobRow]:
    """Claim held jobs one of whose reviews is to be reminded of or ended. They stay held."""
    but, steps = left_out(wanted.left)
    values = {"owner": wanted.owner, "until": wanted.lease_until, "now": wanted.now, "count": wanted.count}
    rows = db.execute(
        f"""
        UPDATE jobs SET owner = :owner, lease_until = :until, fence = fence + 1
        WHERE seq IN (
          SELECT seq FROM jobs WHERE status = 'held' AND due_at <= :now
            AND (owner IS NULL OR lease_until < :now) {but}
          ORDER BY due_at, seq LIMIT :count)
        RETURNING {JOB_COLUMNS}
        """,
        {**values, **steps},
    ).fetchall()
    return [JobRow(*row) for row in rows]


def claim_one(db: sqlite3.Connection, job_id: str, owner: str, lease_until: float, now: float) -> JobRow | None:
    """Claim one job, if it is due and nobody holds it."""
    row = db.execute(
        "UPDATE jobs SET owner = ?, lease_until = ?, fence = fence + 1, blocked_on = NULL"
        " WHERE id = ? AND status = 'active' AND due_at <= ? AND (owner IS NULL OR lease_until < ?)"
        f" RETURNING {JOB_COLUMNS}",
        (owner, lease_until, job_id, now, now),
    ).fetchone()
    return job_from(row) if row else None


def hold(db: sqlite3.Connection, job_id: str, owner: str, lease_until: float, now: float) -> JobRow | None:
    """Lease one job that nobody holds, whatever its status."""
    row = db.execute(
        "UPDATE jobs SET owner = ?, lease_until = ?, fence = fence + 1"
        f" WHERE id = ? AND (owner IS NULL OR lease_until < ?) RETURNING {JOB_COLUMNS}",
        (owner, lease_until, job_id, now),
    ).fetchone()
    return job_from(row) if row else None


def give_back(db: sqlite3.Connection, lease: Lease) -> None:
    """Let a job go exactly as it stands."""
    db.execute(
        "UPDATE jobs SET owner = NULL WHERE id = ? AND fence = ? AND owner = ?",
        (lease.job_id, lease.fence, lease.owner),
    )


def watch(db: sqlite3.Connection, scope: str, job_ids: Iterable[str]) -> None:
    """Name a set of jobs, for this process only, so that it drives these and no others."""
    # A temporary table belongs to this connection: other processes have sets of their own, and a kill leaves
    # nothing.
    db.execute("CREATE TEMP TABLE IF NOT EXISTS scopes(scope TEXT, job_id TEXT, PRIMARY KEY(scope, job_id))")
    db.executemany("INSERT OR IGNORE INTO temp.scopes VALUES (?, ?)", [(scope, id_) for id_ in job_ids])


def renew(db: sqlite3.Connection, owner: str, lease_until: float) -> int:
    """Extend this owner's leases."""
    jobs = db.execute("UPDATE jobs SET lease_until = ? WHERE owner = ?", (lease_until, owner)).rowcount
    db.execute("UPDATE renders SET lease_until = ? WHERE owner = ?", (lease_until, owner))
    return jobs


def owners(db: sqlite3.Connection) -> set[str]:
    """Return the names of all lease holders."""
    rows = db.execute(
        "SELECT owner FROM jobs WHERE owner IS NOT NULL UNION SELECT owner FROM renders WHERE owner IS NOT NULL"
    ).fetchall()
    return {row[0] for row in rows}


def expire(db: sqlite3.Connection, owner: str) -> None:
    """End the leases of an owner that is known to be dead."""
    # Only the lease ends. Should the process not be dead after all, it can write until another claims the job and
    # raises the fence.
    db.execute("UPDATE jobs SET lease_until = 0 WHERE owner = ?", (owner,))
    db.execute("UPDATE renders SET lease_until = 0 WHERE owner = ?", (owner,))


def check_lease(db: sqlite3.Connection, lease: Lease) -> str:
    """Return the run of a job that this lease still holds. Raises `LeaseLost`."""
    # In the transaction of the write. Checked before it, the job could be taken over in between.
    row = db.execute(
        "SELECT run_id FROM jobs WHERE id = ? AND fence = ? AND owner = ?",
        (lease.job_id, lease.fence, lease.owner),
    ).fetchone()
    if row is None:
        raise lost(lease)
    return str(row[0])


def lost(lease: Lease) -> LeaseLost:
    """Return the error for a process that no longer holds a job."""
    return LeaseLost(f"job {lease.job_id} was taken over by another process")


def let_go(db: sqlite3.Connection, lease: Lease, due_at: float) -> None:
    """Give a job back unchanged."""
    db.execute(
        "UPDATE jobs SET owner = NULL, due_at = ? WHERE id = ? AND fence = ? AND owner = ?",
        (due_at, lease.job_id, lease.fence, lease.owner),
    )


def next_due(db: sqlite3.Connection, scope: str | None, left: Collection[tuple[str, str]] = ()) -> float | None:
    """Return when the next job without a lease holder is due; None if there is none."""
    within = f"AND {_IN_SCOPE}" if scope else ""
    but, steps = left_out(left)
    # Who drives single jobs leaves the ends of reviews to servers.
    statuses = ("active",) if scope else ("active", "held")
    times = [
        db.execute(
            f"SELECT min(due_at) FROM jobs WHERE status = '{status}' AND due_at IS NOT NULL AND owner IS NULL"
            f" {within} {but}",
            {"scope": scope, **steps},
        ).fetchone()[0]
        for status in statuses
    ]
    return min((float(time) for time in times if time is not None), default=None)
