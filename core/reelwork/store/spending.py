"""Sums of the money spent, as they are shown. Imports no models, so that reading it is quick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

By = Literal["day", "month", "provider", "workflow", "run", "brand"]


@dataclass(frozen=True)
class Spending:
    """The cost of the renders and posts of one group, in US dollars."""

    name: str
    renders: int
    """Requests for renders in the ledger, whatever their outcome."""
    charged: Decimal
    """As the provider or the network reported it."""
    reserved: Decimal
    """Estimated, and counted until it is known not to be charged."""
    released: Decimal
    """Estimated, and known not to be charged."""
    unknown: int
    """Renders that may be charged and whose price is not known."""
    in_doubt: Decimal = Decimal(0)
    """The part of `reserved` whose requests are on their way, or of unknown outcome."""
    posts: int = 0
    """Posts that have a price, whatever their outcome."""


def total(found: Sequence[Spending]) -> Spending:
    """Return the sum of all groups."""
    none = Decimal(0)
    return Spending(
        "total",
        sum(one.renders for one in found),
        sum((one.charged for one in found), none),
        sum((one.reserved for one in found), none),
        sum((one.released for one in found), none),
        sum(one.unknown for one in found),
        sum((one.in_doubt for one in found), none),
        sum(one.posts for one in found),
    )


def as_json(by: By, since: date | None, until: date | None, found: Sequence[Spending]) -> dict[str, Any]:
    """Return the groups and their sum as programs get them."""
    return {
        "by": by,
        "since": since and since.isoformat(),
        "until": until and until.isoformat(),
        "groups": [_group_as_json(one) for one in found],
        "total": _group_as_json(total(found)),
    }


def _group_as_json(one: Spending) -> dict[str, Any]:
    amounts = {name: str(getattr(one, name)) for name in ("charged", "reserved", "in_doubt", "released")}
    return {"name": one.name, "renders": one.renders, "posts": one.posts, **amounts, "unknown": one.unknown}
