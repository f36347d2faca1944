"""Schedules in words and as JSON: when they fire next, and what became of their times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwork.schedules.rule import Firing
    from reelwork.schedules.spec import Schedule
    from reelwork.store.schedules import ScheduleReader, SlotRow

NEXT = 5
"""Firings that `next` shows."""


def upcoming(schedule: Schedule, now: float, count: int = NEXT) -> list[tuple[Firing, float]]:
    """Return the next firings, each with the time at which it is due."""
    from reelwork.schedules.decisions import next_firings

    return list(islice(next_firings(schedule, now), count))


def at_in_words(at: float, zone: str) -> str:
    """Return a time in a zone, such as `Mon 2026-11-30 09:00 CET (UTC+01:00)`."""
    from zoneinfo import ZoneInfo

    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    ahead = f"{local:%z}"
    return f"{local:%a %Y-%m-%d %H:%M} {zone} (UTC{ahead[:3]}:{ahead[3:5]})"


def iso(at: float | None) -> str | None:
    """Return a time in UTC as JSON has it."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def firing_as_json(firing: Firing, due: float, zone: str) -> dict[str, Any]:
    """Return a firing to come as one JSON object."""
    from zoneinfo import ZoneInfo

    return {
        "key": firing.key,
        "at": iso(firing.at),
        "due": iso(due),
        "local": datetime.fromtimestamp(due, ZoneInfo(zone)).isoformat(timespec="seconds"),
        "zone": zone,
    }


def slot_as_json(slot: SlotRow) -> dict[str, Any]:
    """Return a slot as one JSON object."""
    return {
        "key": slot.key,
        "at": iso(slot.at),
        "state": str(slot.state),
        "reason": slot.reason,
        "run": slot.run_id,
        "row": slot.row,
        "decided_at": iso(slot.decided_at),
    }


def as_json(schedule: Schedule, now: float, last: SlotRow | None) -> dict[str, Any]:
    """Return a schedule as one JSON object."""
    spec, pause = schedule.spec, schedule.paused_at(now)
    found = upcoming(schedule, now, 1)
    return {
        "name": schedule.name,
        "file": spec.file,
        "workflow": spec.workflow or None,
        **{name: getattr(spec, name) or None for name in ("cron", "every", "at")},
        "tz": spec.tz,
        **{name: getattr(spec, name) for name in ("missed", "grace", "overlap", "jitter", "on_budget", "at_end")},
        "agreed": None if spec.agreed is None else {"cost": spec.agreed.cost, "public": list(spec.agreed.public)},
        "added_at": iso(schedule.row.added_at),
        "paused": None if pause is None else {"note": pause.note, "until": iso(pause.until)},
        "trouble": schedule.row.trouble,
        "next": firing_as_json(*found[0], spec.tz) if found else None,
        "last": None if last is None else slot_as_json(last),
    }


def last_fired(store: ScheduleReader, name: str) -> SlotRow | None:
    """Return the newest slot of a schedule that fired."""
    return next((slot for slot in store.slots(name) if slot.state == "fired"), None)


def next_in_words(schedule: Schedule, now: float, *, short: bool = False) -> str:
    """Return when a schedule fires next, or why it does not; `short` without the zone and the pause's note."""
    found = upcoming(schedule, now, 1)
    pause = schedule.paused_at(now)
    if pause is not None and pause.until is None:
        return f"paused: {pause.note}" if pause.note and not short else "paused"
    if not found:
        return "never again"
    told = at_in_words(found[0][1], schedule.spec.tz)
    if short:
        return told.partition(f" {schedule.spec.tz}")[0]
    return f"{told}, after its pause" if pause is not None else told


def there(rows: Sequence[Any]) -> Iterator[Any]:
    """Yield the schedules that are not removed."""
    from reelwork.schedules.spec import schedule_of

    return (schedule_of(row) for row in rows if row.removed_at is None)
