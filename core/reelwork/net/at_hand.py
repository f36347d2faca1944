"""The call of a plugin that a request belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class CallAtHand:
    """A call of a plugin that is running. Its tasks and threads share one, so that all its writes are counted."""

    hook: str = ""
    """The hook, or the provider's method; empty where none is known."""
    callee: str = ""
    """The plugin or provider."""
    writes: int = 0
    """The writes that it has begun with our client."""


call_at_hand: ContextVar[CallAtHand | None] = ContextVar("call_at_hand", default=None)
# A write there may cost money or post: only the ledger decides whether it is sent again.
ONCE = frozenset({"submit", "publish"})
"""The calls in which no write is repeated."""
