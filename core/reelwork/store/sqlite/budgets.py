"""Reads from the store what the budget rules need: money charged or reserved for a job, a run, a day or a month.

A reservation counts in the period (UTC) in which it is made. One that was released, or was made on an earlier day
and never sent, is made again on the day of its sending. The rules are in `rules.py`.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from reelwork.store import rules
from reelwork.store.notes import is_in_doubt
from reelwork.store.records import PAYMENT

if TYPE_CHECKING:
    from reelwork.store.ceilings import Budget
    from reelwork.store.commands import Intend

_Scope = tuple[str, tuple[str | float, ...]]
"""A condition in SQL, and its values."""


def brand_of(db: sqlite3.Connection, job_id: str) -> str:
    """Return the brand of a job, as it is in this transaction; empty if it has none."""
    row = db.execute("SELECT brand FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return "" if row is None else str(row[0])


def check(db: sqlite3.Connection, job_id: str, run_id: str, brand: str, act: Intend, now: float) -> None:
    """Make sure that the money of an effect fits into every budget. Raises `BudgetExceeded`."""
    if not act.reserve:
        return
    scopes: dict[str, _Scope] = {"per_job": ("job_id = ?", (job_id,)), "per_run": ("run_id = ?", (run_id,))}
    scopes |= _periods(brand, now)
    held = {}
    for name in rules.ceilings_of(act.budget):
        condition, values = scopes[name]
        # Without its own key: an effect that is reserved again must not stand in its own way.
        held[name] = _counted(db, f"{condition} AND key <> ?", *values, act.key)
    what = {"submit": "render", PAYMENT: f"call of {act.subject}"}.get(act.kind, f"post to {act.subject}")
    rules.check_budget(job_id, act.budget, held, act.reserve, what=what)


def must_be_reserved(db: sqlite3.Connection, act: Intend, now: float) -> bool:
    """Return whether an effect's money must be reserved again before it is sent."""
    query = "SELECT money, reserved, reserved_at, evidence FROM effects WHERE key = ?"
    money, reserved, reserved_at, evidence = db.execute(query, (act.key,)).fetchone()
    # A render's price is that of its plan. The price of a post is asked for again when the post is tried again, and
    # may have risen.
    asked_again = act.kind != "submit" and act.reserve is not None
    dearer = asked_again and (reserved is None or (act.reserve or 0) > reserved)
    return rules.must_be_reserved(money, reserved_at, now, in_doubt=is_in_doubt(evidence), dearer=dearer)


def held(db: sqlite3.Connection, budget: Budget, now: float) -> dict[str, int]:
    """Return what the budgets of this day and month hold already, by the name of each that has a ceiling."""
    periods = _periods(budget.brand, now)
    wanted = [name for name in rules.ceilings_of(budget) if name in periods]
    return {name: _counted(db, periods[name][0], *periods[name][1]) for name in wanted}


def _periods(brand: str, now: float) -> dict[str, _Scope]:
    day, month = rules.day_of(now), rules.month_of(now)
    return {
        "per_day": ("reserved_at >= ?", (day,)),
        "per_month": ("reserved_at >= ?", (month,)),
        # Spelt out, so that SQLite takes the index of what has a brand.
        "brand_per_day": ("brand = ? AND brand <> '' AND reserved_at >= ?", (brand, day)),
        "brand_per_month": ("brand = ? AND brand <> '' AND reserved_at >= ?", (brand, month)),
    }


def _counted(db: sqlite3.Connection, condition: str, *values: object) -> int:
    row = db.execute(
        "SELECT coalesce(sum(coalesce(charged, reserved, 0)), 0) FROM effects"
        f" WHERE money IN ('reserved', 'charged') AND {condition}",
        values,
    ).fetchone()
    return int(row[0])
