"""The health of a store, as `reelwork doctor` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Health:
    """The result of a quick check of a store."""

    damage: str = ""
    """The damage found; empty if there is none. Then the rest is known."""
    jobs: Mapping[str, int] = field(default_factory=dict)
    """Jobs by status."""
    unknown: int = 0
    """Effects whose outcome is unknown."""
    webhooks_off: Mapping[str, str] = field(default_factory=dict)
    """The webhooks that are not sent any more, each with the reason."""
    newest: float | None = None
    """The time of the last change to a job, in seconds since the epoch (UTC)."""
