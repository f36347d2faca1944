"""Payments that plugins make themselves, such as for a call of a model: checked here, recorded in the ledger."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from reelwork.money import dollars, problem_of, to_micros
from reelwork.plugins.state import checked_key
from reelwork.plugins.units import Units, in_words
from reelwork.text import one_line
from reelwork_hooks.errors import PluginInvalid
from reelwork_hooks.models import Job
from reelwork_hooks.prices import DOLLARS, Amount

if TYPE_CHECKING:
    from reelwork.store.commands import Payment

log = logging.getLogger("reelwork.payments")
LONGEST_WHAT = 100
"""Characters that say what was paid for."""


class Purse(Protocol):
    """The part of a store that keeps what plugins paid."""

    async def paid(self, payment: Payment) -> bool:
        """Record a payment, once for its key. Return False if it was there."""
        ...


@dataclass
class Payments:
    """Records what one instance pays."""

    instance: str
    purse: Purse | None
    units: Units = field(default_factory=Units)
    most: Decimal | None = None
    """US dollars that one call may cost, as the plugin declares."""

    async def record(self, job: Job, amount: Amount | Decimal, what: str, key: str) -> None:
        """Record a payment. Raises `PluginInvalid` for what is no amount, or no key."""
        given = amount if isinstance(amount, Amount) else Amount(value=amount)
        cost = self.units.in_dollars(given.value, given.unit)
        assert cost is not None
        if cost.is_nan():
            raise PluginInvalid(f"{self.instance}: it paid in {given.unit}, and what one costs is not known.")
        if problem := problem_of(cost):
            raise PluginInvalid(f"{self.instance}: its payment of {cost:.6g} is none: {problem}.")
        if self.most is not None and cost > self.most:
            # It is paid, so it is counted whole. Budgets could not know of the rest before.
            declared = f"declares at most {dollars(self.most)} a call"
            log.warning("plugin %r paid %s, and %s. It is counted whole.", self.instance, dollars(cost), declared)
        shown = "" if given.unit == DOLLARS else in_words(given.value, given.unit)
        name = one_line(what).strip()[:LONGEST_WHAT] or self.instance
        if self.purse is not None:
            # Only where something is paid: most plugins pay nothing, and plans none.
            from reelwork.store.commands import Payment

            await self.purse.paid(Payment(job.id, self.instance, checked_key(key), to_micros(cost), name, shown))
