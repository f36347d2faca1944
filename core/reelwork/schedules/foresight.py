"""Firings of the next day for which a budget or a quota will have no room. Pure: all that is known is handed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from reelwork.money import dollars, to_dollars
from reelwork.schedules.decisions import next_firings
from reelwork.schedules.rule import Firing
from reelwork.schedules.spec import Schedule
from reelwork.store.ceilings import Budget
from reelwork.store.rules import DAY, ceilings_of, day_of, month_of, named

AHEAD = DAY
"""Seconds before a firing from which a shortage is told."""
MOST_FIRINGS = 1440
"""Firings of one schedule that are looked at: one that fires each minute has as many in a day."""


@dataclass(frozen=True)
class Expected:
    """A schedule, and what one firing of it costs as things stand."""

    schedule: Schedule
    cost: int | None
    """In millionths of a US dollar; None if it is not known."""
    budget: Budget
    renders: int = 0
    """The renders that it asks for."""
    account: str = ""
    """The account that they are asked of."""
    per_day: int | None = None
    """The requests to that account that are allowed in any 24 hours; None for no limit."""


@dataclass(frozen=True)
class Shortage:
    """The first firing of a schedule for which there will be no room."""

    firing: Firing
    reason: str


Held = Mapping[tuple[str, str], int]
"""What the budgets of this day and month hold now, by brand and name; without a brand, those of all spending."""
Calls = Mapping[str, Sequence[float]]
"""The times at which requests of the last 24 hours were counted, by account."""


def counted_for(some: Sequence[Expected]) -> Iterator[Budget]:
    """Yield budgets that name everything `shortages` must know of: for all spending, and for each brand."""
    yield Budget(per_day=0, per_month=0)
    for brand in dict.fromkeys(one.budget.brand for one in some if one.budget.brand):
        yield Budget(brand=brand, brand_per_day=0, brand_per_month=0)


def shortages(some: Sequence[Expected], held: Held, calls: Calls, now: float) -> dict[str, Shortage]:
    """Return the schedules that will be short within a day, each with the first firing that will not fit."""
    # Each firing that fits leaves less for those after it, of whichever schedule: budgets count all spending, or
    # all of a brand.
    sums = {(brand, name, _period(name, now)): amount for (brand, name), amount in held.items()}
    to_come: dict[str, int] = {}
    found: dict[str, Shortage] = {}
    for due, name, firing, one in sorted(_coming(some, now), key=lambda coming: coming[:2]):
        periods = dict(_periods(one.budget.brand, max(firing.at, now)))
        short = _short(one, {budget: sums.get(period, 0) for budget, period in periods.items()})
        if short:
            found.setdefault(name, Shortage(firing, short))
            continue
        # A quota's window slides, and all that is to come lies within a day of now.
        counted = sum(call > due - AHEAD for call in calls.get(one.account, ()))
        if late := _late(one, counted + to_come.get(one.account, 0)):
            found.setdefault(name, Shortage(firing, late))
        # It is fired all the same, and its renders are asked for as soon as the quota lets them.
        to_come[one.account] = to_come.get(one.account, 0) + one.renders
        for period in periods.values():
            sums[period] = sums.get(period, 0) + (one.cost or 0)
    return found


def _period(name: str, at: float) -> float:
    return day_of(at) if name.endswith("per_day") else month_of(at)


def _periods(brand: str, at: float) -> Iterator[tuple[str, tuple[str, str, float]]]:
    for name in ("per_day", "per_month"):
        yield name, ("", name, _period(name, at))
        if brand:
            yield f"brand_{name}", (brand, f"brand_{name}", _period(name, at))


def _coming(some: Sequence[Expected], now: float) -> Iterator[tuple[float, str, Firing, Expected]]:
    for one in some:
        if not one.cost and one.per_day is None:
            continue
        within = takewhile(lambda coming: coming[1] <= now + AHEAD, next_firings(one.schedule, now))
        for firing, due in islice(within, MOST_FIRINGS):
            yield due, one.schedule.name, firing, one


def _short(one: Expected, held: Mapping[str, int]) -> str:
    """Return why a firing will not fit; empty if it will."""
    for name, ceiling in ceilings_of(one.budget).items():
        if name in held and one.cost is not None and held[name] + one.cost > ceiling:
            fate = "will wait" if one.schedule.spec.on_budget == "wait" else "will not fire"
            most, there = _dollars(ceiling), _dollars(held[name])
            left = _dollars(max(ceiling - held[name], 0))
            return (
                f"{fate}: the budget {named(name, one.budget.brand)} = {most} will have {there} in it, "
                f"{left} is left for {_dollars(one.cost)}"
            )
    return ""


def _late(one: Expected, counted: int) -> str:
    """Return why the renders of a firing will be asked for later than it fires; empty if they will not."""
    if one.per_day is None or counted + one.renders <= one.per_day:
        return ""
    left = max(one.per_day - counted, 0)
    return (
        f"will render late: the limit requests_per_day = {one.per_day} will have {counted} in it, "
        f"{left} left for {one.renders}"
    )


def _dollars(micros: int) -> str:
    return dollars(to_dollars(micros))
