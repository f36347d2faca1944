"""Corrects due times when the machine's clock is set: everything waits as long as it was meant to.

Times in the store are wall-clock times, since people read them and they outlive a boot. The store also holds the
offset between wall clock and boot clock. If the offset jumps, the clock was set, and all due times move with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from reelwork.clock import CLOCK_STEP, Instant, Timeline
from reelwork.store.holds import HoldReason
from reelwork.store.records import HELD
from reelwork.store.statuses import Step

T = TypeVar("T")

FACT = "clock"
TIMES = ("due_at", "deadline_at", "settle_at")
"""The names that changes give to the times by which something waits."""
DATA_TIMES = ("due_at", "following", "gone_since")
"""The names of such times in a job's data and in its posts."""


class Timekeeper:
    """Compares the wall clock with the offset in the store, for one process."""

    def __init__(self, time: Timeline) -> None:
        self.time = time
        self._moved: float | None = None
        """Seconds by which what waits was moved and nobody was told yet; None before the clock was compared."""

    def is_due(self) -> bool:
        """Return whether the clock was set, or was never compared."""
        return self._moved is None or abs(self.time.error()) >= CLOCK_STEP

    def keep(self, db: sqlite3.Connection) -> Callable[[], None]:
        """Move due times by as much as the clock was set; return what sets this process's clock too.

        Call that once the change is on disk.
        """
        # Set before the commit and then undone, it would write times by the new clock beside those by the old one,
        # and the next correction would move both.
        error = self.time.error()
        moved = _keep(db, self.time.clock.now(), self.time() + error)

        def kept() -> None:
            self.time.set(error)
            self._moved = (self._moved or 0.0) + moved

        return kept

    def told(self) -> float:
        """Return the seconds by which what waits was moved since this was last asked."""
        moved, self._moved = self._moved or 0.0, 0.0
        return moved


def _keep(db: sqlite3.Connection, steady: Instant, wall: float) -> float:
    offset = wall - steady.seconds
    row = db.execute("SELECT value FROM facts WHERE name = ?", (FACT,)).fetchone()
    boot, before = json.loads(row[0]) if row else ("", offset)
    # Another process may have moved the times already: then the offset in the store is new, and nothing is moved.
    moved = offset - before if boot == steady.boot else _set_back_since(db, wall)
    # Drift adds up against the stored offset and is corrected in one go. Stored each time, it would never show.
    if abs(moved) < CLOCK_STEP and boot == steady.boot:
        return 0.0
    if abs(moved) >= CLOCK_STEP:
        _shift(db, moved)
        # A post waits for what the clock shows, and not for a length of time: its job looks at it again.
        db.execute(
            "UPDATE jobs SET due_at = ? WHERE status = 'active' AND due_at IS NOT NULL AND owner IS NULL"
            " AND step = ? AND data LIKE '%\"slot_waits\":true%'",
            (wall, Step.PUBLISH),
        )
    if moved <= -CLOCK_STEP or boot != steady.boot:
        _reopen_late(db, wall)
    db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (FACT, json.dumps([steady.boot, offset])))
    return moved


def _reopen_late(db: sqlite3.Connection, wall: float) -> None:
    """Let posts wait for their time again that were held as late by a clock that was ahead."""
    from reelwork.store.sqlite.jobs import wake

    # Held at a time that is yet to come. Nothing of them was sent, and no person has decided since.
    rows = db.execute(
        "SELECT id FROM jobs WHERE status = ? AND updated_at > ? AND step = ? AND json_extract(data, '$.hold') = ?",
        (HELD, wall, Step.PUBLISH_AGAIN, HoldReason.LATE),
    ).fetchall()
    wake(db, [id_ for (id_,) in rows], wall, statuses=(HELD,))


def _set_back_since(db: sqlite3.Connection, wall: float) -> float:
    """Return how far the clock is behind the newest change, as a negative number; 0 if it is not."""
    # After a boot there is no clock to compare with, but nothing can have been written in the future.
    newest = db.execute("SELECT max(updated_at) FROM jobs WHERE status = 'active'").fetchone()[0]
    return min(wall - newest, 0.0) if newest is not None else 0.0


def _shift(db: sqlite3.Connection, seconds: float) -> None:
    # Leases too: a clock set forward would end the leases of living processes, and their jobs would be taken over.
    by = {"by": seconds}
    db.execute(
        "UPDATE jobs SET due_at = due_at + :by, lease_until = lease_until + :by"
        " WHERE status = 'active' AND (due_at IS NOT NULL OR lease_until IS NOT NULL)",
        by,
    )
    db.execute(
        "UPDATE renders SET due_at = due_at + :by, lease_until = lease_until + :by, deadline_at = deadline_at + :by"
        " WHERE ended_at IS NULL",
        by,
    )
    # For effects of older versions and for limits. What decides over sending again is measured by the boot clock.
    db.execute("UPDATE effects SET settle_at = settle_at + :by WHERE settle_at IS NOT NULL", by)
    _shift_data(db, seconds)
    db.execute("UPDATE gates SET opens_at = opens_at + :by", by)
    db.execute("UPDATE outbox SET due_at = due_at + :by", by)
    # Else a clock set back would put the calls into the future, and the limit would be full until it has caught
    # up.
    db.execute("UPDATE calls SET at = at + :by", by)


def _shift_data(db: sqlite3.Connection, seconds: float) -> None:
    """Move the times within jobs' data: by which single destinations wait, and since when something is awaited."""
    rows = db.execute(
        "SELECT id, data FROM jobs WHERE status = 'active' AND (step = ?"
        " OR json_extract(data, '$.gone_since') IS NOT NULL OR json_extract(data, '$.waited.since') IS NOT NULL)",
        (Step.PUBLISH,),
    ).fetchall()
    for id_, text in rows:
        changed = _shifted_data(text, seconds)
        if changed is not text:
            db.execute("UPDATE jobs SET data = ? WHERE id = ?", (changed, id_))


def _shifted_data(text: str, seconds: float) -> str:
    data = json.loads(text)
    moved = [_moved(place, seconds) for place in (data, *(data.get("posts") or {}).values())]
    # As the models write it: a statement that looks for a field must find it afterwards.
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) if any(moved) else text


def _moved(place: dict[str, Any], seconds: float) -> bool:
    """Move the times in a place that holds some; return whether it does."""
    found = [(place, name) for name in DATA_TIMES if place.get(name) is not None]
    if place.get("waited"):
        found.append((place["waited"], "since"))
    for holder, name in found:
        holder[name] += seconds
    return bool(found)


def shifted(change: T, seconds: float) -> T:
    """Return a change with its times moved: it was made before the clock was set."""
    from reelwork.store.commands import SetJob

    names = [name for name in TIMES if getattr(change, name, None) is not None]
    moved = {name: getattr(change, name) + seconds for name in names}
    if isinstance(change, SetJob):
        if change.data is not None:
            moved["data"] = _shifted_data(change.data, seconds)
        return change._replace(**moved)
    return replace(change, **moved) if moved else change  # type: ignore[type-var]
