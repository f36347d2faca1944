"""Schedules of a store that was put back: what they fired since is not known, and must not be repeated."""

from __future__ import annotations

import json
import sqlite3


def pass_over(db: sqlite3.Connection, why: str, now: float) -> None:
    """Let no time up to now fire any more, and pause schedules that may have used rows of their batch since."""
    there = db.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'slots'").fetchone()
    if there is None:
        return
    db.execute(
        "UPDATE slots SET state = 'missed', due_at = NULL, decided_at = ?, reason = ? WHERE state = 'waiting'",
        (now, f"{why}: it may have fired after that"),
    )
    db.execute("UPDATE schedules SET decided_until = max(decided_until, ?), version = version + 1", (now,))
    # Which rows were used since is known to nobody here: the next one may be posted already. A person takes the
    # rows that were made out of the file, and resumes it.
    note = f"{why}: take the rows that were made after that out of its file, then resume it"
    db.execute(
        "UPDATE schedules SET pause = ? WHERE json_extract(spec, '$.file') NOT LIKE '%.toml'",
        (json.dumps({"since": now, "until": None, "note": note}),),
    )
