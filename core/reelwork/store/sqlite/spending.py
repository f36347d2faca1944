"""The money spent, added up straight from the ledger. Imports no models, so that reading it is quick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from reelwork.money import to_dollars

By = Literal["day", "month", "provider", "workflow", "run"]

_GROUPS = {
    "day": "date(effects.reserved_at, 'unixepoch')",
    "month": "strftime('%Y-%m', effects.reserved_at, 'unixepoch')",
    "provider": "effects.subject",
    "workflow": "coalesce(runs.workflow, '')",
    "run": "effects.run_id",
}
_SUMS = """
    count(*),
    coalesce(sum(CASE WHEN money = 'charged' THEN charged END), 0),
    coalesce(sum(CASE WHEN money = 'reserved' THEN reserved END), 0),
    coalesce(sum(CASE WHEN money = 'released' THEN coalesce(reserved, 0) END), 0),
    coalesce(sum(CASE WHEN money = 'reserved' AND reserved IS NULL THEN 1 ELSE 0 END), 0),
    coalesce(sum(CASE WHEN money = 'reserved' AND state IN ('sent', 'unknown') THEN reserved END), 0)
"""


@dataclass(frozen=True)
class Spending:
    """The cost of the renders of one group, in US dollars."""

    name: str
    renders: int
    """Requests written down in the ledger, whatever became of them."""
    charged: Decimal
    """As the provider reported it."""
    reserved: Decimal
    """Estimated, and counted until it is known not to be charged."""
    released: Decimal
    """Estimated, and known not to be charged."""
    unknown: int
    """Renders that may be charged and whose price is not known."""
    in_doubt: Decimal = Decimal(0)
    """The part of `reserved` whose requests are on their way, or of unknown outcome."""


def spending(store: Path, by: By, *, since: date | None = None, until: date | None = None) -> list[Spending]:
    """Money by day or month (UTC), provider, workflow or run, oldest first.

    `since` and `until` are days in UTC, both included. Empty when there is no store yet. Raises `StoreInvalid`.
    """
    if not store.exists():
        return []
    from reelwork.store.sqlite.writer import connect

    connection = connect(store)
    try:
        rows = connection.execute(
            f"SELECT {_GROUPS[by]} AS name, {_SUMS} FROM effects LEFT JOIN runs ON runs.id = effects.run_id"
            " WHERE effects.kind = 'submit' AND effects.reserved_at >= ? AND effects.reserved_at < ?"
            " GROUP BY name ORDER BY min(effects.reserved_at)",
            (_start(since) if since else 0.0, _start(until + timedelta(days=1)) if until else float("inf")),
        ).fetchall()
    finally:
        connection.close()
    return [
        Spending(
            str(name),
            renders,
            to_dollars(int(charged)),
            to_dollars(int(reserved)),
            to_dollars(int(released)),
            unknown,
            to_dollars(int(doubt)),
        )
        for name, renders, charged, reserved, released, unknown, doubt in rows
    ]


def total(found: list[Spending]) -> Spending:
    """All groups together."""
    none = Decimal(0)
    return Spending(
        "total",
        sum(one.renders for one in found),
        sum((one.charged for one in found), none),
        sum((one.reserved for one in found), none),
        sum((one.released for one in found), none),
        sum(one.unknown for one in found),
        sum((one.in_doubt for one in found), none),
    )


def _start(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
