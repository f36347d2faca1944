"""The limits that a workflow sets on an account's requests and renders, counted in the store."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from reelwork.store import rules

if TYPE_CHECKING:
    from reelwork.errors import Limited
    from reelwork.store.ceilings import Quota
    from reelwork.store.records import EffectRow

# It may never be settled, and nothing else would ever be sent. A place that is given away too early costs a 429 at
# most, which is no work.
LONGEST_IN_DOUBT = 3_600.0
"""Seconds for which a request of unknown outcome takes up a place at its account."""


def limit_of(db: sqlite3.Connection, account: str, quota: Quota, now: float) -> Limited | None:
    """Return the limit that keeps a request from being sent to an account now, if any."""

    def nth_call(since: float, number: int) -> float | None:
        row = db.execute(
            "SELECT at FROM calls WHERE account = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?",
            (account, since, number - 1),
        ).fetchone()
        return None if row is None else float(row[0])

    return rules.quota_limit(account, quota, _in_flight(db, account, now), nth_call, now)


def answered(db: sqlite3.Connection, effect: EffectRow, now: float) -> None:
    """Count a request from its answer on."""
    # The other side counts it some time between sending and answering. Counted from sending, our window would end
    # before theirs, and the next request would be one too many. Until its answer it counts as sent just now.
    if not rules.takes_a_place(effect.kind, effect.state):
        return
    db.execute("INSERT INTO calls(account, at) VALUES (?, ?)", (effect.account, now))
    # A day is the longest window that a limit looks back.
    db.execute("DELETE FROM calls WHERE account = ? AND at < ?", (effect.account, now - rules.DAY))


def calls(db: sqlite3.Connection, account: str, since: float) -> list[float]:
    """Return when requests of an account were answered since a time, oldest first."""
    found = db.execute("SELECT at FROM calls WHERE account = ? AND at > ? ORDER BY at", (account, since))
    return [float(at) for (at,) in found]


def _in_flight(db: sqlite3.Connection, account: str, now: float) -> rules.InFlight:
    """Renders that have not ended, requests without an answer, and those whose outcome is unknown."""
    renders = db.execute(
        "SELECT count(*) FROM renders WHERE account = ? AND ended_at IS NULL", (account,)
    ).fetchone()[0]
    sending, unknown = db.execute(
        "SELECT count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE state = 'unknown') FROM effects"
        " WHERE account = ? AND kind = 'submit' AND state IN ('sent', 'unknown') AND updated_at > ?",
        (account, now - LONGEST_IN_DOUBT),
    ).fetchone()
    return rules.InFlight(int(renders), int(sending), int(unknown))
