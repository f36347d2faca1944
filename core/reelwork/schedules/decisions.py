"""Decisions about the slots of a schedule that are due. Pure: the time is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from reelwork.clock import LARGEST_DRIFT
from reelwork.schedules.rule import Firing, jitter_of
from reelwork.schedules.spec import Schedule
from reelwork.store.schedules import SlotRow, SlotState

# A server looks every few seconds, may be busy for some, and takes some to start again.
ON_TIME = 60.0
"""Seconds after its time at which a slot still counts as on time."""
MOST_CAUGHT_UP = 20
"""Missed slots that `all` fires."""
BETWEEN = 600.0
"""Seconds between two missed slots that `all` fires."""
# A rule that fires each minute has half a million slots in a year without a server.
MOST_TOLD = 2000
"""Slots of one look that get a row of their own, the newest."""
# A changed rule may begin tomorrow, and the day on which clocks are set back has 25 hours.
FARTHEST_AHEAD = 26 * 3600.0
"""Seconds by which the mark of a schedule may be ahead. Beyond that, the clock was ahead when it was set."""
OLDER = "{} older slots were passed over with it"
NEWER_FIRED = "a newer one was due"
TOO_LATE = "no server was running within {} of its time"
NOT_RUNNING = "no server was running"
ONE_WAITS = "one is waiting already"
STILL_RUNNING = "the firing before was still running"


@dataclass(frozen=True)
class Due:
    """The slots of a schedule that are due, and what is to be done about them."""

    slots: tuple[SlotRow, ...]
    """Those that do not fire now, with what became of them."""
    fires: Firing | None
    decided_until: float


def next_firings(schedule: Schedule, now: float) -> Iterator[tuple[Firing, float]]:
    """Yield the firings to come, each with the time at which it is due, its jitter included."""
    pause = schedule.paused_at(now)
    start = max(schedule.row.decided_until, now - schedule.spec.jitter_seconds)
    for firing in schedule.spec.rule.after(start):
        at = due_at(schedule, firing)
        if at > now and (pause is None or not pause.covers(firing.at)):
            yield firing, at
        # Without an end nothing ever fires, and the rule would be followed for ever.
        elif pause is not None and pause.until is None and firing.at > now:
            return


def due_at(schedule: Schedule, firing: Firing) -> float:
    """Return when a slot is due: its time and its jitter."""
    return firing.at + jitter_of(schedule.name, firing.key, schedule.spec.jitter_seconds)


def due_firings(schedule: Schedule, now: float) -> tuple[list[Firing], int]:
    """Return the newest firings that are due and undecided, oldest first, and how many older ones there are."""
    due = takewhile(lambda one: due_at(schedule, one) <= now, schedule.spec.rule.after(schedule.row.decided_until))
    return _newest(due)


def _newest(firings: Iterator[Firing]) -> tuple[list[Firing], int]:
    found: list[Firing] = []
    dropped = 0
    for firing in firings:
        found.append(firing)
        if len(found) > 2 * MOST_TOLD:
            dropped += len(found) - MOST_TOLD
            del found[:-MOST_TOLD]
    if len(found) > MOST_TOLD:
        dropped += len(found) - MOST_TOLD
        del found[:-MOST_TOLD]
    return found, dropped


def is_ahead(schedule: Schedule, now: float, slots: Callable[[], Sequence[SlotRow]], *, vouched: bool) -> bool:
    """Return whether slots were decided that cannot have come yet: the clock was ahead then, and was set right.

    `slots` returns those of the schedule; `vouched` is true if a server says that the clock is right now.
    """
    row = schedule.row
    # Before it was added, it is this clock that is wrong: a machine without a battery begins in 1970.
    if not row.added_at <= now < row.decided_until:
        return False
    if now < row.decided_until - FARTHEST_AHEAD:
        return True
    # By hours, a clock may as well be behind now: a machine that was off starts with the time it went off at. Only
    # another clock can tell. And a mark that a person's change has moved ahead is that of no slot.
    return vouched and any(
        slot.at == row.decided_until and slot.decided_at > now + LARGEST_DRIFT for slot in slots()
    )


def decide(schedule: Schedule, waiting: Sequence[SlotRow], *, running: str, now: float) -> Due | None:
    """Say what becomes of every slot that is due; None if none is.

    `running` says what keeps the firing before at work; empty when it has ended.
    """
    firings, dropped = due_firings(schedule, now)
    if not firings:
        return None
    paused = {one.key: slot for one in firings if (slot := _paused(schedule, one, now)) is not None}
    live = [one for one in firings if one.key not in paused]
    slots = list(paused.values())
    missed, fires = _by_policy(schedule, live, now)
    slots += missed
    if fires is not None and running and schedule.spec.overlap != "allow":
        slots.append(_beside_running(schedule, fires, waiting, running, now))
        fires = None
    return Due(tuple(_with_dropped(slots, dropped)), fires, firings[-1].at)


def _with_dropped(slots: list[SlotRow], dropped: int) -> list[SlotRow]:
    """Return the slots, the oldest of which tells how many older ones got no row."""
    if dropped and slots:
        first = min(slots, key=lambda slot: slot.at)
        slots[slots.index(first)] = replace(first, reason=f"{first.reason}; {OLDER.format(dropped)}")
    return slots


def _paused(schedule: Schedule, firing: Firing, now: float) -> SlotRow | None:
    """Return the slot of a firing that lies within the pause; None if it does not."""
    if schedule.pause is None or not schedule.pause.covers(firing.at):
        return None
    return _slot(schedule, firing, SlotState.PAUSED, schedule.pause.note or "the schedule was paused", now)


def _by_policy(schedule: Schedule, live: Sequence[Firing], now: float) -> tuple[list[SlotRow], Firing | None]:
    if not live:
        return [], None
    *older, newest = live
    if schedule.spec.missed == "all":
        return _all(schedule, live, now)
    late = now - due_at(schedule, newest)
    grace = ON_TIME if schedule.spec.missed == "skip" else float(schedule.spec.grace_seconds)
    lost = [_slot(schedule, one, SlotState.MISSED, _why(schedule, NEWER_FIRED), now) for one in older]
    # At least as long as a server takes to look, so that a grace of 0 does not mean never.
    if late <= max(grace, ON_TIME):
        return lost, newest
    why = NOT_RUNNING if schedule.spec.missed == "skip" else TOO_LATE.format(schedule.spec.grace)
    whole = [_slot(schedule, one, SlotState.MISSED, _why(schedule, why), now) for one in live]
    return whole, None


def _all(schedule: Schedule, live: Sequence[Firing], now: float) -> tuple[list[SlotRow], Firing | None]:
    """Fire the oldest of the newest few now, and let the others wait for their turn."""
    lost, (first, *rest) = live[:-MOST_CAUGHT_UP], live[-MOST_CAUGHT_UP:]
    why = f"more than {MOST_CAUGHT_UP} were missed"
    slots = [_slot(schedule, one, SlotState.MISSED, _why(schedule, why), now) for one in lost]
    slots += [
        replace(
            _slot(schedule, one, SlotState.WAITING, f"caught up on: {NOT_RUNNING}", now),
            due_at=now + place * BETWEEN,
        )
        for place, one in enumerate(rest, 1)
    ]
    return slots, first


def _beside_running(
    schedule: Schedule, firing: Firing, waiting: Sequence[SlotRow], running: str, now: float
) -> SlotRow:
    if schedule.spec.overlap == "skip":
        return _slot(schedule, firing, SlotState.SKIPPED, running, now)
    if any(slot.reason == STILL_RUNNING for slot in waiting):
        return _slot(schedule, firing, SlotState.SKIPPED, f"{ONE_WAITS}: {running}", now)
    # Always the same words: by them it is known what it waits for, however the job goes on meanwhile.
    return replace(_slot(schedule, firing, SlotState.WAITING, STILL_RUNNING, now), due_at=now)


def _why(schedule: Schedule, why: str) -> str:
    """Return why a slot was missed: what was wrong with the file, if that was it."""
    return schedule.row.trouble or why


def _slot(schedule: Schedule, firing: Firing, state: SlotState, reason: str, now: float) -> SlotRow:
    return SlotRow(schedule.name, firing.key, firing.at, state, reason, now)


def fired(schedule: Schedule, firing: Firing, now: float, reason: str = "") -> SlotRow:
    """Return the slot of a firing whose jobs are written with it."""
    late = now - due_at(schedule, firing)
    return _slot(schedule, firing, SlotState.FIRED, reason or (_late(late) if late > ON_TIME else ""), now)


def refused(schedule: Schedule, firing: Firing, why: str, now: float) -> SlotRow:
    """Return the slot of a firing that is not made; with `on_budget = "wait"` the caller lets it wait instead."""
    return _slot(schedule, firing, SlotState.REFUSED, why, now)


def _late(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min late" if minutes >= 60 else f"{minutes} min late"


def passed_over(schedule: Schedule, why: str, now: float) -> tuple[SlotRow, ...]:
    """Return what becomes of the undecided slots up to now, none of which is to fire: the schedule is changed."""
    # By their time and not by when they are due: the mark moves past those that jitter puts off as well.
    firings, dropped = _newest(
        takewhile(lambda one: one.at <= now, schedule.spec.rule.after(schedule.row.decided_until))
    )
    slots = [
        _paused(schedule, one, now) or _slot(schedule, one, SlotState.MISSED, _why(schedule, why), now)
        for one in firings
    ]
    return tuple(_with_dropped(slots, dropped))


def expired(schedule: Schedule, slot: SlotRow, now: float) -> bool:
    """Return whether a slot has waited for a running job for longer than its grace."""
    return slot.reason == STILL_RUNNING and now - slot.at > max(schedule.spec.grace_seconds, ON_TIME)
