"""How many more requests and renders an account takes now, by the limits a workflow sets for it."""

from __future__ import annotations

import sqlite3

from reelwork.errors import Limited
from reelwork.store.rows import EffectRow, Quota

WINDOW = 60.0
DAY = 86_400.0
LONGEST_IN_DOUBT = 3_600.0
"""Seconds for which a request of unknown outcome takes up a place at its account. It may never be settled, and
nothing else would be sent for good; a place that is given away too early costs a 429 at most, which is no work."""


def limit_of(db: sqlite3.Connection, account: str, quota: Quota, now: float) -> Limited | None:
    """What keeps a request from being sent to an account now, if anything does."""
    renders, sending, unknown = _in_flight(db, account, now)
    found = []
    if quota.concurrent is not None and renders + sending + unknown >= quota.concurrent:
        # A render that ends is noticed at once; the time is for places that get free unseen.
        under_way = "1 render is" if quota.concurrent == 1 else f"{quota.concurrent} renders are"
        why = f"{under_way} under way, the most allowed"
        found.append(Limited(now + 5.0, why, account=account))
    windows = ((quota.requests_per_minute, WINDOW, "minute"), (quota.requests_per_day, DAY, "day"))
    for most, window, name in windows:
        free_at = None if most is None else _free_at(db, account, most - sending, window, now)
        if free_at is not None:
            why = f"{most} requests in the last {name}, the most allowed"
            found.append(Limited(free_at, why, account=account))
    return max(found, key=lambda limited: limited.until, default=None)


def _free_at(db: sqlite3.Connection, account: str, places: int, window: float, now: float) -> float | None:
    """When one of so many places in a window gets free; None when one is free now."""
    if places <= 0:
        return now + window
    row = db.execute(
        "SELECT at FROM calls WHERE account = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        (account, now - window, places - 1),
    ).fetchone()
    return None if row is None else float(row[0]) + window


def answered(db: sqlite3.Connection, effect: EffectRow, now: float) -> None:
    """Count a request from its answer on.

    The other side counted it some time between sending and answering. From sending on, a window would be over for
    us while it is not yet for them, and the next request would be one too many; until the answer, it counts as
    sent just now.
    """
    if effect.kind != "submit" or effect.state != "sent":
        return
    db.execute("INSERT INTO calls(account, at) VALUES (?, ?)", (effect.account, now))
    # Kept for a day: the longest window any limit looks back.
    db.execute("DELETE FROM calls WHERE account = ? AND at < ?", (effect.account, now - DAY))


def _in_flight(db: sqlite3.Connection, account: str, now: float) -> tuple[int, int, int]:
    """Renders that have not ended, requests without an answer, and those whose outcome is unknown."""
    renders = db.execute(
        "SELECT count(*) FROM renders WHERE account = ? AND ended_at IS NULL", (account,)
    ).fetchone()[0]
    sending, unknown = db.execute(
        "SELECT count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE state = 'unknown') FROM effects"
        " WHERE account = ? AND kind = 'submit' AND state IN ('sent', 'unknown') AND updated_at > ?",
        (account, now - LONGEST_IN_DOUBT),
    ).fetchone()
    return int(renders), int(sending), int(unknown)
