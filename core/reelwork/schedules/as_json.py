"""Schedules as programs get them: when they fire next, and what became of their times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from reelwork import clock
from reelwork.schedules.decisions import next_firings
from reelwork.schedules.ping_address import shown
from reelwork.schedules.rotation import number_used
from reelwork.schedules.rule import Firing
from reelwork.schedules.spec import Schedule, Spec, schedule_of
from reelwork.store.schedules import ScheduleReader, ScheduleRow, SlotRow, SlotState

SETTINGS = ("missed", "grace", "overlap", "jitter", "on_budget", "at_end", "lead", "late")
"""The settings that every schedule has, by their names."""
NEXT = 5
"""Firings that are told of a schedule."""


def upcoming(schedule: Schedule, now: float, count: int = NEXT) -> list[tuple[Firing, float]]:
    """Return the next firings, each with the time at which it is due."""
    return list(islice(next_firings(schedule, now), count))


def iso(at: float | None) -> str | None:
    """Return a time in UTC as JSON has it."""
    return None if at is None else clock.iso(at)


def firing_as_json(
    firing: Firing, due: float, spec: Spec, short: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a firing to come as one JSON object. `short` tells, by key, which will find no room in a budget."""
    zone, slot = spec.tz, spec.slot_of(firing)
    return {
        "key": firing.key,
        "at": iso(firing.at),
        "due": iso(due),
        "local": datetime.fromtimestamp(due, ZoneInfo(zone)).isoformat(timespec="seconds"),
        "zone": zone,
        "posts": None if slot is None else iso(slot.timestamp()),
        "shortage": (short or {}).get(firing.key, ""),
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


def as_json(
    schedule: Schedule, now: float, last: SlotRow | None, short: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a schedule as one JSON object."""
    spec, pause = schedule.spec, schedule.paused_at(now)
    found = upcoming(schedule, now, 1)
    return {
        "name": schedule.name,
        "file": spec.file,
        "workflow": spec.workflow or None,
        **{name: getattr(spec, name) or None for name in ("cron", "every", "at", "publish")},
        "tz": spec.tz,
        "brand": spec.brand,
        **{name: getattr(spec, name) for name in SETTINGS},
        "ping": shown(spec.ping),
        "agreed": None if spec.agreed is None else {"cost": spec.agreed.cost, "public": list(spec.agreed.public)},
        "added_at": iso(schedule.row.added_at),
        "paused": None if pause is None else {"note": pause.note, "until": iso(pause.until)},
        "trouble": schedule.row.trouble,
        "next": firing_as_json(*found[0], spec, short) if found else None,
        "last": None if last is None else slot_as_json(last),
    }


def listed(store: ScheduleReader, now: float) -> list[dict[str, Any]]:
    """Return the schedules that are not removed, by name, as JSON objects."""
    found = there(store.schedules())
    return [as_json(one, now, last_fired(store, one.name), foreseen(store, one.name)) for one in found]


def story_of(store: ScheduleReader, schedule: Schedule, now: float, limit: int) -> dict[str, Any]:
    """Return a schedule with its newest slots as one JSON object."""
    return {
        **as_json(schedule, now, last_fired(store, schedule.name), foreseen(store, schedule.name)),
        "rows_used": number_used(store.used_rows(schedule.name)),
        "slots": [slot_as_json(slot) for slot in store.slots(schedule.name, limit)],
    }


def last_fired(store: ScheduleReader, name: str) -> SlotRow | None:
    """Return the newest slot of a schedule that fired."""
    return next((slot for slot in store.slots(name) if slot.state == "fired"), None)


def foreseen(store: ScheduleReader, name: str) -> dict[str, str]:
    """Return the slots of a schedule for which there will be no money, by key, each with the reason."""
    # It is still to come, so it is the newest of them.
    return {slot.key: slot.reason for slot in store.slots(name, 1) if slot.state == SlotState.FORESEEN}


def there(rows: Sequence[ScheduleRow]) -> Iterator[Schedule]:
    """Yield the schedules that are not removed."""
    return (schedule_of(row) for row in rows if row.removed_at is None)
