"""The page of money: what was spent, by day, month, provider, workflow, brand or run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from reelwork.server.operations import Operation, Served
from reelwork.server.pages.rendering import failure, page
from reelwork.server.tokens import Scope
from reelwork.store.spending import By, total

_FIRST: By = "day"
WAYS: dict[str, By] = {
    "day": "day",
    "month": "month",
    "provider": "provider",
    "workflow": "workflow",
    "brand": "brand",
    "run": "run",
}
DAYS = 30
"""Days that are shown."""


def spend(served: Served, request: Request) -> Response:
    """Show what was spent in the last 30 days."""
    by = WAYS.get(request.query_params.get("by", ""), _FIRST)
    since = datetime.fromtimestamp(served.now(), UTC).date() - timedelta(days=DAYS - 1)
    found = served.store.spending(by, since=since)
    most = max((one.charged + one.reserved for one in found), default=0)
    return page(
        served, request, "spend.html", found=found, by=by, ways=WAYS, total=total(found), most=most, since=since
    )


OPERATIONS = (Operation(path="/spend", scope=Scope.READ, answer=spend, fails=failure),)
