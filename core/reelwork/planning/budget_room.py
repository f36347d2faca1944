"""The room that the budgets of a day and a month leave for a launch.

A launched job that finds no room is held by `check_budget` in `store/rules`, which says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from reelwork.money import dollars, to_dollars
from reelwork.store.rules import ceilings_of, named, setting_of

if TYPE_CHECKING:
    from reelwork.plugins.pipeline import Pipeline
    from reelwork.store.reader import SyncReader


@dataclass(frozen=True)
class Room:
    """A budget with a ceiling, in US dollars."""

    name: str
    """Such as `per_day`, or `brand_per_day`."""
    ceiling: Decimal
    counted: Decimal
    """The amount in it: charged, or reserved until the charge is known."""
    brand: str = ""
    """The brand that the workflow is for."""

    @property
    def named(self) -> str:
        """Its name in a sentence."""
        return named(self.name, self.brand)

    @property
    def setting(self) -> str:
        """The setting that raises it."""
        return setting_of(self.name, self.brand)

    @property
    def left(self) -> Decimal:
        """The amount that still fits, in US dollars."""
        return max(self.ceiling - self.counted, Decimal(0))


def rooms(pipeline: Pipeline, store: SyncReader | None) -> tuple[Room, ...]:
    """Return the budgets of this day and this month (UTC) that have a ceiling. Without a store they are empty."""
    # A dry run may find no store yet: then nothing has been spent.
    counted = {} if store is None else store.counted(pipeline.budget)
    return tuple(
        Room(name, to_dollars(ceiling), to_dollars(counted.get(name, 0)), pipeline.budget.brand)
        for name, ceiling in ceilings_of(pipeline.budget).items()
        if name.endswith(("per_day", "per_month"))
    )


def room_notes(found: tuple[Room, ...], cost: Decimal | None) -> Iterator[str]:
    """Say how much of a launch of this cost the budgets would hold."""
    for room in found:
        period = room.name.rpartition("per_")[2]
        now = {"day": "today", "month": "this month"}[period]
        state = f"the budget {room.named} = {dollars(room.ceiling)} has {dollars(room.counted)} in it {now} (UTC)"
        # An unknown price is judged by the ledger. Under a ceiling it is not sent unless that is allowed.
        if cost is None or cost <= room.left:
            yield f"{state}; {dollars(room.left)} is left."
        else:
            yield (
                f"{state}; {dollars(room.left)} is left for {dollars(cost)}. What does not fit is held, and "
                f"`reelwork resume` continues with it when the {period} is over."
            )
