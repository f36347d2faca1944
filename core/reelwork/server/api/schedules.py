"""Schedules, read."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from reelwork.schedules.as_json import firing_as_json, foreseen, listed, story_of, upcoming
from reelwork.schedules.spec import found_in
from reelwork.server.api.answering import told
from reelwork.server.api.asking import Asked, OfBrand, query_of
from reelwork.server.api.paging import MOST
from reelwork.server.api.schedule_models import Firings, Schedules, ScheduleStory
from reelwork.server.operations import Operation, Served
from reelwork.server.tokens import Scope


class SlotFilter(Asked):
    """The number of a schedule's past times that are told."""

    limit: Annotated[int, Field(ge=1, le=MOST)] = 20
    """Slots, the newest first."""


class NextFilter(Asked):
    """The number of firings that are told."""

    limit: Annotated[int, Field(ge=1, le=50)] = 5


def list_schedules(served: Served, request: Request) -> Response:
    """List the schedules with their next times, by name."""
    query_of(request, OfBrand)
    return told({"items": listed(served.store, served.now())})


def show_schedule(served: Served, request: Request) -> Response:
    """Return a schedule, and the outcome of each of its times."""
    asked = query_of(request, SlotFilter)
    schedule = found_in(served.store.schedules(), request.path_params["schedule"])
    return told(story_of(served.store, schedule, served.now(), asked.limit))


def next_firings(served: Served, request: Request) -> Response:
    """Return the next firings of a schedule."""
    asked = query_of(request, NextFilter)
    schedule = found_in(served.store.schedules(), request.path_params["schedule"])
    found = upcoming(schedule, served.now(), asked.limit)
    short = foreseen(served.store, schedule.name)
    return told({"items": [firing_as_json(*one, schedule.spec, short) for one in found]})


OPERATIONS = (
    Operation(path="/api/v1/schedules", scope=Scope.READ, answer=list_schedules, query=OfBrand, returns=Schedules),
    Operation(
        path="/api/v1/schedules/{schedule}",
        scope=Scope.READ,
        answer=show_schedule,
        query=SlotFilter,
        returns=ScheduleStory,
    ),
    Operation(
        path="/api/v1/schedules/{schedule}/next",
        scope=Scope.READ,
        answer=next_firings,
        query=NextFilter,
        returns=Firings,
    ),
)
