"""The call of a plugin that a request belongs to."""

from __future__ import annotations

from contextvars import ContextVar

call_at_hand: ContextVar[str] = ContextVar("call_at_hand", default="")
"""The hook, or the provider's method, that is running in this context; empty where none is known."""
# A write there may cost money or post: only the ledger decides whether it is sent again.
ONCE = frozenset({"submit", "publish"})
"""The calls in which no write is repeated."""
