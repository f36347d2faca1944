"""Limits of requests in fixed spans of time, told in headers as Mastodon or X tells them."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Literal

from reelwork_plugins.simulator.refusals import Refused


class Throttle:
    """Passes at most so many requests of one account in each span of time."""

    def __init__(self, limit: int, seconds: float, style: Literal["mastodon", "x"] = "mastodon") -> None:
        self._limit, self._seconds, self._style = limit, seconds, style
        self._counts: dict[tuple[str, int], int] = {}

    def take(self, account: str) -> dict[str, str]:
        """Count a request, and return the headers that tell where it stands. Raises `Refused` with 429."""
        now = time.time()
        span = math.floor(now / self._seconds)
        taken = self._counts.get((account, span), 0) + 1
        # Those of earlier spans are of no more use.
        self._counts = {key: count for key, count in self._counts.items() if key[1] == span}
        self._counts[account, span] = taken
        headers = self._headers(taken, (span + 1) * self._seconds)
        if taken > self._limit:
            raise Refused(429, "Too many requests", headers=headers)
        return headers

    def _headers(self, taken: int, ends: float) -> dict[str, str]:
        left = str(max(self._limit - taken, 0))
        if self._style == "x":
            facts = {"limit": str(self._limit), "remaining": left, "reset": str(math.ceil(ends))}
            return {f"x-rate-limit-{name}": value for name, value in facts.items()}
        reset = datetime.fromtimestamp(ends, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": left,
            "X-RateLimit-Reset": reset,
        }
