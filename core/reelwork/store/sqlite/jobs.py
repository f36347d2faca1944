"""Changes and questions about runs, jobs and their stories. Each is a function of an open connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reelwork.errors import LeaseLost
from reelwork.store.commands import NewJob, SetJob, Tell
from reelwork.store.records import ACTIVE, DONE, REMOVED, EventRow, JobRow, Lease, RunRow

JOB_COLUMNS = (
    "id, run_id, key, status, step, due_at, fence, attempts, data, reason, render_id, created_at, updated_at"
)

_IN_SCOPE = "EXISTS (SELECT 1 FROM temp.scopes WHERE scope = :scope AND job_id = jobs.id)"
"""Asked of each job that is due. `id IN (SELECT …)` would go through the whole set instead, at every look."""


def job_from(row: sqlite3.Row) -> JobRow:
    """The job a row holds."""
    return JobRow(*row)


def add_run(db: sqlite3.Connection, run: RunRow) -> RunRow:
    """Add a run, or return the one that has its key."""
    if run.key is not None:
        found = db.execute(
            "SELECT id, key, workflow, frozen, created_at FROM runs WHERE key = ?", (run.key,)
        ).fetchone()
        if found:
            return RunRow(*found)
    db.execute(
        "INSERT INTO runs(id, key, workflow, frozen, created_at) VALUES (?, ?, ?, ?, ?)",
        (run.id, run.key, run.workflow, run.frozen, run.created_at),
    )
    return run


def get_run(db: sqlite3.Connection, run_id: str) -> RunRow | None:
    """One run."""
    row = db.execute("SELECT id, key, workflow, frozen, created_at FROM runs WHERE id = ?", (run_id,)).fetchone()
    return RunRow(*row) if row else None


def add_jobs(db: sqlite3.Connection, run_id: str, jobs: Sequence[NewJob], now: float) -> list[JobRow]:
    """Add the jobs whose key is new; return the jobs of all the keys, in order, old or new."""
    found = [_added(db, run_id, job, now) or _there(db, job) for job in jobs]
    # A job that is not done goes on with the workflow as it is now, so that a mended setting takes effect.
    adopt(db, run_id, [job.id for job in found if job.run_id != run_id], now)
    return [job if _keeps_its_run(job, run_id) else replace(job, run_id=run_id) for job in found]


def _keeps_its_run(job: JobRow, run_id: str) -> bool:
    return job.run_id == run_id or job.status == DONE or job.step == REMOVED


def _there(db: sqlite3.Connection, new: NewJob) -> JobRow:
    """The job that has the key of a new one, or what is left of it."""
    return removed_job(db, new.key, new.data) or jobs_with_keys(db, (new.key,))[new.key]


_ADD = (
    "INSERT INTO jobs(id, run_id, key, status, step, due_at, data, created_at, updated_at)"
    " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM removed_jobs WHERE key = ?)"
    " ON CONFLICT(key) DO NOTHING"
)


def _added(db: sqlite3.Connection, run_id: str, job: NewJob, now: float) -> JobRow | None:
    """The job as it is now in the store; None when there is one with its key, or was one."""
    values = (job.id, run_id, job.key, ACTIVE, job.step, now, job.data, now, now, job.key)
    if not db.execute(_ADD, values).rowcount:
        return None
    return JobRow(job.id, run_id, job.key, ACTIVE, job.step, now, 0, 0, job.data, "", None, now, now)


def adopt(db: sqlite3.Connection, run_id: str, job_ids: Iterable[str], now: float) -> None:
    """Let jobs that are not done, and that nobody holds, go on as part of another run."""
    db.executemany(
        "UPDATE jobs SET run_id = ? WHERE id = ? AND status <> 'done' AND (owner IS NULL OR lease_until < ?)",
        [(run_id, job_id, now) for job_id in job_ids],
    )


def jobs_with_keys(db: sqlite3.Connection, keys: Iterable[str]) -> dict[str, JobRow]:
    """The jobs that have these keys."""
    found = {}
    for key in keys:
        row = db.execute(f"SELECT {JOB_COLUMNS} FROM jobs WHERE key = ?", (key,)).fetchone()
        job = job_from(row) if row else removed_job(db, key)
        if job is not None:
            found[key] = job
    return found


def removed_job(db: sqlite3.Connection, key: str, data: str = "") -> JobRow | None:
    """Return what is left of a removed job: its `step` is `REMOVED`, its data is `data`. None if there is none."""
    row = db.execute(
        "SELECT job_id, run_id, status, created_at, updated_at, date(removed_at, 'unixepoch') FROM removed_jobs"
        " WHERE key = ?",
        (key,),
    ).fetchone()
    if row is None:
        return None
    id_, run_id, status, created_at, updated_at, day = row
    reason = f"its record was removed on {day}; it is not made again, since it may have been paid for"
    return JobRow(id_, run_id, key, status, REMOVED, None, 0, 0, data, reason, None, created_at, updated_at)


def claim(
    db: sqlite3.Connection, owner: str, lease_until: float, now: float, count: int, scope: str | None
) -> list[JobRow]:
    """Take jobs that are due and that nobody holds: those with a render first, then the oldest.

    A render has been paid for, and no provider keeps it for ever: a long batch whose rows are still being prepared
    must not keep it waiting. `scope` names a watched set of jobs.
    """
    within = f"AND {_IN_SCOPE}" if scope else ""
    claimed: list[JobRow] = []
    for which in ("INDEXED BY jobs_rendered WHERE render_id IS NOT NULL AND", "WHERE"):
        values = {"owner": owner, "until": lease_until, "now": now, "count": count - len(claimed), "scope": scope}
        rows = db.execute(
            f"""
            UPDATE jobs SET owner = :owner, lease_until = :until, fence = fence + 1, blocked_on = NULL
            WHERE seq IN (
              SELECT seq FROM jobs {which} status = 'active' AND due_at <= :now
                AND (owner IS NULL OR lease_until < :now) {within}
              ORDER BY due_at, seq LIMIT :count)
            RETURNING seq, {JOB_COLUMNS}
            """,
            values,
        ).fetchall()
        claimed += [JobRow(*row[1:]) for row in sorted(rows, key=lambda row: row[0])]
        if len(claimed) >= count:
            break
    return claimed


def claim_one(db: sqlite3.Connection, job_id: str, owner: str, lease_until: float, now: float) -> JobRow | None:
    """Take one job, if it is due and nobody holds it."""
    row = db.execute(
        "UPDATE jobs SET owner = ?, lease_until = ?, fence = fence + 1, blocked_on = NULL"
        " WHERE id = ? AND status = 'active' AND due_at <= ? AND (owner IS NULL OR lease_until < ?)"
        f" RETURNING {JOB_COLUMNS}",
        (owner, lease_until, job_id, now, now),
    ).fetchone()
    return job_from(row) if row else None


def hold(db: sqlite3.Connection, job_id: str, owner: str, lease_until: float, now: float) -> JobRow | None:
    """Take one job that nobody holds, whatever its status."""
    row = db.execute(
        "UPDATE jobs SET owner = ?, lease_until = ?, fence = fence + 1"
        f" WHERE id = ? AND (owner IS NULL OR lease_until < ?) RETURNING {JOB_COLUMNS}",
        (owner, lease_until, job_id, now),
    ).fetchone()
    return job_from(row) if row else None


def give_back(db: sqlite3.Connection, lease: Lease) -> None:
    """Let a job go exactly as it stands."""
    db.execute(
        "UPDATE jobs SET owner = NULL WHERE id = ? AND fence = ? AND owner = ?",
        (lease.job_id, lease.fence, lease.owner),
    )


def watch(db: sqlite3.Connection, scope: str, job_ids: Iterable[str]) -> None:
    """Name a set of jobs, for this process only, so that it drives these and no others."""
    db.execute("CREATE TEMP TABLE IF NOT EXISTS scopes(scope TEXT, job_id TEXT, PRIMARY KEY(scope, job_id))")
    db.executemany("INSERT OR IGNORE INTO temp.scopes VALUES (?, ?)", [(scope, id_) for id_ in job_ids])


def renew(db: sqlite3.Connection, owner: str, lease_until: float) -> int:
    """Keep this owner's leases for longer."""
    jobs = db.execute("UPDATE jobs SET lease_until = ? WHERE owner = ?", (lease_until, owner)).rowcount
    db.execute("UPDATE renders SET lease_until = ? WHERE owner = ?", (lease_until, owner))
    return jobs


def owners(db: sqlite3.Connection) -> set[str]:
    """Everyone who holds a lease."""
    rows = db.execute(
        "SELECT owner FROM jobs WHERE owner IS NOT NULL UNION SELECT owner FROM renders WHERE owner IS NOT NULL"
    ).fetchall()
    return {row[0] for row in rows}


def expire(db: sqlite3.Connection, owner: str) -> None:
    """End the leases of an owner that is known to be dead."""
    db.execute("UPDATE jobs SET lease_until = 0 WHERE owner = ?", (owner,))
    db.execute("UPDATE renders SET lease_until = 0 WHERE owner = ?", (owner,))


def check_lease(db: sqlite3.Connection, lease: Lease) -> str:
    """The run of a job this lease still holds. Raises `LeaseLost`."""
    row = db.execute(
        "SELECT run_id FROM jobs WHERE id = ? AND fence = ? AND owner = ?",
        (lease.job_id, lease.fence, lease.owner),
    ).fetchone()
    if row is None:
        raise _lost(lease)
    return str(row[0])


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"job {lease.job_id} was taken over by another process")


def let_go(db: sqlite3.Connection, lease: Lease, due_at: float) -> None:
    """Give a job back unchanged."""
    db.execute(
        "UPDATE jobs SET owner = NULL, due_at = ? WHERE id = ? AND fence = ? AND owner = ?",
        (due_at, lease.job_id, lease.fence, lease.owner),
    )


_STEP = """
    UPDATE jobs SET step = ?, reason = ?, attempts = ?, data = coalesce(?, data), updated_at = ?
    WHERE id = ? AND fence = ? AND owner = ?
    """
"""No column of an index is among these, so a step of a job in hand costs one row."""


def step_on(db: sqlite3.Connection, lease: Lease, change: SetJob, lines: Iterable[Tell], now: float) -> None:
    """Note the next step of a job that stays in hand, and what to tell of it. Raises `LeaseLost`."""
    values = (change.step, change.reason, change.attempts, change.data, now, lease.job_id, lease.fence, lease.owner)
    if not db.execute(_STEP, values).rowcount:
        raise _lost(lease)
    for line in lines:
        tell(db, lease.job_id, line, now)


def set_job(db: sqlite3.Connection, job_id: str, change: SetJob, now: float) -> None:
    """Move a job on. One that waits for a render which has ended meanwhile is due at once: nobody would wake it."""
    due_at = change.due_at
    if due_at is None and change.status == ACTIVE and change.blocked_on is None:
        due_at = _due_by_render(db, job_id, change.render_id, now)
    db.execute(
        """
        UPDATE jobs SET status = ?, step = ?, due_at = ?, reason = ?, attempts = ?, blocked_on = ?,
          data = coalesce(?, data), render_id = coalesce(?, render_id), updated_at = ?,
          owner = CASE WHEN ? THEN NULL ELSE owner END
        WHERE id = ?
        """,
        (
            change.status,
            change.step,
            due_at,
            change.reason,
            change.attempts,
            change.blocked_on,
            change.data,
            change.render_id,
            now,
            change.release,
            job_id,
        ),
    )


def _due_by_render(db: sqlite3.Connection, job_id: str, render_id: str | None, now: float) -> float | None:
    row = db.execute(
        "SELECT 1 FROM renders WHERE ended_at IS NOT NULL"
        " AND id = coalesce(?, (SELECT render_id FROM jobs WHERE id = ?))",
        (render_id, job_id),
    ).fetchone()
    return None if row is None else now


_json = json.JSONEncoder(ensure_ascii=False).encode


def tell(db: sqlite3.Connection, job_id: str, line: Tell, now: float) -> None:
    """Add a line to a job's story."""
    details = _json(dict(line.details)) if line.details else "{}"
    db.execute(
        "INSERT INTO events(job_id, at, name, details) VALUES (?, ?, ?, ?)", (job_id, now, line.name, details)
    )


def wake(
    db: sqlite3.Connection,
    job_ids: Iterable[str],
    now: float,
    *,
    statuses: Sequence[str],
    fences: Mapping[str, int] | None = None,
) -> list[str]:
    """Make ended jobs active again at the step where they stopped; those in other states are left.

    With `fences`, those that have moved since somebody saw them are left, too.
    """
    marks = ", ".join("?" * len(statuses))
    woken = []
    for job_id in job_ids:
        changed = db.execute(
            f"UPDATE jobs SET status = 'active', due_at = ?, reason = '', attempts = 0, updated_at = ?"
            f" WHERE id = ? AND fence = coalesce(?, fence) AND status IN ({marks})",
            (now, now, job_id, None if fences is None else fences.get(job_id), *statuses),
        ).rowcount
        if changed:
            tell(db, job_id, Tell("resumed"), now)
            woken.append(job_id)
    return woken


def decide(
    db: sqlite3.Connection, job_id: str, change: SetJob, lines: Sequence[Tell], now: float, fence: int | None = None
) -> bool:
    """Change a job from outside its steps. Whoever holds it loses it: what they write next is dropped.

    False, and nothing is changed, when it is not there or has moved on from this fence.
    """
    found = db.execute("SELECT fence FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if found is None or fence not in (None, found[0]):
        return False
    db.execute("UPDATE jobs SET fence = fence + 1, owner = NULL WHERE id = ?", (job_id,))
    set_job(db, job_id, change, now)
    for line in lines:
        tell(db, job_id, line, now)
    return True


def get_job(db: sqlite3.Connection, job_id: str) -> JobRow | None:
    """One job."""
    row = db.execute(f"SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return job_from(row) if row else None


def find_jobs(
    db: sqlite3.Connection,
    *,
    prefix: str = "",
    suffix: str = "",
    run_id: str | None = None,
    statuses: Sequence[str] = (),
    scope: str | None = None,
    before: str | None = None,
    since: float | None = None,
    search: str = "",
    metadata: Iterable[tuple[str, str]] = (),
    limit: int = -1,
) -> list[JobRow]:
    """Return jobs, newest first: those added before the job `before`, and at or after `since`.

    `search` is looked for in prompts, copy, rows and reasons, `metadata` in the brief's.
    """
    clauses = ["id LIKE ? ESCAPE '!'"]
    values: list[str | float] = [f"{_like(prefix)}%{_like(suffix)}"]
    if run_id is not None:
        clauses.append("run_id = ?")
        values.append(run_id)
    if statuses:
        clauses.append(f"status IN ({', '.join('?' * len(statuses))})")
        values.extend(statuses)
    if scope is not None:
        clauses.append("id IN (SELECT job_id FROM temp.scopes WHERE scope = ?)")
        values.append(scope)
    if before is not None:
        clauses.append("seq < (SELECT seq FROM jobs WHERE id = ?)")
        values.append(before)
    if since is not None:
        clauses.append("created_at >= ?")
        values.append(since)
    if search:
        clauses.append(_SEARCHED)
        text = f"%{_like(search)}%"
        written = f"%{_like(json.dumps(search, ensure_ascii=False)[1:-1])}%"
        values += [written, *[text] * (_SEARCHED.count("?") - 1)]
    for name, wanted in metadata:
        clauses.append(_OF_METADATA)
        values += [f'$.brief.metadata."{name}"'] * 2 + [wanted]
    rows = db.execute(
        f"SELECT {JOB_COLUMNS} FROM jobs WHERE {' AND '.join(clauses)} ORDER BY seq DESC LIMIT ?",
        (*values, limit),
    ).fetchall()
    return [job_from(row) for row in rows]


# The whole text first: most jobs drop out before anything of theirs is parsed.
_SEARCHED = (
    "((data LIKE ? ESCAPE '!' AND ("
    + " OR ".join(
        f"json_extract(data, '$.{name}') LIKE ? ESCAPE '!'"
        for name in ("brief.prompt", "prompt.text", "prompt.title", "prompt.caption", "row")
    )
    + ")) OR reason LIKE ? ESCAPE '!')"
)
_OF_METADATA = (
    "CASE json_type(data, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
    " ELSE CAST(json_extract(data, ?) AS TEXT) END = ?"
)


def _like(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def next_due(db: sqlite3.Connection, scope: str | None) -> float | None:
    """Return when the next job without a lease holder is due; None if there is none."""
    within = f"AND {_IN_SCOPE}" if scope else ""
    row = db.execute(
        f"SELECT min(due_at) FROM jobs WHERE status = 'active' AND due_at IS NOT NULL AND owner IS NULL {within}",
        {"scope": scope},
    ).fetchone()
    return None if row[0] is None else float(row[0])


def count_by_status(db: sqlite3.Connection, scope: str | None) -> Mapping[str, int]:
    """Return the number of jobs of each status."""
    within = "WHERE id IN (SELECT job_id FROM temp.scopes WHERE scope = ?)" if scope else ""
    rows = db.execute(
        f"SELECT status, count(*) FROM jobs {within} GROUP BY status", (scope,) if scope else ()
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def events(db: sqlite3.Connection, job_id: str) -> list[EventRow]:
    """A job's story, oldest line first."""
    rows: list[Any] = db.execute(
        "SELECT seq, job_id, at, name, details FROM events WHERE job_id = ? ORDER BY seq", (job_id,)
    ).fetchall()
    return [EventRow(*row) for row in rows]
