"""Schedules and their slots in SQLite, as functions of an open connection within a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reelwork.errors import LedgerConflict
from reelwork.store.rules import check_firing
from reelwork.store.schedules import Decided, GivenBack, NewFiring, Outcome, ScheduleRow, SlotRow
from reelwork.store.sqlite import budgets, jobs
from reelwork.store.sqlite.job_reads import JOB_COLUMNS, job_from
from reelwork.store.statuses import Status, Step

if TYPE_CHECKING:
    from reelwork.store.records import JobRow

_SCHEDULE = "name, spec, version, added_at, decided_until, pause, trouble, removed_at"
_SLOT = "schedule, key, at, state, reason, decided_at, due_at, run_id, cycle, row"
# From the active jobs, of which there are few, and not from the slots, of which a schedule has more each day.
_JOBS = "FROM jobs CROSS JOIN slots ON slots.run_id = coalesce(jobs.first_run, jobs.run_id) WHERE jobs.status"
_OPEN_JOBS = f"{_JOBS} = 'active'"
# One that is ready and only waits for the times of its posts. A post that is still to be sent, or whose outcome is
# open, keeps it running. The posts are read as such: a brief may have any words in its own data.
_POSTS = "SELECT 1 FROM json_each(jobs.data, '$.posts') AS post WHERE"
_WAITS = "coalesce(json_extract(post.value, '$.slot_waits'), 0)"
_STATE = "coalesce(json_extract(post.value, '$.state'), 'open')"
_ONLY_WAITS = (
    f"jobs.step = '{Step.PUBLISH}' AND EXISTS ({_POSTS} {_WAITS})"
    f" AND NOT EXISTS ({_POSTS} NOT {_WAITS} AND {_STATE} IN ('open', 'prepared'))"
)


def keep(db: sqlite3.Connection, row: ScheduleRow, slots: Sequence[SlotRow]) -> bool:
    """Add a schedule or change it; False if it is of another version than this one follows."""
    found = db.execute("SELECT version FROM schedules WHERE name = ?", (row.name,)).fetchone()
    if (found[0] if found else 0) != row.version - 1:
        return False
    db.execute(
        f"INSERT OR REPLACE INTO schedules({_SCHEDULE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(row.name, row.spec, row.version, row.added_at, row.decided_until, row.pause, row.trouble),
            row.removed_at,
        ),
    )
    # Of the earlier rule: what is foreseen of this one is written by the next look ahead.
    db.execute("DELETE FROM slots WHERE schedule = ? AND state = 'foreseen'", (row.name,))
    for slot in slots:
        _put(db, slot)
    return True


def foresee(db: sqlite3.Connection, name: str, slot: SlotRow | None) -> bool:
    """Note the next slot that will find no room, in place of an earlier note; return whether it is new."""
    key = "" if slot is None else slot.key
    db.execute("DELETE FROM slots WHERE schedule = ? AND state = 'foreseen' AND key <> ?", (name, key))
    if slot is None:
        return False
    values = (slot.schedule, slot.key, slot.at, slot.state, slot.reason, slot.decided_at)
    new = db.execute(
        "INSERT OR IGNORE INTO slots(schedule, key, at, state, reason, decided_at) VALUES (?, ?, ?, ?, ?, ?)",
        values,
    ).rowcount
    again = "UPDATE slots SET reason = ? WHERE schedule = ? AND key = ? AND state = 'foreseen'"
    db.execute(again, (slot.reason, slot.schedule, slot.key))
    return bool(new)


def settle(db: sqlite3.Connection, decided: Decided, now: float) -> Outcome:
    """Write what was decided about slots, and the jobs of the one that fires. Raises `BudgetExceeded`."""
    # The mark moves with each decision: of two servers that decided the same, the second one finds it moved.
    moved = db.execute(
        "UPDATE schedules SET decided_until = max(decided_until, ?) WHERE name = ? AND version = ?"
        " AND decided_until = ? AND removed_at IS NULL",
        (decided.decided_until, decided.name, decided.version, decided.decided_from),
    ).rowcount
    if not moved:
        return Outcome.MOVED
    for slot in decided.slots:
        _put(db, slot)
    return Outcome.WRITTEN if decided.firing is None else _fire(db, decided.firing, now)


def hindrance(db: sqlite3.Connection, firing: NewFiring) -> Outcome | None:
    """Return why a firing cannot be written now; None if it can."""
    slot = firing.slot
    if firing.alone and is_running(db, slot.schedule):
        return Outcome.RUNNING
    # Two slots that were planned at once by two processes have chosen the same row of the batch.
    query = "SELECT 1 FROM slots WHERE schedule = ? AND cycle = ? AND row = ? AND key <> ?"
    taken = db.execute(query, (slot.schedule, slot.cycle, slot.row, slot.key)).fetchone()
    return Outcome.MOVED if taken else None


def _fire(db: sqlite3.Connection, firing: NewFiring, now: float) -> Outcome:
    # First the key. Whoever finds it there does nothing more, however it came to be there.
    if not _put(db, firing.slot):
        return Outcome.MOVED
    _check_money(db, firing, now)
    jobs.add_run(db, firing.run)
    jobs.add_jobs(db, firing.run.id, firing.jobs, now)
    return Outcome.WRITTEN


def _put(db: sqlite3.Connection, slot: SlotRow) -> bool:
    """Write a slot, unless it was decided before; return whether it was written."""
    # A foreseen one was not decided about: it is only known that there will be no room for it.
    return bool(
        db.execute(
            f"INSERT INTO slots({_SLOT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT(schedule, key) DO UPDATE SET state = excluded.state, reason = excluded.reason,"
            " decided_at = excluded.decided_at, due_at = excluded.due_at, run_id = excluded.run_id,"
            " cycle = excluded.cycle, row = excluded.row WHERE slots.state IN ('waiting', 'foreseen')",
            (
                *(slot.schedule, slot.key, slot.at, slot.state, slot.reason, slot.decided_at, slot.due_at),
                *(slot.run_id, slot.cycle, slot.row),
            ),
        ).rowcount
    )


def requeue_rows(db: sqlite3.Connection, name: str, rows: Sequence[GivenBack], now: float) -> None:
    """Let rows be used once more, and cancel the jobs of their firings. Raises `LedgerConflict`."""
    from reelwork.store.commands import SetJob, Tell

    for one in rows:
        # Below zero, and each time further: it stays known that and by which slot the row was used.
        changed = db.execute(
            "UPDATE slots SET reason = ?, cycle = -1 - (SELECT count(*) FROM slots WHERE schedule = ? AND row = ?"
            " AND cycle < 0) WHERE schedule = ? AND key = ? AND row = ? AND cycle >= 0 AND state = 'fired'",
            ("its row was given back", name, one.row, name, one.key, one.row),
        ).rowcount
        if not changed:
            raise LedgerConflict(f"the row {one.row!r} is not used by {one.key}")
        reason = f"its row was given back to the schedule {name}"
        for job in one.jobs:
            # Waking leaves the fence as it is, so the status counts, too: it would be made beside the new job.
            asked = db.execute("SELECT status FROM jobs WHERE id = ?", (job.id,)).fetchone()
            end, lines = SetJob(Status.CANCELLED, job.step, None, reason), [Tell("cancelled", {"reason": reason})]
            unmoved = asked is not None and asked[0] == job.status
            if not unmoved or not jobs.decide(db, job.id, end, lines, now, job.fence, unheld=True):
                raise LedgerConflict(f"the job {job.id} has moved on")


def _check_money(db: sqlite3.Connection, firing: NewFiring, now: float) -> None:
    """Make sure that the money of a firing fits. Raises `BudgetExceeded`."""
    if not firing.cost:
        return
    held = budgets.held(db, firing.budget, now)
    # What was promised to a firing is reserved only when its job sends its request. Until then it counts here, so
    # that two firings never share the same money.
    promised = {True: promised_to(db, firing.budget.brand), False: promised_to(db, None)}
    beside = {name: amount + promised[name.startswith("brand_")] for name, amount in held.items()}
    check_firing(firing.budget, beside, firing.cost)


def promised_to(db: sqlite3.Connection, brand: str | None) -> int:
    """Return what is promised to the open jobs of firings: those of a brand, or all."""
    row = db.execute(
        "SELECT coalesce(sum(coalesce(json_extract(data, '$.cost'), 0) + (SELECT coalesce(sum(value), 0)"
        f" FROM json_each(coalesce(json_extract(data, '$.post_costs'), '{{}}')))), 0) {_OPEN_JOBS}"
        " AND NOT EXISTS (SELECT 1 FROM effects WHERE effects.job_id = jobs.id AND kind = 'submit')"
        " AND jobs.brand = coalesce(?, jobs.brand)",
        (brand,),
    ).fetchone()
    return int(row[0])


def pull_back(db: sqlite3.Connection, name: str, version: int, mark: float, now: float) -> bool:
    """Move the mark of a schedule from where the clock was ahead back to now; return whether it was still there."""
    moved = db.execute(
        "UPDATE schedules SET decided_until = ? WHERE name = ? AND version = ? AND decided_until = ?",
        (now, name, version, mark),
    ).rowcount
    if moved:
        # What has fired keeps its key, so that its time does not fire again when it comes.
        gone = "DELETE FROM slots WHERE schedule = ? AND at > ? AND run_id IS NULL AND state <> 'foreseen'"
        db.execute(gone, (name, now))
    return bool(moved)


def tell_trouble(db: sqlite3.Connection, name: str, version: int, trouble: str) -> None:
    """Note why the file of a schedule cannot be run."""
    db.execute("UPDATE schedules SET trouble = ? WHERE name = ? AND version = ?", (trouble, name, version))


def schedules(db: sqlite3.Connection) -> list[ScheduleRow]:
    """Return the schedules by name, removed ones included."""
    return [ScheduleRow(*row) for row in db.execute(f"SELECT {_SCHEDULE} FROM schedules ORDER BY name")]


def slots(db: sqlite3.Connection, name: str, limit: int = -1) -> list[SlotRow]:
    """Return the slots of a schedule, newest first."""
    query = f"SELECT {_SLOT} FROM slots WHERE schedule = ? ORDER BY at DESC, key DESC LIMIT ?"
    return [SlotRow(*row) for row in db.execute(query, (name, limit))]


def waiting(db: sqlite3.Connection, name: str) -> list[SlotRow]:
    """Return the slots of a schedule that wait, oldest first."""
    query = f"SELECT {_SLOT} FROM slots WHERE schedule = ? AND state = 'waiting' ORDER BY at, key"
    return [SlotRow(*row) for row in db.execute(query, (name,))]


def used_rows(db: sqlite3.Connection, name: str) -> list[tuple[int, str]]:
    """Return the rows of its batch that a schedule has used, each with its cycle; negative when given back."""
    query = "SELECT cycle, row FROM slots WHERE schedule = ? AND row IS NOT NULL"
    return [(row[0], row[1]) for row in db.execute(query, (name,))]


def is_running(db: sqlite3.Connection, name: str) -> bool:
    """Return whether a job of a firing of this schedule is running."""
    query = f"SELECT 1 {_OPEN_JOBS} AND slots.schedule = ? AND NOT ({_ONLY_WAITS}) LIMIT 1"
    return db.execute(query, (name,)).fetchone() is not None


def fired_jobs(db: sqlite3.Connection, statuses: Sequence[str], name: str | None) -> list[str]:
    """Return the jobs of these statuses that a schedule has fired, or any schedule, oldest first."""
    which = "" if name is None else "AND slots.schedule = :name"
    rows = db.execute(
        f"SELECT jobs.id {_JOBS} IN (SELECT value FROM json_each(:statuses)) {which} ORDER BY jobs.seq",
        {"statuses": json.dumps(list(statuses)), "name": name},
    )
    return [row[0] for row in rows]


def jobs_of_firing(db: sqlite3.Connection, run_id: str) -> list[JobRow]:
    """Return the jobs that a firing has launched, oldest first."""
    which = "run_id = :run AND first_run IS NULL OR first_run = :run"
    rows = db.execute(f"SELECT {JOB_COLUMNS} FROM jobs WHERE {which} ORDER BY seq", {"run": run_id})
    return [job_from(row) for row in rows]


RECENT_FIRINGS = 50
"""The newest firings of a schedule among which its last success is looked for."""
# A job that other settings moved to another run still counts for the firing that launched it.
_ALL_DONE = (
    "EXISTS (SELECT 1 FROM jobs WHERE {ours}) AND NOT EXISTS (SELECT 1 FROM jobs WHERE {ours} AND status <> 'done')"
).format(ours="(run_id = fired.run_id AND first_run IS NULL OR first_run = fired.run_id)")


def last_successes(db: sqlite3.Connection) -> dict[str, float]:
    """Return the time of each schedule's last firing whose jobs are all done; none for one without."""
    found = {}
    for (name,) in db.execute("SELECT name FROM schedules WHERE removed_at IS NULL").fetchall():
        row = db.execute(
            "SELECT max(at) FROM (SELECT at, run_id FROM slots WHERE schedule = ? AND run_id IS NOT NULL"
            f" ORDER BY at DESC LIMIT {RECENT_FIRINGS}) AS fired WHERE {_ALL_DONE}",
            (name,),
        ).fetchone()
        if row[0] is not None:
            found[name] = float(row[0])
    return found
