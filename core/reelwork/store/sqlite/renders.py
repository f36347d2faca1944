"""Changes and queries of renders, as functions of an open connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwork.store.records import RenderRow
from reelwork.store.sqlite import jobs, waitlist, webhooks

if TYPE_CHECKING:
    from reelwork.store.commands import AddRender, RenderUpdate, StillWaiting

RENDER_COLUMNS = (
    "id, job_id, run_id, provider, account, remote_id,"
    " (SELECT request FROM render_requests WHERE render_id = renders.id) AS request,"
    " details, state, word, progress, error,"
    " submitted_at, due_at, deadline_at, overdue, failures, fence, expires_at, ended_at"
)
OVERDUE = 15
"""The index of the column that is a yes or no."""


def render_from(row: sqlite3.Row) -> RenderRow:
    """Return the render of a row."""
    values = list(row)
    values[OVERDUE] = bool(values[OVERDUE])
    return RenderRow(*values)


def add(db: sqlite3.Connection, job_id: str, run_id: str, act: AddRender, now: float) -> None:
    """Store a render that a provider accepted."""
    db.execute(
        "INSERT INTO renders(id, job_id, run_id, provider, account, remote_id, details, state,"
        " submitted_at, due_at, deadline_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        (
            act.id,
            job_id,
            run_id,
            act.provider,
            act.account,
            act.remote_id,
            act.details,
            now,
            act.due_at,
            act.deadline_at,
        ),
    )
    db.execute("INSERT INTO render_requests(render_id, request) VALUES (?, ?)", (act.id, act.request))
    webhooks.recall(db, act.id, act.remote_id, job_id, now)


def get(db: sqlite3.Connection, render_id: str) -> RenderRow | None:
    """Return one render; None if there is none."""
    row = db.execute(f"SELECT {RENDER_COLUMNS} FROM renders WHERE id = ?", (render_id,)).fetchone()
    return render_from(row) if row else None


def some(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, RenderRow]:
    """Return the renders with these ids; unknown ones are left out."""
    rows = db.execute(
        f"SELECT {RENDER_COLUMNS} FROM renders WHERE id IN (SELECT value FROM json_each(?))", (_json(ids),)
    )
    return {render.id: render for render in map(render_from, rows)}


def claim(
    db: sqlite3.Connection,
    owner: str,
    lease_until: float,
    now: float,
    count: int,
    accounts: Sequence[str] | None,
    busy: Sequence[str],
) -> list[RenderRow]:
    """Claim renders that are due and that nobody polls, of these accounts or of all, except `busy` ones."""
    return _take(
        db,
        f"""
        SELECT id FROM renders WHERE due_at <= :now AND (owner IS NULL OR lease_until < :now)
          {_within(accounts, busy)} ORDER BY due_at LIMIT :count
        """,
        {
            "owner": owner,
            "until": lease_until,
            "now": now,
            "count": count,
            "accounts": _json(accounts),
            "busy": _json(busy),
        },
    )


def claim_of(db: sqlite3.Connection, job_id: str, owner: str, lease_until: float, now: float) -> RenderRow | None:
    """Claim the render that a job waits for, if it is due and nobody polls it."""
    which = (
        "SELECT render_id FROM jobs WHERE id = :job AND EXISTS (SELECT 1 FROM renders WHERE id = render_id"
        " AND due_at <= :now AND (owner IS NULL OR lease_until < :now))"
    )
    taken = _take(db, which, {"owner": owner, "until": lease_until, "now": now, "job": job_id})
    return taken[0] if taken else None


def claim_seen(
    db: sqlite3.Connection, owner: str, lease_until: float, now: float, account: str, remote_ids: Sequence[str]
) -> list[RenderRow]:
    """Claim renders that a poll answer mentioned, even if they are not due."""
    return _take(
        db,
        """
        SELECT id FROM renders WHERE account = :account AND remote_id IN (SELECT value FROM json_each(:ids))
          AND due_at IS NOT NULL AND (owner IS NULL OR lease_until < :now)
        """,
        {"owner": owner, "until": lease_until, "now": now, "account": account, "ids": _json(remote_ids)},
    )


def _take(db: sqlite3.Connection, which: str, values: Mapping[str, Any]) -> list[RenderRow]:
    rows = db.execute(
        # Chosen and taken in one statement, so two processes never poll one render. The fence tells a late answer.
        f"UPDATE renders SET owner = :owner, lease_until = :until, fence = fence + 1 WHERE id IN ({which})"
        f" RETURNING {RENDER_COLUMNS}",
        values,
    )
    return [render_from(row) for row in rows]


def update(
    db: sqlite3.Connection,
    changes: Sequence[RenderUpdate],
    same: Sequence[StillWaiting],
    owner: str,
    now: float,
) -> list[str]:
    """Store the results of a poll and wake the jobs of ended renders; return those jobs.

    A change whose fence is too old is dropped: another process has polled the render since.
    """
    # Nearly all renders of a poll have not changed. One prepared statement for them keeps a sweep of thousands
    # quick.
    for group in same:
        db.executemany(
            "UPDATE renders SET due_at = ?, owner = NULL WHERE id = ? AND fence = ? AND owner = ?",
            [(group.due_at, id_, fence, owner) for id_, fence in group.renders],
        )
    alone = [change for change in changes if change.due_at is None or change.line]
    together = [change for change in changes if change.due_at is not None and not change.line]
    db.executemany(_LEARN, [_learnt(change, owner, now) for change in together])
    woken: list[str] = []
    for change in alone:
        row = db.execute(f"{_LEARN} RETURNING account", _learnt(change, owner, now)).fetchone()
        if row is None:
            continue
        if change.line:
            _tell_waiting(db, change, now)
        if change.due_at is None:
            # In the commit that ends the render: a kill between the two would leave a job that nothing wakes.
            woken += _wake_waiting(db, change.id, now)
            waitlist.open_now(db, row[0], now)
    webhooks.poll_hinted(db, now)
    return woken


def _tell_waiting(db: sqlite3.Connection, change: RenderUpdate, now: float) -> None:
    from reelwork.store.commands import Tell

    for (job_id,) in db.execute("SELECT id FROM jobs WHERE render_id = ?", (change.id,)).fetchall():
        jobs.tell(db, job_id, Tell(change.event, {"reason": change.line}), now)


# With `RETURNING` SQLite copies each page aside before it changes it. Only the few ended renders need that.
_LEARN = """
    UPDATE renders SET state = ?, word = ?, progress = ?, error = ?, details = coalesce(?, details),
      due_at = ?, overdue = ?, failures = ?, expires_at = coalesce(?, expires_at), owner = NULL, ended_at = ?
    WHERE id = ? AND fence = ? AND owner = ?
    """


def _learnt(change: RenderUpdate, owner: str, now: float) -> tuple[Any, ...]:
    return (
        change.state,
        change.word,
        change.progress,
        change.error,
        change.details,
        change.due_at,
        change.overdue,
        change.failures,
        change.expires_at,
        now if change.due_at is None else None,
        change.id,
        change.fence,
        owner,
    )


def look_now(db: sqlite3.Connection, render_id: str, now: float) -> None:
    """Make an open or lost render due at once."""
    db.execute(
        "UPDATE renders SET due_at = ?, ended_at = NULL, failures = 0 WHERE id = ? AND owner IS NULL",
        (now, render_id),
    )


def next_due(db: sqlite3.Connection, accounts: Sequence[str] | None, busy: Sequence[str]) -> float | None:
    """Return when the next render that nobody polls is due; None if there is none."""
    row = db.execute(
        f"SELECT min(due_at) FROM renders WHERE due_at IS NOT NULL AND owner IS NULL {_within(accounts, busy)}",
        {"accounts": _json(accounts), "busy": _json(busy)},
    ).fetchone()
    return None if row[0] is None else float(row[0])


def _within(accounts: Sequence[str] | None, busy: Sequence[str]) -> str:
    # The plus keeps SQLite from using the index of accounts: it would read all their renders, not those that are
    # due.
    within = "" if accounts is None else "AND +account IN (SELECT value FROM json_each(:accounts))"
    return within + (" AND +account NOT IN (SELECT value FROM json_each(:busy))" if busy else "")


def _json(names: Sequence[str] | None) -> str:
    return json.dumps(list(names or ()))


def _wake_waiting(db: sqlite3.Connection, render_id: str, now: float) -> list[str]:
    rows = db.execute(
        "UPDATE jobs SET due_at = ? WHERE render_id = ? AND status = 'active' AND due_at IS NULL RETURNING id",
        (now, render_id),
    ).fetchall()
    return [row[0] for row in rows]
