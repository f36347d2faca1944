"""The changes that the ledger's commands make on an open connection. `rules.py` says which changes are allowed and
what they do to the effect's money."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwork.errors import IdTaken, Limited
from reelwork.store import rules
from reelwork.store.records import EffectRow, Sendings
from reelwork.store.rules import transition_of
from reelwork.store.sqlite import budgets, evidence, limits, post_stops
from reelwork_hooks.states import EffectState

if TYPE_CHECKING:
    from reelwork.store.commands import Confirm, Doubt, Intend, Refuse, Rename, Reopen, Saw, Send, SettleMoney

EFFECT_COLUMNS = (
    "key, kind, job_id, run_id, subject, account, fingerprint, state, attempt, created_at, sent_at, settle_at,"
    " sender, evidence, prepared, result, remote_id, reason, money, reserved, charged, updated_at, alias, model,"
    " spec, asked, how, settle, seen, refusals, resent, first_no, sent_no, answered_no"
)


def get(db: sqlite3.Connection, key: str) -> EffectRow | None:
    """Return one effect; None if there is none."""
    row = db.execute(f"SELECT {EFFECT_COLUMNS} FROM effects WHERE key = ?", (key,)).fetchone()
    return EffectRow(*row) if row else None


def of_job(db: sqlite3.Connection, job_id: str) -> list[EffectRow]:
    """Return a job's effects, oldest first."""
    rows = db.execute(
        f"SELECT {EFFECT_COLUMNS} FROM effects WHERE job_id = ? ORDER BY created_at, key", (job_id,)
    ).fetchall()
    return [EffectRow(*row) for row in rows]


def intend(db: sqlite3.Connection, job_id: str, run_id: str, act: Intend, now: float) -> None:
    """Record an effect and reserve its money. Raises `BudgetExceeded`."""
    # One that is there keeps its row. Its money is reserved again if it was released or counts on an earlier day:
    # else a run given up today and resumed tomorrow would spend outside of tomorrow's budget. So is a post's whose
    # price has risen.
    there = db.execute("SELECT 1 FROM effects WHERE key = ?", (act.key,)).fetchone()
    # Prepared anew, since it provably did not happen. In doubt, it is looked up by what it was sent with.
    db.execute(
        "UPDATE effects SET prepared = ? WHERE key = ? AND state = ? AND prepared <> ?",
        (act.prepared, act.key, rules.INTENDED, act.prepared),
    )
    if there and not budgets.must_be_reserved(db, act, now):
        return
    brand = budgets.brand_of(db, job_id)
    budgets.check(db, job_id, run_id, brand, act, now)
    if there:
        db.execute(
            "UPDATE effects SET money = ?, reserved_at = ?, brand = ?,"
            " reserved = CASE WHEN kind = 'submit' THEN reserved ELSE coalesce(?, reserved) END WHERE key = ?",
            (rules.Money.RESERVED, now, brand, act.reserve, act.key),
        )
        return
    db.execute(
        "INSERT INTO effects(key, kind, job_id, run_id, subject, account, fingerprint, state, created_at,"
        " prepared, money, reserved, reserved_at, updated_at, brand)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            act.key,
            act.kind,
            job_id,
            run_id,
            act.subject,
            act.account,
            act.fingerprint,
            rules.INTENDED,
            now,
            act.prepared,
            rules.first_money(act.kind, act.reserve),
            act.reserve,
            now,
            now,
            brand,
        ),
    )


def send(db: sqlite3.Connection, act: Send, owner: str, now: float) -> EffectRow:
    """Commit that an effect is about to leave. Raises `Limited`."""
    change = transition_of(act)
    effect = _expect(db, act.key, change)
    # Counted in this transaction, under SQLite's write lock. Checked before it, two processes could take one
    # place.
    _check_siblings(db, effect, now)
    limit = limit_of(db, act, effect.kind, now)
    if limit is not None:
        raise limit
    # A number and no time: whether a control was sent later must not depend on a clock.
    number = evidence.next_number(db, evidence.ACTS)
    db.execute(
        # `sent_at` and `first_no` stay those of the first sending: a lookup must reach back to it.
        "UPDATE effects SET state = ?, attempt = attempt + 1, sent_at = coalesce(sent_at, ?), sender = ?,"
        " settle_at = NULL, settle = '', reason = '', first_no = coalesce(first_no, ?), sent_no = ?, updated_at = ?"
        " WHERE key = ?",
        (change.end, now, owner, number, number, now, act.key),
    )
    if act.sending is not None:
        evidence.keep_sending(db, effect, act, act.sending)
    sent = get(db, act.key)
    assert sent is not None
    return sent


def limit_of(db: sqlite3.Connection, act: Send, kind: str, now: float) -> Limited | None:
    """Return the limit that keeps an effect from being sent now, if any."""
    if act.names and (stopped := post_stops.limit_of(db, act, now)) is not None:
        return stopped
    found: list[Limited | None] = [evidence.cold_limit(db, kind, act, now)]
    if kind == "submit":
        found.append(limits.limit_of(db, act.account, act.quota, now))
    # The one that lasts longest: woken for a shorter one, the job would only meet the next.
    return max((one for one in found if one is not None), key=lambda one: one.until, default=None)


def confirm(db: sqlite3.Connection, act: Confirm, now: float) -> None:
    """Record that an effect happened. Raises `IdTaken`."""
    change = transition_of(act)
    effect = _expect(db, act.key, change)
    if is_claimed(db, effect, act.remote_id):
        # One id for two effects: at most one of them made it, and the other job would post another's video.
        raise IdTaken(act.key, act.remote_id)
    limits.answered(db, effect, now)
    db.execute(
        "UPDATE effects SET state = ?, remote_id = ?, result = ?, sender = NULL, settle_at = NULL,"
        " settle = '', reason = '', refusals = 0, updated_at = ? WHERE key = ?",
        (change.end, act.remote_id, act.result, now, act.key),
    )
    if act.answered:
        # Only its own answer makes it a control. What a lookup found may have been another's.
        evidence.keep_answer(db, effect, act.answered, now)
    evidence.wake_held(db, effect, now)


def rename(db: sqlite3.Connection, act: Rename, now: float) -> None:
    """Give a confirmed effect the id that what it made goes by now."""
    effect = get(db, act.key)
    if effect is None or effect.state != EffectState.CONFIRMED or not effect.remote_id:
        return
    if is_claimed(db, effect, act.remote_id):
        return
    if place := json.loads(effect.how).get("place"):
        # Seen: under its old id, too, it is never taken for what a later effect made.
        evidence.keep_reading(db, place, [effect.remote_id])
    db.execute(
        "UPDATE effects SET remote_id = ?, result = ?, updated_at = ? WHERE key = ?",
        (act.remote_id, act.result, now, act.key),
    )


def claim_match(db: sqlite3.Connection, key: str, remote_ids: Sequence[str], now: float) -> str | None:
    """Give an unknown effect the first match that belongs to no other effect."""
    # Stored at once, before it is confirmed: another effect that finds the same match goes on to the next.
    effect = _expect(db, key, rules.CLAIM)
    others = evidence.under_other_names(db, effect, remote_ids)
    free = next((id_ for id_ in remote_ids if id_ not in others and not is_claimed(db, effect, id_)), None)
    if free is not None:
        db.execute("UPDATE effects SET remote_id = ?, updated_at = ? WHERE key = ?", (free, now, key))
    return free


def is_claimed(db: sqlite3.Connection, effect: EffectRow, remote_id: str) -> bool:
    """Return whether this remote id belongs to another effect of the same account."""
    row = db.execute(
        "SELECT 1 FROM effects WHERE account IN (?, ?) AND kind = ? AND remote_id = ? AND key <> ?",
        # Under the older name too: stores of earlier versions named a destination after its plugin's instance.
        (effect.account, effect.alias or effect.account, effect.kind, remote_id, effect.key),
    ).fetchone()
    return row is not None


def refuse(db: sqlite3.Connection, act: Refuse, now: float) -> str:
    """Record that an effect was refused without work; return its account, which has a place free."""
    change = transition_of(act)
    effect = _expect(db, act.key, change)
    limits.answered(db, effect, now)
    db.execute(
        "UPDATE effects SET state = ?, reason = ?, sender = NULL, settle_at = NULL, updated_at = ?, money = ?"
        " WHERE key = ?",
        (change.end, act.reason, now, rules.money_after(change, effect.money), act.key),
    )
    return effect.account


def reopen(db: sqlite3.Connection, act: Reopen, now: float) -> str:
    """Record that an effect provably did not happen; return its account, which has a place free."""
    # Its money stays reserved unless it is given up, so that another job does not take it before the next sending.
    change = transition_of(act)
    effect = _expect(db, act.key, change)
    limits.answered(db, effect, now)
    money = rules.money_after(change, effect.money)
    db.execute(
        "UPDATE effects SET state = ?, reason = ?, sender = NULL, settle_at = NULL, settle = '', money = ?,"
        " remote_id = NULL, refusals = iif(?, refusals + 1, 0), resent = resent + ?,"
        " updated_at = ? WHERE key = ?",
        (change.end, act.reason, money, act.refused, act.believed, now, act.key),
    )
    return effect.account


def doubt(db: sqlite3.Connection, act: Doubt, now: float) -> None:
    """Record that an effect may have happened."""
    change = transition_of(act)
    effect = _expect(db, act.key, change)
    limits.answered(db, effect, now)
    # The end of its settle time stays, even if a person is asked now: only what was sent after it is a control.
    db.execute(
        "UPDATE effects SET state = :state, reason = :reason, settle_at = :settle_at,"
        " settle = iif(:settle = '', settle, :settle), sender = :sender, money = :money, updated_at = :now"
        " WHERE key = :key",
        {
            "state": change.end,
            "reason": act.reason,
            "settle_at": act.settle_at,
            "settle": act.settle,
            "sender": act.sender,
            "money": rules.money_after(change, effect.money),
            "now": now,
            "key": act.key,
        },
    )


def saw(db: sqlite3.Connection, act: Saw) -> None:
    """Store the report of a reading about an effect."""
    db.execute("UPDATE effects SET seen = ? WHERE key = ?", (act.seen, act.key))


def note(db: sqlite3.Connection, key: str, evidence: Mapping[str, Any], now: float) -> None:
    """Store evidence about an effect."""
    row = db.execute("SELECT evidence FROM effects WHERE key = ?", (key,)).fetchone()
    merged = {**json.loads(row[0]), **evidence}
    db.execute(
        "UPDATE effects SET evidence = ?, updated_at = ? WHERE key = ?",
        (json.dumps(merged, ensure_ascii=False), now, key),
    )


def claim_if_free(db: sqlite3.Connection, key: str, remote_id: str) -> None:
    """Give an effect the remote id it is known to have made, unless it has one or another effect has that."""
    # At once, and not when the job goes on: an identical effect in doubt would find the same and take it.
    effect = get(db, key)
    if effect is not None and effect.remote_id is None and not is_claimed(db, effect, remote_id):
        db.execute("UPDATE effects SET remote_id = ? WHERE key = ?", (remote_id, key))


def note_end(db: sqlite3.Connection, key: str, sender: str, name: str, now: float) -> None:
    """Store under this name which attempt is over for its sender, unless another process has sent it since."""
    row = db.execute("SELECT attempt FROM effects WHERE key = ? AND sender = ?", (key, sender)).fetchone()
    if row is not None:
        note(db, key, {name: row[0]}, now)


def settle_money(db: sqlite3.Connection, act: SettleMoney, now: float) -> None:
    """Replace the estimate by what was really charged."""
    db.execute(
        "UPDATE effects SET money = ?, charged = ?, updated_at = ? WHERE key = ?",
        (rules.settled(act.charged), act.charged, now, act.key),
    )


def in_doubt(db: sqlite3.Connection) -> list[EffectRow]:
    """Return every effect that may have happened and is not settled, oldest first."""
    rows = db.execute(
        f"SELECT {EFFECT_COLUMNS} FROM effects WHERE state IN ('sent', 'unknown') ORDER BY created_at, key"
    ).fetchall()
    return [EffectRow(*row) for row in rows]


def open_siblings(db: sqlite3.Connection, effect: EffectRow) -> list[EffectRow]:
    """Return identical requests in doubt: the result of one could be taken for another's."""
    if not effect.fingerprint:
        # Without a fingerprint nothing is looked up by its contents, so no request can be mistaken for it.
        return []
    rows = db.execute(
        f"SELECT {EFFECT_COLUMNS} FROM effects WHERE account = ? AND kind = ? AND fingerprint = ?"
        " AND state IN ('sent', 'unknown') AND key <> ?",
        (effect.account, effect.kind, effect.fingerprint, effect.key),
    ).fetchall()
    return [EffectRow(*row) for row in rows]


def open_beside(db: sqlite3.Connection, effect: EffectRow) -> list[EffectRow]:
    """Return all other requests of the account and kind in doubt, oldest first."""
    rows = db.execute(
        f"SELECT {EFFECT_COLUMNS} FROM effects WHERE account = ? AND kind = ? AND state IN ('sent', 'unknown')"
        " AND key <> ? ORDER BY created_at, key",
        (effect.account, effect.kind, effect.key),
    ).fetchall()
    return [EffectRow(*row) for row in rows]


def sendings(db: sqlite3.Connection, job_ids: Iterable[str]) -> dict[str, Sendings]:
    """Return the render requests sent for each of these jobs, and the money of its renders and posts."""
    rows = db.execute(
        """
        SELECT job_id, sum(CASE WHEN kind = 'submit' THEN attempt ELSE 0 END), counted,
          sum(CASE WHEN money = 'charged' THEN counted ELSE 0 END),
          sum(CASE WHEN money = 'reserved' THEN counted ELSE 0 END),
          sum(money = 'reserved' AND reserved IS NULL),
          sum(CASE WHEN money = 'reserved' AND state IN ('sent', 'unknown') THEN counted ELSE 0 END),
          sum(CASE WHEN kind <> 'submit' THEN counted ELSE 0 END),
          max(CASE WHEN kind = 'submit' THEN created_at END)
        FROM (SELECT job_id, kind, attempt, created_at, money, reserved, state,
                CASE WHEN money IN ('reserved', 'charged') THEN coalesce(charged, reserved, 0) ELSE 0 END AS counted
              FROM effects WHERE (kind = 'submit' OR money <> 'none')
                AND job_id IN (SELECT value FROM json_each(?)))
        GROUP BY job_id
        """,
        (json.dumps(list(job_ids)),),
    )
    # With a single max() SQLite takes the bare column `counted` from that row: sqlite.org/lang_select.html
    return {row[0]: Sendings(*row[1:8]) for row in rows}


def _expect(db: sqlite3.Connection, key: str, change: rules.Transition) -> EffectRow:
    effect = get(db, key)
    rules.check_start(change, key, None if effect is None else effect.state)
    assert effect is not None
    return effect


def _check_siblings(db: sqlite3.Connection, effect: EffectRow, now: float) -> None:
    if not effect.fingerprint:
        return
    row = db.execute(
        "SELECT max(settle_at) FROM effects WHERE account = ? AND kind = ? AND fingerprint = ?"
        " AND state = 'unknown' AND key <> ?",
        (effect.account, effect.kind, effect.fingerprint, effect.key),
    ).fetchone()
    limit = rules.sibling_limit(row[0], now)
    if limit is not None:
        raise limit
