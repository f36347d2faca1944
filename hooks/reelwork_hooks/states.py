"""The states of an irreversible effect. Imports no models, so that a store need not build them."""

from __future__ import annotations

from enum import StrEnum


class EffectState(StrEnum):
    """The state of an irreversible effect in the ledger."""

    INTENDED = "intended"
    """Written down; nothing has left this machine."""
    SENT = "sent"
    """About to leave or on its way: committed before the call."""
    CONFIRMED = "confirmed"
    """It happened, and the answer is stored."""
    REJECTED = "rejected"
    """It was refused without work."""
    UNKNOWN = "unknown"
    """It may have happened. Never sent again blindly."""
