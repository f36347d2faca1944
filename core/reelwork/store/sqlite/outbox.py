"""The store on SQLite: events of jobs on their way to webhooks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from reelwork.store.outbox import MOST_WAITING, TARGET_SECONDS, Delivery, TargetRow
from reelwork.store.sqlite.base import SqliteParts

_TARGET = "name, url, events, seen_at, failing_since, off_at, reason"
_DELIVERY = "id, target, job_id, run_id, name, details, at, attempts"


class SqliteOutbox(SqliteParts):
    """The part of a store that keeps events until they are delivered."""

    async def keep_targets(self, targets: Sequence[TargetRow]) -> None:
        """Store the webhooks of a server's settings."""
        await self._db.run(lambda db: keep_targets(db, targets))

    async def claim_deliveries(self, names: Sequence[str], lease: float, count: int) -> list[Delivery]:
        """Take events that are due to these webhooks, for `lease` seconds."""
        return await self._db.run(lambda db: claim(db, names, self._clock(), lease, count))

    async def delivered(self, delivery: Delivery) -> None:
        """Remove what was delivered."""

        def change(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM outbox WHERE id = ?", (delivery.id,))
            text = "UPDATE webhook_targets SET failing_since = NULL, reason = '' WHERE name = ? AND off_at IS NULL"
            db.execute(text, (delivery.target,))

        await self._db.run(change)

    async def put_off(self, delivery: Delivery, pause: float | None, reason: str) -> float:
        """Note a failure; returns since when its webhook has been failing."""
        return await self._db.run(lambda db: put_off(db, delivery, self._clock(), pause, reason))

    async def turn_off(self, name: str, reason: str) -> None:
        """Send nothing to a webhook any more, and drop what waits for it."""

        def change(db: sqlite3.Connection) -> None:
            text = "UPDATE webhook_targets SET off_at = ?, reason = ? WHERE name = ?"
            db.execute(text, (self._clock(), reason, name))
            db.execute("DELETE FROM outbox WHERE target = ?", (name,))

        await self._db.run(change)

    async def turn_on(self, name: str) -> bool:
        """Send to a webhook again, from now on."""
        text = (
            "UPDATE webhook_targets SET off_at = NULL, failing_since = NULL, reason = ''"
            " WHERE name = ? AND off_at IS NOT NULL"
        )
        return await self._db.run(lambda db: db.execute(text, (name,)).rowcount == 1)


def announce(db: sqlite3.Connection, job_id: str, name: str, details: str, now: float) -> None:
    """Put an event of a job into the outbox, once for each webhook that wants it.

    In the transaction that tells it: an event that is committed is delivered, and no other.
    """
    # The id is random: one that counts up would begin again in a new store, and receivers would take it for known.
    db.execute(
        "INSERT INTO outbox(id, target, job_id, run_id, name, details, at, due_at)"
        " SELECT 'evt_' || lower(hex(randomblob(12))), webhook_targets.name, :job,"
        " coalesce((SELECT run_id FROM jobs WHERE id = :job), ''), :event, :details, :now, :now"
        " FROM webhook_targets WHERE off_at IS NULL AND seen_at > :seen"
        " AND EXISTS (SELECT 1 FROM json_each(events) WHERE value IN (:event, '*'))",
        {"job": job_id, "event": name, "details": details, "now": now, "seen": now - TARGET_SECONDS},
    )


def keep_targets(db: sqlite3.Connection, targets: Sequence[TargetRow]) -> None:
    """Store the webhooks of a server's settings."""
    for one in targets:
        # Another address is another receiver: what the last one answered says nothing of it.
        db.execute(
            "INSERT INTO webhook_targets(name, url, events, seen_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, events = excluded.events,"
            " off_at = CASE WHEN url = excluded.url THEN off_at END,"
            " failing_since = CASE WHEN url = excluded.url THEN failing_since END,"
            " reason = CASE WHEN url = excluded.url THEN reason ELSE '' END, url = excluded.url",
            (one.name, one.url, json.dumps(one.events), one.seen_at),
        )
        db.execute(
            "DELETE FROM outbox WHERE target = ? AND seq <= (SELECT max(seq) FROM outbox WHERE target = ?) - ?",
            (one.name, one.name, MOST_WAITING),
        )


def claim(db: sqlite3.Connection, names: Sequence[str], now: float, lease: float, count: int) -> list[Delivery]:
    """Take events that are due to these webhooks, oldest first."""
    rows = db.execute(
        # Chosen and taken in one statement: of two servers one sends it.
        "UPDATE outbox SET due_at = ?, attempts = attempts + 1 WHERE seq IN"
        " (SELECT seq FROM outbox WHERE due_at <= ? AND target IN (SELECT value FROM json_each(?))"
        f"  ORDER BY seq LIMIT ?) RETURNING seq, {_DELIVERY}",
        (now + lease, now, json.dumps(list(names)), count),
    ).fetchall()
    # What `RETURNING` gives comes in no order.
    return [Delivery(*row[1:]) for row in sorted(rows, key=lambda row: row[0])]


def put_off(db: sqlite3.Connection, delivery: Delivery, now: float, pause: float | None, reason: str) -> float:
    """Note a failure; returns since when its webhook has been failing."""
    if pause is None:
        db.execute("DELETE FROM outbox WHERE id = ?", (delivery.id,))
    else:
        db.execute("UPDATE outbox SET due_at = ? WHERE id = ?", (now + pause, delivery.id))
    row = db.execute(
        "UPDATE webhook_targets SET failing_since = coalesce(failing_since, ?), reason = ? WHERE name = ?"
        " RETURNING failing_since",
        (now, reason, delivery.target),
    ).fetchone()
    return float(row[0]) if row else now


def targets(db: sqlite3.Connection) -> list[TargetRow]:
    """Return the webhooks that are sent, by name."""
    rows = db.execute(
        f"SELECT {_TARGET}, (SELECT count(*) FROM outbox WHERE target = webhook_targets.name)"
        " FROM webhook_targets ORDER BY name"
    )
    return [TargetRow(row[0], row[1], tuple(json.loads(row[2])), *row[3:]) for row in rows]


def next_due(db: sqlite3.Connection, names: Sequence[str]) -> float | None:
    """Return when the next event to one of these webhooks is due; None if nothing waits."""
    text = "SELECT min(due_at) FROM outbox WHERE target IN (SELECT value FROM json_each(?))"
    row = db.execute(text, (json.dumps(list(names)),)).fetchone()
    return None if row[0] is None else float(row[0])
