"""Jobs that wait for a slot at an account, in order.

An account without a free slot has a gate. Jobs wait behind it without a due time, in the order in which they were
planned. While the gate is open, the first job is claimed to try. A render that ends opens the gate; a limit on
requests opens it exactly when the next slot in its window is free.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from reelwork.store.records import JobRow
from reelwork.store.sqlite.job_leases import Wanted, left_out
from reelwork.store.sqlite.job_reads import JOB_COLUMNS

# With the gate open, all that wait would be woken to meet the same limit. One finds out, and opens it if it
# succeeds.
TRYING = 0.05
"""Seconds for which a gate stays shut behind a job that tries."""


def open_now(db: sqlite3.Connection, account: str, now: float) -> None:
    """Open the gate of an account that may have a free slot."""
    db.execute("UPDATE gates SET opens_at = ? WHERE account = ? AND opens_at > ?", (now, account, now))


def set_time(db: sqlite3.Connection, account: str, opens_at: float) -> None:
    """Shut the gate of an account until this time."""
    db.execute(
        "INSERT INTO gates(account, opens_at) VALUES (?, ?)"
        " ON CONFLICT(account) DO UPDATE SET opens_at = excluded.opens_at",
        (account, opens_at),
    )


def exists(db: sqlite3.Connection, account: str) -> bool:
    """Return whether a job waits, or has waited, for a slot at an account."""
    return db.execute("SELECT 1 FROM gates WHERE account = ?", (account,)).fetchone() is not None


def claim(db: sqlite3.Connection, wanted: Wanted) -> list[JobRow]:
    """Claim the first job behind each open gate."""
    claimed: list[JobRow] = []
    but, steps = left_out(wanted.left)
    values = {
        "owner": wanted.owner, "until": wanted.lease_until, "now": wanted.now, "scope": wanted.scope, **steps,
    }  # fmt: skip
    accounts = db.execute("SELECT account FROM gates WHERE opens_at <= ?", (wanted.now,)).fetchall()
    for (account,) in accounts:
        if len(claimed) >= wanted.count:
            break
        row = db.execute(
            f"""
            UPDATE jobs SET owner = :owner, lease_until = :until, fence = fence + 1, blocked_on = NULL,
              due_at = :now
            WHERE seq = {_front(wanted.scope, but)} RETURNING {JOB_COLUMNS}
            """,
            {**values, "account": account},
        ).fetchone()
        if row is not None:
            claimed.append(JobRow(*row))
            set_time(db, account, wanted.now + TRYING)
    return claimed


def claim_one(db: sqlite3.Connection, job_id: str, owner: str, lease_until: float, now: float) -> JobRow | None:
    """Claim one job that waits at a gate, if the gate is open."""
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


def next_due(db: sqlite3.Connection, scope: str | None, left: Collection[tuple[str, str]] = ()) -> float | None:
    """Return when the next gate opens for a job of this set; None if no job of it waits at a gate."""
    but, steps = left_out(left)
    front, values = f"SELECT {_front(scope, but)}", {"scope": scope, **steps}
    times = [
        float(opens_at)
        for account, opens_at in db.execute("SELECT account, opens_at FROM gates").fetchall()
        if db.execute(front, {"account": account, **values}).fetchone()[0] is not None
    ]
    return min(times, default=None)


def _front(scope: str | None, but: str) -> str:
    # Only jobs that this process drives: those of a run that nobody drives would block the gate for good.
    within = "AND id IN (SELECT job_id FROM temp.scopes WHERE scope = :scope)" if scope else ""
    return (
        "(SELECT seq FROM jobs WHERE blocked_on = :account AND status = 'active' AND due_at IS NULL"
        f" AND owner IS NULL {within} {but} ORDER BY seq LIMIT 1)"
    )
