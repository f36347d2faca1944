"""`reelwork store recover`: puts a store that has forgotten something in use, in doubt about the rest."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reelwork.errors import StoreInvalid
from reelwork.store.sqlite import witness
from reelwork.store.sqlite.maintenance.read_only import there
from reelwork.store.sqlite.maintenance.restore import DestinationsIn, doubt
from reelwork.store.sqlite.opening import connect
from reelwork.store.sqlite.workers import processes


@dataclass(frozen=True)
class Recovered:
    """The result of a recovery."""

    known_until: str
    """The last change the store knows of."""
    held: int
    """Jobs whose render may have been requested since: a person checks at the provider."""
    doubted: int
    """Effects that are looked up before they are sent."""


def recover(store: Path, now: float, destinations_in: DestinationsIn, *, moved: bool = False) -> Recovered:
    """Accept the store as the one in use. With `moved` nothing is in doubt. Raises `StoreInvalid`."""
    there(store)
    working = processes(store)
    if working:
        raise StoreInvalid(
            f"{len(working)} at work on the store {store}: {', '.join(working)}.",
            money="Nothing was changed.",
            hint="Stop every Reelwork process that uses it, then try again.",
        )
    with closing(connect(store)) as db:
        # Doubt and acceptance in one commit. Accepted first, a kill would leave a store that sends what it forgot.
        db.execute("BEGIN IMMEDIATE")
        until = _last_change(db)
        reason = f"the store knows nothing after {until}"
        doubted, held = (0, 0) if moved else doubt(db, reason, until, now, destinations_in)
        db.execute("DELETE FROM facts WHERE name = ?", (witness.TAKEN,))
        witness.adopt(store, db)
        db.execute("COMMIT")
    return Recovered(until, held, doubted)


def _last_change(db: sqlite3.Connection) -> str:
    newest = db.execute(
        "SELECT coalesce(max(at), 0) FROM (SELECT max(updated_at) AS at FROM jobs UNION ALL"
        " SELECT max(updated_at) FROM effects)"
    ).fetchone()[0]
    return datetime.fromtimestamp(newest, UTC).isoformat(timespec="seconds")
