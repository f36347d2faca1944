"""The coming cost and requests of a schedule, beside the budgets and the quota they will meet."""

from __future__ import annotations

from collections.abc import Iterator

from reelwork.money import dollars, to_dollars
from reelwork.schedules.rule import Rule
from reelwork.store.ceilings import Budget
from reelwork.store.rules import ceilings_of, named

PERIODS = {
    "per_day": (1, "a day"),
    "per_month": (30, "30 days"),
    "brand_per_day": (1, "a day"),
    "brand_per_month": (30, "30 days"),
}
# One that fires each minute is told by its first week.
MOST_COUNTED = 10_000


def firings_within(rule: Rule, after: float, seconds: float) -> int:
    """Return how many firings come within some time, at most `MOST_COUNTED`."""
    count = 0
    for firing in rule.after(after):
        if firing.at > after + seconds or count >= MOST_COUNTED:
            break
        count += 1
    return count


def forecast_requests(rule: Rule, renders: int, per_day: int | None, now: float) -> Iterator[str]:
    """Say whether the quota of a day will have no room for all renders of that time."""
    count = firings_within(rule, now, 86_400.0)
    if per_day is not None and count * renders > per_day:
        yield (
            f"{count} firings in a day ask for {count * renders} renders; the limit requests_per_day = {per_day} "
            "lets no more through in a day, and the others wait."
        )


def forecast(rule: Rule, cost: int | None, budget: Budget, now: float) -> Iterator[str]:
    """Say which budgets will have no room for all firings of their time."""
    for name, ceiling in ceilings_of(budget).items():
        if name not in PERIODS or not cost:
            continue
        days, told = PERIODS[name]
        count = firings_within(rule, now, days * 86_400.0)
        if count * cost > ceiling:
            whole, most = dollars(to_dollars(count * cost)), dollars(to_dollars(ceiling))
            room, which = ceiling // cost, named(name, budget.brand)
            yield f"{count} firings in {told} cost {whole}; the budget {which} = {most} has room for {room}."
