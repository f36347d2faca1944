"""What budgets hold: the money of a job, a run, a day and a month (UTC), charged or reserved.

A reservation counts in the period in which it is made. One that was given up, or was made on an earlier day and
never left, is made anew when its request is about to leave: then it counts on that day.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from reelwork.errors import BudgetExceeded
from reelwork.money import MICROS
from reelwork.store.notes import is_in_doubt
from reelwork.store.rows import Budget, Intend

_DAY = "reserved_at >= unixepoch(?, 'unixepoch', 'start of day')"
_MONTH = "reserved_at >= unixepoch(?, 'unixepoch', 'start of month')"


def check(db: sqlite3.Connection, job_id: str, run_id: str, act: Intend, now: float) -> None:
    """Make sure that the money of an effect fits into every budget. Raises `BudgetExceeded`."""
    amount = act.reserve
    if not amount:
        return
    for name, ceiling, counted in _scopes(db, job_id, run_id, act, now):
        if counted + amount > ceiling:
            raise BudgetExceeded(
                f"This render costs ${amount / MICROS:.2f}; with ${counted / MICROS:.2f} already spent or reserved"
                f" it would go over the budget {name} = {ceiling / MICROS:g}.",
                hint=f"To go on: reelwork resume {job_id} --set budget.{name}=AMOUNT, with a higher amount.",
                budget=name,
            )


def _scopes(
    db: sqlite3.Connection, job_id: str, run_id: str, act: Intend, now: float
) -> Iterator[tuple[str, int, int]]:
    """Each budget that has a ceiling, with its ceiling and what it holds beside this effect."""
    budget = act.budget
    scopes = (
        ("per_job", budget.per_job, "job_id = ?", job_id),
        ("per_run", budget.per_run, "run_id = ?", run_id),
        ("per_day", budget.per_day, _DAY, now),
        ("per_month", budget.per_month, _MONTH, now),
    )
    for name, ceiling, condition, value in scopes:
        if ceiling is not None:
            yield name, ceiling, _counted(db, f"{condition} AND key <> ?", value, act.key)


def is_current(db: sqlite3.Connection, key: str, now: float) -> bool:
    """Whether the money of an effect is reserved, and counts today.

    So it stays for one that was in doubt before: it is settled first, and its money is never counted twice.
    """
    row = db.execute(f"SELECT money, {_DAY}, evidence FROM effects WHERE key = ?", (now, key)).fetchone()
    return bool(row[0] != "released" and (row[0] != "reserved" or row[1] or is_in_doubt(row[2])))


def held(db: sqlite3.Connection, budget: Budget, now: float) -> dict[str, int]:
    """Return what the budgets of this day and month hold already, by the name of each that has a ceiling."""
    scopes = (("per_day", budget.per_day, _DAY), ("per_month", budget.per_month, _MONTH))
    return {name: _counted(db, condition, now) for name, ceiling, condition in scopes if ceiling is not None}


def _counted(db: sqlite3.Connection, condition: str, *values: object) -> int:
    row = db.execute(
        "SELECT coalesce(sum(coalesce(charged, reserved, 0)), 0) FROM effects"
        f" WHERE money IN ('reserved', 'charged') AND {condition}",
        values,
    ).fetchone()
    return int(row[0])
