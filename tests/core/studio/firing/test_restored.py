"""A backup is put in use: what was fired after it was taken does not fire again."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from reelwork.plugins.freezing import destinations_in
from reelwork.store.sqlite.maintenance.backup import backup
from reelwork.store.sqlite.maintenance.restore import restore
from reelwork.store.sqlite.store import SqliteStore


def put_back(place: Any, path: Path) -> None:
    """Put the backup in the place of the store, as after a disk was lost."""
    place.store.close()
    store = place.folder / "restored.db"
    restore(store, path, place.now, destinations_in)
    place.store = SqliteStore(store, clock=lambda: place.now)


def test_no_time_before_the_restore_fires_and_later_ones_do(place: Any) -> None:
    place.add()
    place.looks("2026-11-30T09:00")
    place.looks("2026-11-30T10:00", settled=False)
    backup(place.folder / "store.db", place.folder / "b.db")
    place.looks("2026-11-30T11:00")
    place.now = place.at("2026-11-30T11:30")
    put_back(place, place.folder / "b.db")
    assert place.looks("2026-11-30T11:40") == []
    assert place.told() == {"2026-11-30T09:00Z": "fired", "2026-11-30T10:00Z": "missed"}
    assert "it may have fired after that" in place.why("2026-11-30T10:00Z")
    assert [slot.state for slot in place.looks("2026-11-30T12:00")] == ["fired"]


def test_a_schedule_that_takes_rows_waits_for_a_person(place: Any) -> None:
    batch = place.folder / "ideas.csv"
    with batch.open("w", newline="") as file:
        csv.writer(file).writerows([["prompt"], ["One"], ["Two"]])
    place.add(file=batch)
    backup(place.folder / "store.db", place.folder / "b.db")
    place.looks("2026-11-30T09:00")
    place.now = place.at("2026-11-30T09:30")
    put_back(place, place.folder / "b.db")
    assert [slot.state for slot in place.looks("2026-11-30T10:00")] == ["paused"]
    assert "take the rows that were made after that out of its file" in place.why("2026-11-30T10:00Z")
    assert place.jobs() == []
