"""Long lists a page at a time, as functions of an open connection. They change nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from reelwork.store.records import EffectRow, EventRow, RunHead
from reelwork.store.sqlite.effects import EFFECT_COLUMNS


def runs(db: sqlite3.Connection, before: str | None, limit: int) -> list[RunHead]:
    """Return runs, newest first: those added before the run `before`."""
    # Without what is frozen in them: a page of whole workflows would be megabytes.
    older = "" if before is None else "WHERE rowid < (SELECT rowid FROM runs WHERE id = :before)"
    rows = db.execute(
        f"SELECT id, workflow, created_at FROM runs {older} ORDER BY rowid DESC LIMIT :limit",
        {"before": before, "limit": limit},
    ).fetchall()
    jobs = _jobs_of(db, [row[0] for row in rows])
    return [RunHead(row[0], row[1], row[2], jobs.get(row[0], {})) for row in rows]


def _jobs_of(db: sqlite3.Connection, ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, dict[str, int]] = {}
    rows = db.execute(
        "SELECT run_id, status, count(*) FROM jobs WHERE run_id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2",
        (json.dumps(list(ids)),),
    )
    for run_id, status, count in rows:
        found.setdefault(run_id, {})[status] = count
    return found


def run_head(db: sqlite3.Connection, run_id: str) -> RunHead | None:
    """Return one run without what is frozen in it; None if there is none."""
    row = db.execute("SELECT id, workflow, created_at FROM runs WHERE id = ?", (run_id,)).fetchone()
    return None if row is None else RunHead(row[0], row[1], row[2], _jobs_of(db, [run_id]).get(run_id, {}))


def posts(db: sqlite3.Connection, before: str | None, job_id: str | None, limit: int) -> list[EffectRow]:
    """Return posts that happened, newest first: those written down before the effect `before`, of a job or all."""
    older = "" if before is None else "AND rowid < (SELECT rowid FROM effects WHERE key = :before)"
    own = "" if job_id is None else "AND job_id = :job"
    rows = db.execute(
        f"SELECT {EFFECT_COLUMNS} FROM effects WHERE kind = 'publish' AND state = 'confirmed' {older} {own}"
        " ORDER BY rowid DESC LIMIT :limit",
        {"before": before, "job": job_id, "limit": limit},
    )
    return [EffectRow(*row) for row in rows]


def events_after(db: sqlite3.Connection, seq: int, limit: int, job_id: str | None) -> list[EventRow]:
    """Return the lines of all jobs' stories, or of one, that were written after the line `seq`, oldest first."""
    own = "" if job_id is None else "AND job_id = :job"
    rows = db.execute(
        f"SELECT seq, job_id, at, name, details FROM events WHERE seq > :seq {own} ORDER BY seq LIMIT :limit",
        {"seq": seq, "job": job_id, "limit": limit},
    )
    return [EventRow(*row) for row in rows]
