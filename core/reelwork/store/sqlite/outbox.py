"""The store on SQLite: events of jobs on their way to webhooks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from reelwork.store.outbox import (
    ENDED_SECONDS,
    MOST_ENDED,
    MOST_WAITING,
    Delivery,
    DeliveryRow,
    Outcome,
    TargetRow,
)
from reelwork.store.sqlite.base import SqliteParts

_TARGET = "name, url, events, seen_at, brand, failing_since, off_at, reason"
_DELIVERY = "id, target, job_id, run_id, name, details, at, attempts"
_SHOWN = "id, target, job_id, name, at, attempts"
SWEPT_AT_ONCE = 100
"""Deliveries that are forgotten with one that ends."""


class SqliteOutbox(SqliteParts):
    """The part of a store that keeps events until they are delivered."""

    async def keep_targets(self, targets: Sequence[TargetRow]) -> None:
        """Store the webhooks of a server's settings."""
        await self._db.run(lambda db: keep_targets(db, targets))

    async def claim_deliveries(self, name: str, lease: float, count: int) -> list[Delivery]:
        """Take events that are due to a webhook, for `lease` seconds."""
        return await self._db.run(lambda db: claim(db, name, self._clock(), lease, count))

    async def put_back(self, taken: Sequence[Delivery]) -> None:
        """Make events due at once that were taken and not sent."""
        text = "UPDATE outbox SET due_at = ? WHERE id IN (SELECT value FROM json_each(?))"
        ids = json.dumps([delivery.id for delivery in taken])
        await self._db.run(lambda db: db.execute(text, (self._clock(), ids)))

    async def delivered(self, delivery: Delivery) -> None:
        """Note that it arrived."""

        def change(db: sqlite3.Connection) -> None:
            count_try(db, delivery)
            end(db, "id", delivery.id, Outcome.DELIVERED, "", self._clock())
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
            end(db, "target", name, Outcome.DROPPED, reason, self._clock())

        await self._db.run(change)

    async def resend(self, id_: str) -> bool:
        """Send a delivery again, with the same id, or now if it waits."""
        return await self._db.run(lambda db: resend(db, id_, self._clock()))

    async def turn_on(self, name: str) -> bool:
        """Send to a webhook again, from now on."""
        text = (
            "UPDATE webhook_targets SET off_at = NULL, failing_since = NULL, reason = ''"
            " WHERE name = ? AND off_at IS NOT NULL"
        )
        return await self._db.run(lambda db: db.execute(text, (name,)).rowcount == 1)


def keep_targets(db: sqlite3.Connection, targets: Sequence[TargetRow]) -> None:
    """Store the webhooks of a server's settings."""
    for one in targets:
        # Another address is another receiver: what the last one answered says nothing of it.
        db.execute(
            "INSERT INTO webhook_targets(name, url, events, seen_at, brand) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, events = excluded.events,"
            " brand = excluded.brand,"
            " off_at = CASE WHEN url = excluded.url THEN off_at END,"
            " failing_since = CASE WHEN url = excluded.url THEN failing_since END,"
            " reason = CASE WHEN url = excluded.url THEN reason ELSE '' END, url = excluded.url",
            (one.name, one.url, json.dumps(one.events), one.seen_at, one.brand),
        )
        db.execute(
            "DELETE FROM outbox WHERE target = ? AND seq <= (SELECT max(seq) FROM outbox WHERE target = ?) - ?",
            (one.name, one.name, MOST_WAITING),
        )


def claim(db: sqlite3.Connection, name: str, now: float, lease: float, count: int) -> list[Delivery]:
    """Take events that are due to a webhook, oldest first."""
    rows = db.execute(
        # Chosen and taken in one statement: of two servers one sends it.
        "UPDATE outbox SET due_at = ? WHERE seq IN"
        " (SELECT seq FROM outbox WHERE due_at <= ? AND target = ? ORDER BY seq LIMIT ?)"
        f" RETURNING seq, {_DELIVERY.replace('attempts', 'attempts + 1')}",
        (now + lease, now, name, count),
    ).fetchall()
    # What `RETURNING` gives comes in no order.
    return [Delivery(*row[1:]) for row in sorted(rows, key=lambda row: row[0])]


def count_try(db: sqlite3.Connection, delivery: Delivery) -> None:
    """Count a try of an event that was sent."""
    # Once its end is known, and not when it is taken: an event that was never sent loses no try.
    db.execute("UPDATE outbox SET attempts = ? WHERE id = ?", (delivery.attempt, delivery.id))


def put_off(db: sqlite3.Connection, delivery: Delivery, now: float, pause: float | None, reason: str) -> float:
    """Note a failure; returns since when its webhook has been failing."""
    count_try(db, delivery)
    if pause is None:
        end(db, "id", delivery.id, Outcome.GIVEN_UP, reason, now)
    else:
        text = "UPDATE outbox SET due_at = ?, reason = ? WHERE id = ?"
        db.execute(text, (now + pause, reason, delivery.id))
    row = db.execute(
        "UPDATE webhook_targets SET failing_since = coalesce(failing_since, ?), reason = ? WHERE name = ?"
        " RETURNING failing_since",
        (now, reason, delivery.target),
    ).fetchone()
    return float(row[0]) if row else now


def end(db: sqlite3.Connection, column: str, value: str, outcome: Outcome, reason: str, now: float) -> None:
    """Take deliveries out of the outbox, and keep what became of them for a while."""
    db.execute(
        # The newest only: a webhook that is turned off may have a hundred thousand.
        f"INSERT OR REPLACE INTO deliveries({_DELIVERY}, ended_at, outcome, reason)"
        f" SELECT {_DELIVERY}, ?, ?, ? FROM outbox WHERE {column} = ? ORDER BY seq DESC LIMIT ?",
        (now, outcome, reason, value, MOST_ENDED),
    )
    db.execute(f"DELETE FROM outbox WHERE {column} = ?", (value,))
    db.execute(
        "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries ORDER BY seq LIMIT ?)"
        " AND (ended_at < ? OR seq <= (SELECT max(seq) FROM deliveries) - ?)",
        (SWEPT_AT_ONCE, now - ENDED_SECONDS, MOST_ENDED),
    )


def resend(db: sqlite3.Connection, id_: str, now: float) -> bool:
    """Send a delivery again, with the same id, or now if it waits; False if that cannot be."""
    served = "EXISTS (SELECT 1 FROM webhook_targets WHERE name = target AND off_at IS NULL)"
    # With the same id: whoever has it already knows it by that. Its tries are counted anew.
    moved = db.execute(
        f"INSERT INTO outbox({_DELIVERY.replace('attempts', 'due_at')})"
        f" SELECT {_DELIVERY.replace('attempts', '?')} FROM deliveries WHERE id = ? AND {served}",
        (now, id_),
    ).rowcount
    if moved:
        db.execute("DELETE FROM deliveries WHERE id = ?", (id_,))
        return True
    return db.execute("UPDATE outbox SET due_at = min(due_at, ?) WHERE id = ?", (now, id_)).rowcount == 1


def deliveries(db: sqlite3.Connection, target: str | None, limit: int, id_: str | None) -> list[DeliveryRow]:
    """Return deliveries, the newest events first."""
    # Each part by its own number, so that neither is read whole.
    where = "(:target IS NULL OR target = :target) AND (:id IS NULL OR substr(id, -length(:id)) = :id)"
    rows = db.execute(
        "SELECT * FROM ("
        f"SELECT {_SHOWN}, '{Outcome.WAITING}', due_at, reason FROM outbox WHERE {where}"
        " ORDER BY seq DESC LIMIT :most)"
        " UNION ALL SELECT * FROM ("
        f"SELECT {_SHOWN}, outcome, ended_at, reason FROM deliveries WHERE {where} ORDER BY seq DESC LIMIT :most)"
        " ORDER BY at DESC, id LIMIT :most",
        {"target": target, "id": id_, "most": limit},
    )
    return [
        DeliveryRow(id_, to, job_id, name, at, tries, Outcome(outcome), when, reason)
        for id_, to, job_id, name, at, tries, outcome, when, reason in rows
    ]


def targets(db: sqlite3.Connection) -> list[TargetRow]:
    """Return the webhooks that are sent, by name."""
    rows = db.execute(
        f"SELECT {_TARGET}, (SELECT count(*) FROM outbox WHERE target = webhook_targets.name)"
        " FROM webhook_targets ORDER BY name"
    )
    return [TargetRow(row[0], row[1], tuple(json.loads(row[2])), *row[3:]) for row in rows]


def next_due(db: sqlite3.Connection, name: str) -> float | None:
    """Return when the next event to a webhook is due; None if nothing waits."""
    row = db.execute("SELECT min(due_at) FROM outbox WHERE target = ?", (name,)).fetchone()
    return None if row[0] is None else float(row[0])
