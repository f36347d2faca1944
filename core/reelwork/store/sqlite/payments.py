"""The store on SQLite: what plugins pay for themselves, and what is reserved for their calls."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from reelwork.store import rules
from reelwork.store.records import PAYMENT, call_key
from reelwork.store.sqlite.base import SqliteParts

if TYPE_CHECKING:
    from reelwork.store.commands import GiveBack, Payment


class SqlitePayments(SqliteParts):
    """The part of a store that keeps what plugins paid."""

    async def paid(self, payment: Payment) -> bool:
        """Record a payment, once for its key. Return False if it was there."""
        now = self._clock()
        return await self._db.run(lambda db: _pay(db, payment, now))


def _pay(db: sqlite3.Connection, payment: Payment, now: float) -> bool:
    key = f"reelwork-{payment.job_id}-paid-{payment.instance}-{payment.key}"
    told = json.dumps({"what": payment.what, "shown": payment.shown})
    # Whoever holds the job: what is paid is paid, also after its lease was lost.
    added = db.execute(
        "INSERT OR IGNORE INTO effects(key, kind, job_id, run_id, subject, account, fingerprint, state, created_at,"
        " result, money, charged, reserved_at, updated_at, brand)"
        " SELECT ?, ?, id, run_id, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, brand FROM jobs WHERE id = ?",
        (
            *(key, PAYMENT, payment.instance, f"{PAYMENT} {payment.instance}", rules.CONFIRMED, now, told),
            *(rules.settled(payment.amount), payment.amount, now, now, payment.job_id),
        ),
    ).rowcount
    if added:
        # It takes the place of what was reserved for the call, so that it never counts twice.
        db.execute(
            "UPDATE effects SET reserved = max(reserved - ?, 0) WHERE key = ?",
            (payment.amount, call_key(payment.job_id, payment.instance)),
        )
    return bool(added)


def give_back(db: sqlite3.Connection, act: GiveBack) -> None:
    """Give up what is reserved for calls of a plugin."""
    db.execute("DELETE FROM effects WHERE key = ? AND kind = ? AND state = ?", (act.key, PAYMENT, rules.INTENDED))
