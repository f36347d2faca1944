"""The store on SQLite: webhooks that came in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

from reelwork.store.notes import MOST_NAMED, NAMED, named_in
from reelwork.store.records import ACTIVE, HELD
from reelwork.store.sqlite import effects, jobs
from reelwork.store.sqlite.base import SqliteParts
from reelwork.store.webhooks import (
    EXTRA_POLL_SECONDS,
    HINT_SECONDS,
    MOST_AT_ONCE,
    MOST_HINTS,
    MOST_SEEN,
    SEEN_SECONDS,
    TOGETHER_SECONDS,
    Heard,
    Received,
)

# A sender that sends many must not make one of its webhooks slow.
SWEPT_AT_ONCE = 100
"""Webhooks that are forgotten with one that comes in."""


class SqliteWebhooks(SqliteParts):
    """The part of a store that hears of webhooks."""

    async def hear(self, received: Received) -> Heard:
        """Make the renders that a webhook is about due for a poll, once for each webhook."""
        heard, due = await self._db.run(lambda db: hear(db, received, self._clock()))
        # Those who drive look at once where there is something to do, and only there.
        for listener in self._listeners if due else ():
            listener()
        return heard


def hear(db: sqlite3.Connection, received: Received, now: float) -> tuple[Heard, bool]:
    """Note a webhook, and let the renders it is about be polled; also returns whether one is due for it."""
    if received.id and not _note(db, received, now):
        return Heard.AGAIN, False
    known: list[str] = []
    for name, column, value in _named(received):
        # One that has ended stays as it is: `poll_hinted` passes it over.
        rows = db.execute(f"UPDATE renders SET hinted = 1 WHERE {column} = ? RETURNING id", (value,)).fetchall()
        known += (row[0] for row in rows)
        if not rows:
            _keep(db, name, now)
    doubted = _named_in_doubt(db, received, now)
    return Heard.KNOWN if known else Heard.EARLY, _poll(db, known, now) or doubted


def _named_in_doubt(db: sqlite3.Connection, received: Received, now: float) -> bool:
    """Keep the ids for a request in doubt whose token the webhook came with; True if there is one."""
    # Only kept here, and only for the job that the token names. Whether one of them is its render the ledger
    # decides (row 10): it reads the id back first.
    if not received.job_id or not received.remote_ids:
        return False
    open_ = db.execute(
        "SELECT key, account, evidence FROM effects WHERE job_id = ? AND kind = 'submit'"
        " AND state IN ('intended', 'sent', 'unknown')",
        (received.job_id,),
    ).fetchall()
    for key, account, evidence in open_:
        ids = dict.fromkeys((*named_in(evidence), *received.remote_ids))
        effects.note(db, key, {NAMED: [*ids][-MOST_NAMED:]}, now)
        _look_again(db, account, now)
    return bool(open_)


def _look_again(db: sqlite3.Connection, account: str, now: float) -> None:
    """Let the jobs of an account be judged again for which webhooks have named ids."""
    # All of them, since what one webhook named may have been all that kept another one in doubt. Held ones are
    # woken only at the step of the request: at another one a job waits for a person, and may pay when it is woken.
    # While its answer may still come, a job is leased, and is left as it is.
    rows = db.execute(
        "SELECT jobs.id, jobs.status FROM effects JOIN jobs ON jobs.id = effects.job_id WHERE effects.account = ?"
        " AND effects.kind = 'submit' AND effects.state = 'unknown' AND json_extract(evidence, ?) IS NOT NULL"
        " AND jobs.step = 'submit' AND (jobs.owner IS NULL OR jobs.lease_until < ?)",
        (account, f'$."{NAMED}"', now),
    ).fetchall()
    jobs.wake(db, [id_ for id_, status in rows if status == HELD], now, statuses=(HELD,))
    ids = json.dumps([id_ for id_, status in rows if status == ACTIVE])
    db.execute(
        "UPDATE jobs SET due_at = min(coalesce(due_at, :now), :now)"
        " WHERE id IN (SELECT value FROM json_each(:ids))",
        {"now": now, "ids": ids},
    )


def recall(db: sqlite3.Connection, render_id: str, remote_id: str, job_id: str, now: float) -> None:
    """Use the hints that came before the answer to the request for this render."""
    names = (f"render {remote_id}", f"job {job_id}")
    used = db.execute("DELETE FROM hints WHERE name IN (?, ?) RETURNING at", names).fetchall()
    if any(at > now - HINT_SECONDS for (at,) in used):
        db.execute("UPDATE renders SET hinted = 1 WHERE id = ?", (render_id,))
        _poll(db, [render_id], now)


def poll_hinted(db: sqlite3.Connection, now: float) -> None:
    """Make renders that webhooks are about due, but for those that are being polled."""
    # A poll that is under way may have been answered before the webhook was sent: then its render is polled again.
    # `min` of null is null, so one that has ended stays ended. Whoever sends many webhooks about one render gets no
    # more polls of it than one in a while.
    db.execute(_POLL_HINTED, _times(now))


def _poll(db: sqlite3.Connection, ids: Sequence[str], now: float) -> bool:
    """Do the same for these renders alone; True if one of them is due at once."""
    # These alone: those that are being polled are many while a large poll is under way, and each webhook would look
    # at all of them.
    if not ids:
        return False
    these = f"{_POLL_HINTED} AND id IN (SELECT value FROM json_each(:ids)) RETURNING due_at"
    planned = db.execute(these, {**_times(now), "ids": json.dumps(ids)}).fetchall()
    return any(due_at is not None and due_at <= now for (due_at,) in planned)


def _times(now: float) -> dict[str, float]:
    return {
        "now": now,
        "pause": EXTRA_POLL_SECONDS,
        "most": MOST_AT_ONCE,
        "window": TOGETHER_SECONDS,
        # The same moment for all, so that one poll asks about them.
        "together": (now // TOGETHER_SECONDS + 1) * TOGETHER_SECONDS,
    }


# Now, unless many renders of the account were or will be polled about this time because of webhooks.
_SOON = """
    CASE WHEN (SELECT count(*) FROM (SELECT 1 FROM renders AS others WHERE others.account = renders.account
      AND others.hinted_at BETWEEN :now - :window AND :now + :pause LIMIT :most)) < :most THEN :now
      ELSE :together END
    """
# The time of the next poll that a webhook may ask for: the one that is planned already, or a while after the last.
# After the clock was set back, a time that lies far ahead means nothing.
_NEXT = f"""
    CASE WHEN hinted_at > :now + :pause THEN {_SOON} WHEN hinted_at > :now THEN hinted_at
      ELSE max({_SOON}, coalesce(hinted_at + :pause, :now)) END
    """
_POLL_HINTED = f"""
    UPDATE renders SET hinted = 0, (due_at, hinted_at) =
      (SELECT min(due_at, planned), planned FROM (SELECT {_NEXT} AS planned))
    WHERE hinted = 1 AND (owner IS NULL OR lease_until < :now)
    """


def _named(received: Received) -> Iterator[tuple[str, str, str]]:
    for remote_id in received.remote_ids:
        yield f"render {remote_id}", "remote_id", remote_id
    if received.job_id:
        yield f"job {received.job_id}", "job_id", received.job_id


def _note(db: sqlite3.Connection, received: Received, now: float) -> bool:
    """Note that a webhook came in; False if it came before."""
    import hashlib

    db.execute(
        "DELETE FROM webhooks_seen WHERE seq IN (SELECT seq FROM webhooks_seen ORDER BY seq LIMIT ?)"
        " AND (at < ? OR seq <= (SELECT max(seq) FROM webhooks_seen) - ?)",
        (SWEPT_AT_ONCE, now - SEEN_SECONDS, MOST_SEEN),
    )
    # A hash: what a sender calls its webhooks may be long.
    name = hashlib.sha256(received.id.encode("utf-8", "replace")).hexdigest()
    noted = db.execute(
        "INSERT OR IGNORE INTO webhooks_seen(account, id, at) VALUES (?, ?, ?)", (received.account, name, now)
    )
    return noted.rowcount == 1


def _keep(db: sqlite3.Connection, name: str, now: float) -> None:
    db.execute("DELETE FROM hints WHERE at < ?", (now - HINT_SECONDS,))
    db.execute("INSERT OR REPLACE INTO hints(name, at) VALUES (?, ?)", (name, now))
    # The newest are kept: what is long on its way has been polled meanwhile.
    db.execute(
        "DELETE FROM hints WHERE name IN (SELECT name FROM hints ORDER BY at DESC, name LIMIT -1 OFFSET ?)",
        (MOST_HINTS,),
    )
