"""Spending."""

from __future__ import annotations

from datetime import date
from typing import Self

from pydantic import model_validator
from starlette.requests import Request
from starlette.responses import Response

from reelwork.server.api.answering import told
from reelwork.server.api.asking import OfBrand, query_of
from reelwork.server.api.models import Spend
from reelwork.server.operations import Operation, Served
from reelwork.server.tokens import Scope
from reelwork.store.spending import By, as_json


class SpendFilter(OfBrand):
    """Which money is summed up. Days are UTC, both included."""

    by: By = "day"
    """Groups."""
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise ValueError(f"until {self.until} is before since {self.since}")
        return self


def show_spend(served: Served, request: Request) -> Response:
    """Sum up what was spent, by day, month, provider, workflow, run or brand."""
    asked = query_of(request, SpendFilter)
    found = served.store.spending(asked.by, since=asked.since, until=asked.until)
    return told(as_json(asked.by, asked.since, asked.until, found))


OPERATIONS = (
    Operation(path="/api/v1/spend", scope=Scope.READ, answer=show_spend, query=SpendFilter, returns=Spend),
)
