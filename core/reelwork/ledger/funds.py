"""Remembers for a moment which requests were refused for want of money, so that a batch does not ask in vain.

Without it, each job of a batch would ask an account that has nothing left, and be turned away one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reelwork.clock import Clock
from reelwork.ledger.outcomes import Act

# Long enough for the jobs that are about to be sent, short enough to notice a payment at once.
REMEMBERED = 10.0
"""Seconds."""

# Money that does not suffice for one model or length may suffice for another.
_Kind = tuple[str, str, str]


@dataclass
class _Refusal:
    until: float
    reason: str
    told: set[str]
    """Effects that were refused or held for it. When they are resumed, a person says that they may be sent."""


@dataclass
class Funds:
    """The refusals of the last seconds, by account, model and kind of request."""

    time: Clock
    _refused: dict[_Kind, _Refusal] = field(default_factory=dict, init=False)

    def refused(self, act: Act[Any], reason: str) -> None:
        """Note that this request was refused for want of money."""
        self._refused[_kind(act)] = _Refusal(self.time.now().seconds + REMEMBERED, reason, {act.key})

    def accepted(self, act: Act[Any]) -> None:
        """Forget what was refused before: there is money again."""
        self._refused.pop(_kind(act), None)

    def missing(self, act: Act[Any]) -> str:
        """Return why this request would be refused as well; empty if it may be sent. Says so once for an effect."""
        refusal = self._refused.get(_kind(act))
        if refusal is None or act.key in refusal.told or self.time.now().seconds >= refusal.until:
            return ""
        refusal.told.add(act.key)
        return refusal.reason


def _kind(act: Act[Any]) -> _Kind:
    return act.account, act.model, act.spec
