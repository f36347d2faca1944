"""Limits of requests in fixed spans of time, told in headers as Mastodon tells them."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

from reelwork_plugins.simulator.refusals import Refused


class Throttle:
    """Passes at most so many requests of one account in each span of time."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._counts: dict[tuple[str, int], int] = {}

    def take(self, account: str) -> dict[str, str]:
        """Count a request, and return the headers that tell where it stands. Raises `Refused` with 429."""
        now = time.time()
        span = math.floor(now / self._seconds)
        taken = self._counts.get((account, span), 0) + 1
        # Those of earlier spans are of no more use.
        self._counts = {key: count for key, count in self._counts.items() if key[1] == span}
        self._counts[account, span] = taken
        reset = datetime.fromtimestamp((span + 1) * self._seconds, UTC).isoformat(timespec="microseconds")
        headers = {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(self._limit - taken, 0)),
            "X-RateLimit-Reset": reset.replace("+00:00", "Z"),
        }
        if taken > self._limit:
            raise Refused(429, "Too many requests", headers=headers)
        return headers
