"""The figures of a store that a monitoring system watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figures:
    """The standing of a store at one moment. Times are in seconds since the epoch (UTC)."""

    jobs: Mapping[str, int] = field(default_factory=dict)
    """Jobs by status."""
    renders: Mapping[str, int] = field(default_factory=dict)
    """Renders that are waited for, by provider."""
    due: int = 0
    """Active jobs that are due and in nobody's hands."""
    due_since: float | None = None
    """When the oldest of them fell due."""
    in_review: int = 0
    """Held jobs with a post that waits for a person's review."""
    unknown: int = 0
    """Effects whose outcome is unknown."""
    unknown_since: float | None = None
    """When the oldest of them was sent."""
