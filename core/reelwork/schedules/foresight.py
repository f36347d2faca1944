"""Firings of the next day for which a budget will have no room. Pure: time and money are handed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from reelwork.money import dollars, to_dollars
from reelwork.schedules.decisions import next_firings
from reelwork.schedules.rule import Firing
from reelwork.schedules.spec import Schedule
from reelwork.store.commands import Budget
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


@dataclass(frozen=True)
class Shortage:
    """The first firing of a schedule for which there will be no money."""

    firing: Firing
    reason: str


Held = Mapping[tuple[str, str], int]
"""What the budgets of this day and month hold now, by brand and name; without a brand, those of all spending."""


def counted_for(some: Sequence[Expected]) -> Iterator[Budget]:
    """Yield budgets that name everything `shortages` must know of: for all spending, and for each brand."""
    yield Budget(per_day=0, per_month=0)
    for brand in dict.fromkeys(one.budget.brand for one in some if one.budget.brand):
        yield Budget(brand=brand, brand_per_day=0, brand_per_month=0)


def shortages(some: Sequence[Expected], held: Held, now: float) -> dict[str, Shortage]:
    """Return the schedules that will be short within a day, each with the first firing that will not fit."""
    # Each firing that fits leaves less for those after it, of whichever schedule: budgets count all spending, or
    # all of a brand.
    sums = {(brand, name, _period(name, now)): amount for (brand, name), amount in held.items()}
    found: dict[str, Shortage] = {}
    for _, name, firing, one in sorted(_coming(some, now), key=lambda coming: coming[:2]):
        assert one.cost is not None
        periods = dict(_periods(one.budget.brand, max(firing.at, now)))
        short = _short(one, {budget: sums.get(period, 0) for budget, period in periods.items()})
        if short:
            found.setdefault(name, Shortage(firing, short))
            continue
        for period in periods.values():
            sums[period] = sums.get(period, 0) + one.cost
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
        if not one.cost:
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


def _dollars(micros: int) -> str:
    return dollars(to_dollars(micros))
