"""The pages of schedules: when each fires next, and what became of its times."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from reelwork.schedules.as_json import NEXT, foreseen, last_fired, there, upcoming
from reelwork.schedules.spec import found_in
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.rendering import failure, page
from reelwork.server.tokens import Scope
from reelwork.store.schedules import SlotState

SLOTS = 50
"""Times of a schedule that its page tells about."""


def list_schedules(served: Served, request: Request) -> Response:
    """Show all schedules with their next and their last firing."""
    store, now = served.store, served.now()
    found = [
        {
            "schedule": one,
            "next": next(iter(upcoming(one, now, 1)), None),
            "last": last_fired(store, one.name),
            "pause": one.paused_at(now),
        }
        for one in there(store.schedules())
    ]
    return page(served, request, "schedules.html", found=found)


def show_schedule(served: Served, request: Request) -> Response:
    """Show one schedule: its next firings, and what became of its times."""
    store, now = served.store, served.now()
    schedule = found_in(store.schedules(), request.path_params["schedule"])
    return page(
        served,
        request,
        "schedule.html",
        schedule=schedule,
        pause=schedule.paused_at(now),
        coming=upcoming(schedule, now, NEXT),
        short=foreseen(store, schedule.name),
        slots=[slot for slot in store.slots(schedule.name, SLOTS) if slot.state != SlotState.FORESEEN],
    )


OPERATIONS = (
    Operation(path="/schedules", scope=Scope.READ, answer=list_schedules, fails=failure),
    Operation(path="/schedules/{schedule}", scope=Scope.READ, answer=show_schedule, fails=failure),
)
