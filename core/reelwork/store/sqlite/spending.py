"""Sums of the money spent, straight from the ledger."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta

from reelwork.money import to_dollars
from reelwork.store.spending import By, Spending

_GROUPS = {
    "day": "date(effects.reserved_at, 'unixepoch')",
    "month": "strftime('%Y-%m', effects.reserved_at, 'unixepoch')",
    "provider": "effects.subject",
    "workflow": "coalesce(runs.workflow, '')",
    "run": "effects.run_id",
    "brand": "effects.brand",
}
_SUMS = """
    sum(effects.kind = 'submit'),
    coalesce(sum(CASE WHEN money = 'charged' THEN charged END), 0),
    coalesce(sum(CASE WHEN money = 'reserved' THEN reserved END), 0),
    coalesce(sum(CASE WHEN money = 'released' THEN coalesce(reserved, 0) END), 0),
    coalesce(sum(CASE WHEN money = 'reserved' AND reserved IS NULL THEN 1 ELSE 0 END), 0),
    coalesce(sum(CASE WHEN money = 'reserved' AND state IN ('sent', 'unknown') THEN reserved END), 0),
    sum(effects.kind = 'publish')
"""


def spending(db: sqlite3.Connection, by: By, since: date | None, until: date | None) -> list[Spending]:
    """Return the money of some days (UTC, both included) by one of `By`, oldest first."""
    rows = db.execute(
        f"SELECT {_GROUPS[by]} AS name, {_SUMS} FROM effects LEFT JOIN runs ON runs.id = effects.run_id"
        " WHERE (effects.kind = 'submit' OR money <> 'none')"
        " AND effects.reserved_at >= ? AND effects.reserved_at < ?"
        " GROUP BY name ORDER BY min(effects.reserved_at)",
        (_start(since) if since else 0.0, _start(until + timedelta(days=1)) if until else float("inf")),
    ).fetchall()
    return [
        Spending(
            str(name),
            renders,
            to_dollars(int(charged)),
            to_dollars(int(reserved)),
            to_dollars(int(released)),
            unknown,
            to_dollars(int(doubt)),
            posts,
        )
        for name, renders, charged, reserved, released, unknown, doubt, posts in rows
    ]


def _start(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
