"""Every operation of the API, and the one that describes them."""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from reelwork.server.api import (
    clips,
    decisions,
    events,
    jobs,
    launches,
    machine,
    money,
    review_links,
    reviews,
    schedule_acts,
    schedule_adding,
    schedules,
)
from reelwork.server.api.answering import told
from reelwork.server.api.openapi import document_of
from reelwork.server.operations import Operation, Served
from reelwork.server.tokens import Scope


def describe(served: Served, request: Request) -> Response:
    """Describe the API in OpenAPI 3.1."""
    return told(_document())


@cache
def _document() -> dict[str, Any]:
    return document_of(OPERATIONS)


OPERATIONS = (
    Operation(path="/api/v1/openapi.json", scope=Scope.READ, answer=describe),
    *jobs.OPERATIONS,
    *clips.OPERATIONS,
    *events.OPERATIONS,
    *decisions.OPERATIONS,
    *reviews.OPERATIONS,
    *review_links.OPERATIONS,
    *launches.OPERATIONS,
    *machine.OPERATIONS,
    *money.OPERATIONS,
    *schedules.OPERATIONS,
    *schedule_acts.OPERATIONS,
    *schedule_adding.OPERATIONS,
)
