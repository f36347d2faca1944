"""Queries of the figures that a monitoring system watches. They change nothing."""

from __future__ import annotations

import sqlite3

from reelwork.store.figures import Figures
from reelwork.store.records import RunRow
from reelwork.store.sqlite.job_reads import count_by_status


def figures(db: sqlite3.Connection, now: float) -> Figures:
    """Return how the store stands."""
    # In nobody's hands: what a process works on is not late, however long its step takes.
    due, due_since = db.execute(
        "SELECT count(*), min(due_at) FROM jobs"
        " WHERE status = 'active' AND due_at IS NOT NULL AND due_at <= :now"
        " AND (lease_until IS NULL OR lease_until < :now)",
        {"now": now},
    ).fetchone()
    # SQLite takes the index of open effects only for the very condition it was made with.
    unknown, unknown_since = db.execute(
        "SELECT count(*), min(coalesce(sent_at, created_at)) FROM effects"
        " WHERE state IN ('sent', 'unknown') AND state = 'unknown'"
    ).fetchone()
    # Only the review of a post, or an appeal, gives a held job a time.
    in_review = db.execute("SELECT count(*) FROM jobs WHERE status = 'held' AND due_at IS NOT NULL").fetchone()[0]
    renders = db.execute("SELECT provider, count(*) FROM renders WHERE ended_at IS NULL GROUP BY provider")
    by_provider = {row[0]: row[1] for row in renders}
    return Figures(count_by_status(db), by_provider, due, due_since, in_review, unknown, unknown_since)


def newest_runs(db: sqlite3.Connection, since: float) -> list[RunRow]:
    """Return the newest run of each workflow that ran at or after a time, by the workflow's name."""
    # With one `max` SQLite takes the other columns from the row that has it (https://sqlite.org/lang_select.html).
    rows = db.execute(
        "SELECT id, key, workflow, frozen, max(created_at) FROM runs WHERE created_at >= ?"
        " GROUP BY workflow ORDER BY workflow",
        (since,),
    )
    return [RunRow(*row) for row in rows]
