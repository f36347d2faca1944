"""Adding, changing, pausing and removing schedules. What was decided stays decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reelwork.errors import MovedOn, WorkflowInvalid
from reelwork.schedules.decisions import passed_over
from reelwork.schedules.rule import least_gap
from reelwork.schedules.spec import Pause, Schedule, Spec, changed, found_in, pause_json, schedule_of
from reelwork.schedules.zones import first_instant, local
from reelwork.store.protocol import Store
from reelwork.store.schedules import ScheduleRow, SlotRow, SlotState

# A little less than a day: on the day on which clocks are set forward, a daily rule comes after 23 hours.
ONCE_A_DAY = 22 * 3600.0
CHANGED = "the schedule was changed before a server looked"
PAUSED = "the schedule was paused before a server looked"
RESUMED = "the schedule was resumed before a server looked"
REMOVED = "the schedule was removed before a server looked"
MOVED = "The schedule {!r} was changed by somebody else at this moment."


@dataclass(frozen=True)
class Kept:
    """A schedule as it is now, with notes for a person."""

    schedule: Schedule
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """A change of a schedule that is to be written."""

    row: ScheduleRow
    slots: tuple[SlotRow, ...] = ()
    """Times that are decided by it."""
    notes: tuple[str, ...] = ()

    async def write(self, store: Store) -> Kept:
        """Write it. Raises `MovedOn` when somebody else has changed the schedule meanwhile."""
        return await _kept(store, self.row, self.slots, self.notes)


async def add(store: Store, name: str, spec: Spec, now: float, *, today: bool = False) -> Kept:
    """Add a schedule, or give the one of this name another rule, file or settings. Raises `WorkflowInvalid`."""
    return await changed_to(store, name, spec, now, today=today).write(store)


def changed_to(store: Store, name: str, spec: Spec, now: float, *, today: bool = False) -> Change:
    """Return what is written to add a schedule, or to change the one of this name. Raises `WorkflowInvalid`."""
    old = next((row for row in store.schedules() if row.name == name), None)
    if old is None:
        return Change(ScheduleRow(name, spec.as_json(), 1, now, now))
    before = schedule_of(old)
    if spec.every and spec.every == before.spec.every and old.removed_at is None:
        # Moving or reformatting a file, or another setting, does not move the times.
        spec = replace(spec, anchor=before.spec.anchor)
    begins, notes = _beginning(store, before, spec, now, today=today)
    if before.paused_at(now):
        notes.append(f"It is still paused: reelwork schedule resume {name}")
    row = changed(
        old,
        spec=spec.as_json(),
        # Keys, and not this mark, keep a time from being fired again.
        decided_until=begins,
        added_at=now if old.removed_at is not None else old.added_at,
        trouble="",
        removed_at=None,
    )
    slots = passed_over(before, CHANGED, now) if old.removed_at is None else ()
    return Change(row, slots, tuple(notes))


def _beginning(store: Store, before: Schedule, spec: Spec, now: float, *, today: bool) -> tuple[float, list[str]]:
    """Return up to when the changed schedule fires nothing, and a note if that is the end of today."""
    gap = least_gap(spec.rule, now)
    once_a_day = (spec.cron or spec.publish) and not spec.rule.minutely and (gap is None or gap >= ONCE_A_DAY)
    if today or not once_a_day:
        return now, []
    zone = spec.rule.zone
    here = local(datetime.fromtimestamp(now, UTC), zone)
    fired = (slot for slot in store.slots(before.name) if slot.state == SlotState.FIRED and _timed(slot))
    # Not only the newest: what fired while the clock was ahead lies in days to come.
    times = (local(datetime.fromtimestamp(slot.at, UTC), zone) for slot in fired)
    then = next((at for at in times if at.date() == here.date()), None)
    if then is None:
        return now, []
    midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time())
    # Up to just before midnight, which is a time of tomorrow.
    end = first_instant(midnight, zone).timestamp() - 1
    return end, [f"It fired today at {then:%H:%M}, so the new rule begins tomorrow; to begin today, add --today."]


def _timed(slot: SlotRow) -> bool:
    """Return whether a slot is a time of its rule, and not one that a person fired."""
    return not slot.key.startswith("now:")


async def pause(store: Store, name: str, now: float, *, until: float | None, note: str) -> Kept:
    """Pause a schedule: times within the pause never fire. Raises `NotFound`, or `WorkflowInvalid`."""
    schedule = found_in(store.schedules(), name)
    if until is not None and until <= now:
        raise WorkflowInvalid("The end of the pause is past.", hint="Name a time that is still to come: --until.")
    running = schedule.paused_at(now)
    begun = running.since if running is not None else now
    # The row has room for one pause. What fell into one that ended by itself is told before this one takes its
    # place, and what a server has not looked at by now does not fire while it is paused.
    slots = passed_over(schedule, PAUSED, now)
    return await _kept(store, _moved(schedule, now, pause=pause_json(Pause(begun, until, note))), slots)


async def resume(store: Store, name: str, now: float) -> Kept:
    """End a pause. The times within it never fire. Raises `NotFound`, or `WorkflowInvalid` if it is not paused."""
    schedule = found_in(store.schedules(), name)
    if schedule.paused_at(now) is None:
        raise WorkflowInvalid(f"The schedule {name!r} is not paused.", money="Nothing was changed.")
    # What fell into the pause and no server has looked at is told as paused, and so never fires.
    slots = passed_over(schedule, RESUMED, now)
    return await _kept(store, _moved(schedule, now, pause=None), slots)


async def remove(store: Store, name: str, now: float) -> Kept:
    """Remove a schedule. Its keys stay, so that adding it again repeats nothing. Raises `NotFound`."""
    schedule = found_in(store.schedules(), name)
    waiting = tuple(
        replace(slot, state=SlotState.MISSED, reason="the schedule was removed", due_at=None, decided_at=now)
        for slot in store.waiting_slots(name)
    )
    slots = (*passed_over(schedule, REMOVED, now), *waiting)
    return await _kept(store, _moved(schedule, now, removed_at=now), slots)


def _moved(schedule: Schedule, now: float, **values: str | float | None) -> ScheduleRow:
    """Return the changed row, with all up to now decided."""
    return changed(schedule.row, decided_until=max(now, schedule.row.decided_until), **values)


async def _kept(
    store: Store, row: ScheduleRow, slots: tuple[SlotRow, ...] = (), notes: tuple[str, ...] = ()
) -> Kept:
    if not await store.keep_schedule(row, slots):
        raise MovedOn(
            MOVED.format(row.name), money="Nothing was changed.", hint="Look at it, and do it again if need be."
        )
    return Kept(schedule_of(row), notes)
