"""Changes and questions about renders. Each is a function of an open connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from reelwork.store import gates
from reelwork.store.rows import AddRender, RenderRow, RenderUpdate

RENDER_COLUMNS = (
    "id, job_id, run_id, provider, account, remote_id, request, details, state, word, progress, error,"
    " submitted_at, due_at, deadline_at, overdue, failures, fence, expires_at, ended_at"
)


def render_from(row: sqlite3.Row) -> RenderRow:
    """The render a row holds."""
    values = dict(row)
    values["overdue"] = bool(values["overdue"])
    return RenderRow(**values)


def add(db: sqlite3.Connection, job_id: str, run_id: str, act: AddRender, now: float) -> None:
    """Keep a render a provider accepted."""
    db.execute(
        "INSERT INTO renders(id, job_id, run_id, provider, account, remote_id, request, details, state,"
        " submitted_at, due_at, deadline_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        (
            act.id,
            job_id,
            run_id,
            act.provider,
            act.account,
            act.remote_id,
            act.request,
            act.details,
            now,
            act.due_at,
            act.deadline_at,
        ),
    )


def get(db: sqlite3.Connection, render_id: str) -> RenderRow | None:
    """One render."""
    row = db.execute(f"SELECT {RENDER_COLUMNS} FROM renders WHERE id = ?", (render_id,)).fetchone()
    return render_from(row) if row else None


def claim(
    db: sqlite3.Connection, owner: str, lease_until: float, now: float, count: int, accounts: Sequence[str] | None
) -> list[RenderRow]:
    """Take renders, of these accounts or of all, that are due for a look and that nobody is looking at."""
    within = _within(accounts)
    rows = db.execute(
        f"""
        UPDATE renders SET owner = :owner, lease_until = :until, fence = fence + 1
        WHERE id IN (
          SELECT id FROM renders WHERE due_at <= :now AND (owner IS NULL OR lease_until < :now) {within}
          ORDER BY due_at LIMIT :count)
        RETURNING {RENDER_COLUMNS}
        """,
        {"owner": owner, "until": lease_until, "now": now, "count": count, "accounts": _json(accounts)},
    ).fetchall()
    return [render_from(row) for row in rows]


def update(db: sqlite3.Connection, changes: Sequence[RenderUpdate], owner: str, now: float) -> list[str]:
    """Write down what a look taught and wake the jobs of ended renders. Returns the jobs woken.

    A change whose fence is no longer the render's is dropped: somebody else has looked since.
    """
    woken: list[str] = []
    for change in changes:
        ended = change.due_at is None
        row = db.execute(
            """
            UPDATE renders SET state = ?, word = ?, progress = ?, error = ?, details = coalesce(?, details),
              due_at = ?, overdue = ?, failures = ?, expires_at = coalesce(?, expires_at), owner = NULL,
              ended_at = CASE WHEN ? THEN ? ELSE NULL END
            WHERE id = ? AND fence = ? AND owner = ? RETURNING account
            """,
            (
                change.state,
                change.word,
                change.progress,
                change.error,
                change.details,
                change.due_at,
                change.overdue,
                change.failures,
                change.expires_at,
                ended,
                now,
                change.id,
                change.fence,
                owner,
            ),
        ).fetchone()
        if row is not None and ended:
            woken += _wake_waiting(db, change.id, now)
            gates.open_now(db, row[0], now)
    return woken


def look_now(db: sqlite3.Connection, render_id: str, now: float) -> None:
    """Make the next look at an open or lost render happen at once."""
    db.execute(
        "UPDATE renders SET due_at = ?, ended_at = NULL, failures = 0 WHERE id = ? AND owner IS NULL",
        (now, render_id),
    )


def next_due(db: sqlite3.Connection, accounts: Sequence[str] | None) -> float | None:
    """When the next render that nobody looks at is due."""
    row = db.execute(
        f"SELECT min(due_at) FROM renders WHERE due_at IS NOT NULL AND owner IS NULL {_within(accounts)}",
        {"accounts": _json(accounts)},
    ).fetchone()
    return None if row[0] is None else float(row[0])


def _within(accounts: Sequence[str] | None) -> str:
    return "" if accounts is None else "AND account IN (SELECT value FROM json_each(:accounts))"


def _json(accounts: Sequence[str] | None) -> str:
    return json.dumps(list(accounts or ()))


def _wake_waiting(db: sqlite3.Connection, render_id: str, now: float) -> list[str]:
    rows = db.execute(
        "UPDATE jobs SET due_at = ? WHERE render_id = ? AND status = 'active' AND due_at IS NULL RETURNING id",
        (now, render_id),
    ).fetchall()
    return [row[0] for row in rows]
