"""Puts the events of jobs into the outbox, for the webhooks that want them."""

from __future__ import annotations

import sqlite3

from reelwork.store.outbox import TARGET_SECONDS


def announce_since(db: sqlite3.Connection, number: int) -> None:
    """Put the lines of jobs' stories after this number into the outbox, once for each webhook that wants them.

    In the transaction that told them: an event that is committed is delivered, and no other.
    """
    # Once for a transaction. Most stores have no webhooks, and asking for them at each line of each job would be a
    # tenth of the writer's work.
    db.execute(
        # The id is random: one that counts up would begin again in a new store, and receivers would take it for
        # known. A job that was removed since has no row.
        "INSERT INTO outbox(id, target, job_id, run_id, name, details, at, due_at)"
        " SELECT 'evt_' || lower(hex(randomblob(12))), webhook_targets.name, events.job_id,"
        " coalesce(jobs.run_id, ''), events.name, events.details, events.at, events.at"
        " FROM webhook_targets CROSS JOIN events LEFT JOIN jobs ON jobs.id = events.job_id"
        " WHERE events.seq > ? AND off_at IS NULL AND seen_at > events.at - ?"
        " AND (webhook_targets.brand = '' OR webhook_targets.brand = jobs.brand)"
        " AND EXISTS (SELECT 1 FROM json_each(webhook_targets.events) WHERE value IN (events.name, '*'))"
        " ORDER BY events.seq",
        (number, TARGET_SECONDS),
    )
