"""Times of schedules at which nothing was fired: those that need a person, and all of the last days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from reelwork.schedules.spec import Schedule
from reelwork.store.schedules import ScheduleReader, SlotRow, SlotState

LOOKED_AT = 200
"""Times of one schedule that are looked at."""
NOT_FIRED = (SlotState.MISSED, SlotState.SKIPPED, SlotState.REFUSED)
"""The states of times that a person may have counted on. Those within a pause were meant to pass."""


@dataclass(frozen=True)
class NotFired:
    """Times of one schedule that were not fired, with the state and the reason of the newest."""

    schedule: Schedule
    newest: SlotRow
    count: int


def refused_last(store: ScheduleReader, schedule: Schedule, now: float) -> NotFired | None:
    """Return the last times of a schedule if they were refused; None if it fires, or is paused."""
    if schedule.paused_at(now):
        return None
    # Refused is what a person alone can change: money, rows or consent. What came later has not changed it.
    refused = list(takewhile(lambda slot: slot.state == SlotState.REFUSED, _decided(store, schedule)))
    return NotFired(schedule, refused[0], len(refused)) if refused else None


def not_fired(store: ScheduleReader, schedule: Schedule, since: float) -> Iterator[NotFired]:
    """Yield the times of a schedule since then that were not fired, those of one state together."""
    recent = [slot for slot in _decided(store, schedule) if slot.at >= since]
    for state in NOT_FIRED:
        same = [slot for slot in recent if slot.state == state]
        if same:
            yield NotFired(schedule, same[0], len(same))


def _decided(store: ScheduleReader, schedule: Schedule) -> Iterator[SlotRow]:
    slots = store.slots(schedule.name, LOOKED_AT)
    return (slot for slot in slots if slot.state != SlotState.FORESEEN)
