"""The first page: what needs a person, what it costs, what runs and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response

from reelwork.schedules.as_json import foreseen, there, upcoming
from reelwork.server.meters import RECENT, ceilings_of
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.attention import left_out, signed_out, stopped
from reelwork.server.pages.month import post_times
from reelwork.server.pages.rendering import failure, page
from reelwork.server.tokens import Scope
from reelwork.store.frozen import brand_in
from reelwork.store.reader import SyncReader
from reelwork.store.spending import total
from reelwork.store.statuses import Status
from reelwork.studio.causes import Cause, causes_of, failures_of
from reelwork.studio.job_view import JobView, views_of

MOST_CARDS = 7
MOST_RUNNING = 8
MOST_NEXT = 8
MOST_OF_ONE = 3
"""Firings to come of one schedule."""
MOST_DONE = 6


@dataclass(frozen=True)
class Upcoming:
    """One firing to come."""

    schedule: str
    at: float
    zone: str
    trouble: str
    """The reason for which it will not fire; empty if it will."""
    short: str = ""
    """The budget that will have no room for it; empty if there is none."""


@dataclass(frozen=True)
class Spent:
    """The money of a period, in US dollars."""

    spent: Decimal
    in_doubt: Decimal
    unknown: int
    ceiling: Decimal | None
    """The lowest that a workflow which ran of late has for it; None if none has one."""


def home(served: Served, request: Request) -> Response:
    """Show what needs a person, the money, what runs, and what comes next."""
    store, now = served.store, served.now()
    failures = failures_of(store)
    return page(
        served,
        request,
        "home.html",
        counts=store.counts(),
        held=[(one, _posts_at(one)) for one in causes_of(store, Status.HELD)[:MOST_CARDS]],
        failed=failures.open[:MOST_CARDS],
        dealt=failures.dealt[:MOST_CARDS],
        running=_of(store, Status.ACTIVE, MOST_RUNNING),
        done=_of(store, Status.DONE, MOST_DONE),
        coming=_coming(store, now),
        stopped=stopped(store, now),
        # The accounts of the machine are for whoever may see all of it.
        signed_out=[] if served.brand else signed_out(now),
        left_out=list(left_out(store, now)),
        paused=[(one, pause) for one in there(store.schedules()) if (pause := one.paused_at(now))],
        money=_money(store, now, "brand_" if served.brand else ""),
        brands=[] if served.brand else _brands(store, now),
    )


def _posts_at(cause: Cause) -> datetime | None:
    """Return the first time for which a post of these jobs is meant."""
    return min((at for job in cause.jobs for _, at in post_times(job.data)), default=None)


def _of(store: SyncReader, status: Status, most: int) -> list[JobView]:
    rows = store.jobs(statuses=(status,), limit=most)
    return list(views_of(store, rows, [row.id for row in rows]))


def _coming(store: SyncReader, now: float) -> list[Upcoming]:
    return sorted(_firings(store, now), key=lambda one: one.at)[:MOST_NEXT]


def _firings(store: SyncReader, now: float) -> Iterator[Upcoming]:
    for schedule in there(store.schedules()):
        pause = schedule.paused_at(now)
        if pause is None or pause.until is not None:
            short = foreseen(store, schedule.name)
            for firing, due in upcoming(schedule, now, MOST_OF_ONE):
                zone, told = schedule.spec.tz, short.get(firing.key, "")
                yield Upcoming(schedule.name, due, zone, schedule.row.trouble, told)


def _money(store: SyncReader, now: float, of: str) -> dict[str, Spent]:
    # Budgets count by days and months in UTC, and so does this.
    today = datetime.fromtimestamp(now, UTC).date()
    ceilings = [ceilings_of(run) for run in store.newest_runs(now - RECENT)]
    found = {}
    for name, budget, first in (("today", "per_day", today), ("this month", "per_month", today.replace(day=1))):
        sums = total(store.spending("day", since=first))
        # Of one brand the money is shown beside the ceilings of that brand.
        least = min((Decimal(str(one[of + budget])) for one in ceilings if of + budget in one), default=None)
        found[name] = Spent(sums.charged + sums.reserved, sums.in_doubt, sums.unknown, least)
    return found


def _brands(store: SyncReader, now: float) -> list[tuple[str, Spent]]:
    """Return what each brand has spent this month, with its ceiling as its newest run has it."""
    ceilings = {
        brand: Decimal(str(found["brand_per_month"]))
        for run in sorted(store.newest_runs(now - RECENT), key=lambda run: run.created_at)
        if (brand := brand_in(run.frozen)) and "brand_per_month" in (found := ceilings_of(run))
    }
    first = datetime.fromtimestamp(now, UTC).date().replace(day=1)
    return [
        (one.name, Spent(one.charged + one.reserved, one.in_doubt, one.unknown, ceilings.get(one.name)))
        for one in store.spending("brand", since=first)
        if one.name
    ]


OPERATIONS = (Operation(path="/", scope=Scope.READ, answer=home, fails=failure),)
