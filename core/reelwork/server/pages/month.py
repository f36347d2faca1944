"""The calendar: what fires and what is shown to the world in a month, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http import HTTPStatus
from itertools import groupby, islice, takewhile
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelwork.schedules.as_json import there
from reelwork.schedules.decisions import next_firings
from reelwork.schedules.spec import Schedule
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.forms import form_of
from reelwork.server.pages.rendering import failure, kept, page
from reelwork.server.tokens import Scope
from reelwork.store.reader import SyncReader
from reelwork.store.statuses import Status
from reelwork.studio.job_names import find_job
from reelwork.studio.job_view import view_of
from reelwork.studio.post_moves import EVERY, Move, move, read_time
from reelwork_hooks.errors import InvalidInput

MOST_FIRINGS = 2000
"""Firings of one schedule that are looked at: one that fires each minute must not keep the page from coming."""
MOST_POSTS = 2000
"""Jobs that are looked at for posts with a time."""
MONTHS_AHEAD = 12


@dataclass(frozen=True)
class Entry:
    """One thing that is to happen."""

    at: datetime
    """By the clock of this machine."""
    name: str
    address: str
    note: str = ""
    """The reason for which it will not happen; empty if it will."""
    job: str = ""
    """The job whose post it is; empty for a firing."""
    destination: str = ""
    fence: int = 0
    """The state of the job: it is moved only as it was seen."""


@dataclass(frozen=True)
class Line:
    """The entries of a day that have one name."""

    first: Entry
    count: int


MOST_LINES = 12
"""Lines of a day that are shown before the others are folded."""


@dataclass(frozen=True)
class Day:
    """One day of the month."""

    date: date
    lines: list[Line] = field(default_factory=list)

    @property
    def folds(self) -> list[list[Line]]:
        """Its lines: those that are shown at once, and those that are folded."""
        return [self.lines[:MOST_LINES], self.lines[MOST_LINES:]]


def calendar(served: Served, request: Request) -> Response:
    """Show a month: the schedules that fire in it, and the posts that have a time in it."""
    store, now = served.store, served.now()
    today = datetime.fromtimestamp(now).astimezone()
    first = _asked(request.query_params.get("month", ""), today.date())
    begins, ends = _midnight(first), _midnight(_later(first))
    firings = [list(_firings(one, now, begins, ends)) for one in there(store.schedules())]
    posts = (one for one in _posts(store) if begins <= one.at < ends)
    days = _days(first, [*(entry for some in firings for entry in some), *posts])
    furthest = today.date().replace(day=1) + timedelta(days=31 * (MONTHS_AHEAD - 1))
    return page(
        served,
        request,
        "calendar.html",
        first=first,
        days=days,
        today=today.date(),
        zone=today.tzname(),
        earlier=first - timedelta(days=1) if first > today.date() else None,
        later=_later(first) if first < furthest else None,
        some=any(day.lines for day in days),
        cut=any(len(found) >= MOST_FIRINGS - 1 for found in firings),
    )


def _asked(told: str, today: date) -> date:
    """Return the first day of the month that is asked for; of this one where that is no month."""
    this = today.replace(day=1)
    try:
        found = date.fromisoformat(f"{told}-01")
    except ValueError:
        return this
    return found if this <= found <= this + timedelta(days=31 * MONTHS_AHEAD) else this


def _later(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day).astimezone()


def _firings(schedule: Schedule, now: float, begins: datetime, ends: datetime) -> Iterator[Entry]:
    # From a second before: what is due at midnight itself belongs to this month.
    coming = next_firings(schedule, max(now, begins.timestamp() - 1))
    found = takewhile(lambda one: one[1] < ends.timestamp(), coming)
    for _, due in islice(found, MOST_FIRINGS):
        if due >= begins.timestamp():
            at = datetime.fromtimestamp(due).astimezone()
            yield Entry(at, schedule.name, f"/schedules/{schedule.name}", schedule.row.trouble)


def _posts(store: SyncReader) -> Iterator[Entry]:
    for row in store.jobs(statuses=(Status.ACTIVE, Status.HELD), limit=MOST_POSTS):
        view = view_of(row)
        note = view.reason if view.status == Status.HELD else ""
        for where, at in post_times(view.data):
            yield Entry(at, f"{where}: {view.prompt}", f"/jobs/{view.id}", note, view.id, where, view.fence)


def post_times(data: Mapping[str, Any]) -> Iterator[tuple[str, datetime]]:
    """Yield the times for which a job's posts are meant, each with the destination that it is for."""
    brief, posts = data["brief"], data.get("posts") or {}
    own = {name: copy.get("publish_at") for name, copy in (brief.get("destinations") or {}).items()}
    told = brief.get("publish_at") or (None if any(own.values()) else data.get("post_at"))
    for name, at in (("post", told), *own.items()):
        if at and (posts.get(name) or {}).get("state") != "published":
            yield name, datetime.fromisoformat(at).astimezone()


def _days(first: date, entries: Iterable[Entry]) -> list[Day]:
    days = {
        first + timedelta(days=at): Day(first + timedelta(days=at)) for at in range((_later(first) - first).days)
    }
    for day, found in groupby(sorted(entries, key=lambda one: one.at), key=lambda one: one.at.date()):
        by_name: dict[tuple[str, str], list[Entry]] = {}
        for entry in found:
            by_name.setdefault((entry.name, entry.address), []).append(entry)
        days[day].lines.extend(Line(some[0], len(some)) for some in by_name.values())
    return list(days.values())


async def move_post(served: Served, request: Request) -> Response:
    """Move a post of a job to another time."""
    form = await form_of(request)
    if served.session is None:
        raise InvalidInput("This server drives no jobs, so it moves none.", money="Nothing was changed.")
    if not (fence := form.get("fence", "")).isdecimal():
        raise InvalidInput(
            "This form does not say which state of the job it is about.", money="Nothing was changed."
        )
    row, to = (
        find_job(served.store, request.path_params["job"]),
        read_time(f"{form.get('day', '')}T{form.get('hour', '')}"),
    )
    who = str(request.scope["reelwork.token"].name)
    asked = Move(form.get("destination", EVERY), to, int(fence), who)
    await move(served.store, row, served.session.pipeline_of(row.run_id), asked, served.now())
    month = f"/calendar?month={to.astimezone():%Y-%m}"
    return RedirectResponse(f"{month}{kept(request, '&')}", HTTPStatus.SEE_OTHER)


OPERATIONS = (
    Operation(path="/jobs/{job}/move", scope=Scope.APPROVE, answer=move_post, method="POST", fails=failure),
    Operation(path="/calendar", scope=Scope.READ, answer=calendar, fails=failure),
)
