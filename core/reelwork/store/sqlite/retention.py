"""Removes jobs that ended long ago, and keeps what prevents that they are paid for again.

Of a job the key stays (`removed_jobs`), so that an old batch that is run again adds nothing. Of its effects the
money stays, for spending and budgets, and the remote ids, so that a lookup never takes an old video for a lost one.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from reelwork.store.records import Removable
from reelwork.store.rules import month_of
from reelwork.store.sqlite import event_numbers
from reelwork.store.sqlite.sql_list import sql_list
from reelwork.store.statuses import ENDED

_ENDED = f"jobs.status IN {sql_list(ENDED)} AND jobs.ended_at < :before"
# Each of these would lose something that money hangs on: an unknown outcome, what this month's budget counts, a
# render still to be fetched, or a job in work.
_KEPT = {
    "open effect": (
        "EXISTS (SELECT 1 FROM effects WHERE effects.job_id = jobs.id AND state IN ('intended', 'sent', 'unknown')"
        " AND kind <> 'plugin')"
    ),
    "money of this month": (
        "EXISTS (SELECT 1 FROM effects WHERE effects.job_id = jobs.id AND money IN ('reserved', 'charged')"
        " AND reserved_at >= :month)"
    ),
    "open render": "EXISTS (SELECT 1 FROM renders WHERE renders.job_id = jobs.id AND ended_at IS NULL)",
    "shared render": (
        "EXISTS (SELECT 1 FROM renders JOIN jobs AS other ON other.render_id = renders.id"
        " WHERE renders.job_id = jobs.id AND other.id <> jobs.id)"
    ),
    "at work": "jobs.owner IS NOT NULL",
}
"""The reasons for which a job that ended long ago stays."""
_REMOVABLE = f"{_ENDED} AND NOT ({' OR '.join(_KEPT.values())})"
_OURS = re.compile(r"\.files/((?:assets|work)/.+)")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]{8,}")


def removable(db: sqlite3.Connection, before: float, now: float) -> Removable:
    """Count what `remove` would remove, and the jobs of the same age that it would leave."""
    values = {"before": before, "month": month_of(now)}
    jobs = db.execute(f"SELECT status, count(*) FROM jobs WHERE {_REMOVABLE} GROUP BY status", values).fetchall()
    of_them = f"job_id IN (SELECT id FROM jobs WHERE {_REMOVABLE})"
    events = db.execute(f"SELECT count(*) FROM events WHERE {of_them}", values).fetchone()[0]
    renders = db.execute(f"SELECT count(*) FROM renders WHERE {of_them}", values).fetchone()[0]
    return Removable({row[0]: row[1] for row in jobs}, events, renders, dict(_kept(db, before, now)))


def _kept(db: sqlite3.Connection, before: float, now: float) -> Iterator[tuple[str, int]]:
    held = "SELECT count(*) FROM jobs WHERE status = 'held' AND updated_at < ?"
    found = {"held": int(db.execute(held, (before,)).fetchone()[0])}
    for why, condition in _KEPT.items():
        query = f"SELECT count(*) FROM jobs WHERE {_ENDED} AND {condition}"
        found[why] = int(db.execute(query, {"before": before, "month": month_of(now)}).fetchone()[0])
    return ((why, count) for why, count in found.items() if count)


def remove(db: sqlite3.Connection, before: float, now: float, count: int) -> int:
    """Remove at most `count` jobs that ended before a time, oldest first; return how many."""
    # Here, since readers count what could be removed, and do without the writer that these two need.
    from reelwork.store.sqlite import requests, review_links

    rows = db.execute(
        f"SELECT id, data FROM jobs WHERE {_REMOVABLE} ORDER BY jobs.ended_at, seq LIMIT :count",
        {"before": before, "month": month_of(now), "count": count},
    ).fetchall()
    ids = json.dumps([row[0] for row in rows])
    # First, while the rows still say which files they used. The files go after the commit: a kill between leaves
    # files without a job, never a job without its files.
    _note_leftovers(db, rows, ids)
    db.execute(
        # In the transaction that deletes the jobs. Without its key, a batch that is run again would pay for the
        # row again.
        "INSERT INTO removed_jobs(key, job_id, run_id, status, created_at, updated_at, removed_at)"
        " SELECT key, id, run_id, status, created_at, updated_at, ? FROM jobs"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (now, ids),
    )
    _compact_effects(db, ids)
    db.execute(
        "DELETE FROM render_requests WHERE render_id IN"
        " (SELECT id FROM renders WHERE job_id IN (SELECT value FROM json_each(?)))",
        (ids,),
    )
    event_numbers.keep_number(db)
    for table, column in (("events", "job_id"), ("renders", "job_id"), ("jobs", "id")):
        db.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (ids,))
    _compact_runs(db, before)
    requests.forget(db, before)
    review_links.forget(db, ids)
    return len(rows)


def _compact_effects(db: sqlite3.Connection, ids: str) -> None:
    theirs = "job_id IN (SELECT value FROM json_each(?))"
    # What had a price stays, for sums of what was spent.
    db.execute(f"DELETE FROM effects WHERE {theirs} AND money = 'none' AND remote_id IS NULL", (ids,))
    db.execute(
        "UPDATE effects SET evidence = '{}', prepared = 'null', result = 'null', fingerprint = '', reason = '',"
        " sender = NULL, settle_at = NULL, settle = '', spec = '', asked = '{}', how = '{}', seen = '{}',"
        f" answered_no = NULL WHERE {theirs}",
        (ids,),
    )


def _compact_runs(db: sqlite3.Connection, before: float) -> None:
    """Drop the frozen workflow of old runs that no job, render or open effect needs. The runs stay for `spend`."""
    # Only of old runs: one that was just added may have no jobs yet.
    db.execute(
        "UPDATE runs SET frozen = '' WHERE frozen <> '' AND created_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.run_id = runs.id)"
        " AND id NOT IN (SELECT run_id FROM renders)"
        " AND id NOT IN (SELECT coalesce(json_extract(how, '$.run'), '') FROM effects"
        "   WHERE state IN ('intended', 'sent', 'unknown'))",
        (before,),
    )


def _note_leftovers(db: sqlite3.Connection, rows: Iterable[Any], ids: str) -> None:
    """Record which files may have lost their last user."""
    patterns = {path for row in rows for path in own_files(row[1])}
    for (job_id,) in db.execute("SELECT value FROM json_each(?)", (ids,)):
        patterns.update(_named_after(job_id))
    renders = "SELECT remote_id, details FROM renders WHERE job_id IN (SELECT value FROM json_each(?))"
    for remote_id, details in db.execute(renders, (ids,)):
        patterns.update(_named_after(remote_id))
        patterns.update(own_files(details))
    db.executemany("INSERT OR IGNORE INTO leftovers VALUES (?)", [(pattern,) for pattern in sorted(patterns)])


def _named_after(name: str) -> Iterator[str]:
    """Yield the pattern of the files that a plugin made in its work folder for one job or render."""
    # A remote id comes from outside: one with `*` or `/` in it would be a pattern for other jobs' files.
    if _PLAIN_NAME.fullmatch(name):
        yield f"work/*/{name}.*"


def own_files(document: str) -> Iterator[str]:
    """Yield the paths in a JSON document that lie in a store's own folder, relative to it."""
    for text in _texts(json.loads(document)):
        found = _OURS.search(text)
        if found and ".." not in found[1].split("/"):
            yield found[1]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
