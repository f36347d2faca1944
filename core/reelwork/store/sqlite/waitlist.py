"""Jobs that wait for a place at an account, each in its turn.

An account that had no place has a gate. Behind it jobs wait without a due time, the one that was planned first in
front. While the gate is open, the job in front is taken to try; while it tries, the gate is shut for a moment, so
that one finds out what the limits say now instead of all that wait. A render that ends opens the gate; a limit on
requests opens it exactly when the next place in its window is free.

Only jobs that somebody drives are taken, so those of a run that was left do not stand in the way of another's.
"""

from __future__ import annotations

import sqlite3

from reelwork.store.records import JobRow
from reelwork.store.sqlite.job_reads import JOB_COLUMNS

TRYING = 0.05
"""Seconds for which a gate stays shut behind a job that tries. It opens sooner when the try succeeds."""


def open_now(db: sqlite3.Connection, account: str, now: float) -> None:
    """There may be a place at an account."""
    db.execute("UPDATE gates SET opens_at = ? WHERE account = ? AND opens_at > ?", (now, account, now))


def set_time(db: sqlite3.Connection, account: str, opens_at: float) -> None:
    """There is no place at an account before this time."""
    db.execute(
        "INSERT INTO gates(account, opens_at) VALUES (?, ?)"
        " ON CONFLICT(account) DO UPDATE SET opens_at = excluded.opens_at",
        (account, opens_at),
    )


def exists(db: sqlite3.Connection, account: str) -> bool:
    """Return whether a job waits, or has waited, for a place at an account."""
    return db.execute("SELECT 1 FROM gates WHERE account = ?", (account,)).fetchone() is not None


def claim(
    db: sqlite3.Connection, owner: str, lease_until: float, now: float, count: int, scope: str | None
) -> list[JobRow]:
    """Take the job in front of each open gate, at most `count`. `scope` names a watched set of jobs."""
    claimed: list[JobRow] = []
    accounts = db.execute("SELECT account FROM gates WHERE opens_at <= ?", (now,)).fetchall()
    for (account,) in accounts:
        if len(claimed) >= count:
            break
        row = db.execute(
            f"""
            UPDATE jobs SET owner = :owner, lease_until = :until, fence = fence + 1, blocked_on = NULL,
              due_at = :now
            WHERE seq = {_front(scope)} RETURNING {JOB_COLUMNS}
            """,
            {"owner": owner, "until": lease_until, "now": now, "account": account, "scope": scope},
        ).fetchone()
        if row is not None:
            claimed.append(JobRow(*row))
            set_time(db, account, now + TRYING)
    return claimed


def claim_one(db: sqlite3.Connection, job_id: str, owner: str, lease_until: float, now: float) -> JobRow | None:
    """Take one job that waits at a gate, if that is open: whoever drives jobs one by one keeps their order."""
    gate = db.execute(
        "SELECT account FROM gates WHERE opens_at <= ? AND account = (SELECT blocked_on FROM jobs WHERE id = ?)",
        (now, job_id),
    ).fetchone()
    if gate is None:
        return None
    row = db.execute(
        "UPDATE jobs SET owner = ?, lease_until = ?, fence = fence + 1, blocked_on = NULL, due_at = ?"
        f" WHERE id = ? AND status = 'active' AND due_at IS NULL AND owner IS NULL RETURNING {JOB_COLUMNS}",
        (owner, lease_until, now, job_id),
    ).fetchone()
    if row is None:
        return None
    set_time(db, gate[0], now + TRYING)
    return JobRow(*row)


def next_due(db: sqlite3.Connection, scope: str | None) -> float | None:
    """Return when the next gate opens for a job of this set; None if no job of it waits at a gate."""
    times = [
        float(opens_at)
        for account, opens_at in db.execute("SELECT account, opens_at FROM gates").fetchall()
        if db.execute(f"SELECT {_front(scope)}", {"account": account, "scope": scope}).fetchone()[0] is not None
    ]
    return min(times, default=None)


def _front(scope: str | None) -> str:
    within = "AND id IN (SELECT job_id FROM temp.scopes WHERE scope = :scope)" if scope else ""
    return (
        "(SELECT seq FROM jobs WHERE blocked_on = :account AND status = 'active' AND due_at IS NULL"
        f" AND owner IS NULL {within} ORDER BY seq LIMIT 1)"
    )
