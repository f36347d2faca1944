"""Schedules in words: when they fire next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwork.schedules.spec import Schedule


def at_in_words(at: float, zone: str) -> str:
    """Return a time in a zone, such as `Mon 2026-11-30 09:00 CET (UTC+01:00)`."""
    from zoneinfo import ZoneInfo

    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    ahead = f"{local:%z}"
    return f"{local:%a %Y-%m-%d %H:%M} {zone} (UTC{ahead[:3]}:{ahead[3:5]})"


def next_in_words(schedule: Schedule, now: float, *, short: bool = False) -> str:
    """Return when a schedule fires next, or why it does not; `short` without the zone and the pause's note."""
    from reelwork.schedules.as_json import upcoming

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
