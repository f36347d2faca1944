"""Waiting for renders in bulk: one round asks an account for many renders at once.

A failed look never fails a render, which is paid for. Past its deadline a render is called overdue and looked at
less often, but never given up.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reelwork.dispatch import in_a_line
from reelwork.store.rows import RenderRow, RenderUpdate
from reelwork.work import MICROS, render_ref
from reelwork_hooks.errors import Unavailable
from reelwork_hooks.provider import Provider, RenderStatus

POLL_TIME_LIMIT = 120.0
LONGEST_PAUSE = 300.0
"""Seconds between two looks at most, however often looking failed."""
OVERDUE_FACTOR = 6.0
"""How much less often an overdue render is looked at."""


@dataclass(frozen=True)
class Looked:
    """What one round taught."""

    updates: tuple[RenderUpdate, ...]
    problem: str = ""
    """Why nothing, or not everything, could be learnt."""


@dataclass(frozen=True)
class Waiting:
    """Looks at renders."""

    clock: Callable[[], float]
    jitter: Callable[[], float] = random.random

    async def look(self, provider: Provider, renders: Sequence[RenderRow]) -> Looked:
        """Ask a provider about renders of one account."""
        try:
            async with asyncio.timeout(POLL_TIME_LIMIT):
                answers = await provider.poll([render_ref(render) for render in renders])
            known = {answer.remote_id: answer for answer in answers}
        except Exception as error:
            pause = error.retry_after if isinstance(error, Unavailable) else None
            updates = tuple(self._unlearnt(provider, render, pause) for render in renders)
            return Looked(updates, in_a_line(error))
        updates = tuple(
            self._learnt(provider, render, known[render.remote_id])
            if render.remote_id in known
            else self._unlearnt(provider, render, None)
            for render in renders
        )
        missing = sum(render.remote_id not in known for render in renders)
        return Looked(updates, f"{missing} renders could not be looked at" if missing else "")

    def _learnt(self, provider: Provider, render: RenderRow, status: RenderStatus) -> RenderUpdate:
        ended = status.state in ("completed", "failed", "lost")
        overdue = not ended and self.clock() > render.deadline_at
        return RenderUpdate(
            id=render.id,
            fence=render.fence,
            due_at=None if ended else self._next_look(provider, status.poll_after, overdue),
            state=status.state,
            word=status.word,
            progress=100.0 if status.state == "completed" else status.progress,
            error=" ".join(part for part in (status.error_code, status.error_message) if part),
            details=_details(render, status),
            overdue=overdue,
            expires_at=status.expires_at.timestamp() if status.expires_at else None,
        )

    def _unlearnt(self, provider: Provider, render: RenderRow, pause: float | None) -> RenderUpdate:
        interval = provider.config.poll_interval
        wait = min(interval * 2 ** min(render.failures, 8), max(LONGEST_PAUSE, interval))
        overdue = self.clock() > render.deadline_at
        return RenderUpdate(
            id=render.id,
            fence=render.fence,
            due_at=self.clock() + max(wait, pause or 0),
            state=render.state,
            word=render.word,
            progress=render.progress,
            error=render.error,
            overdue=overdue,
            failures=render.failures + 1,
        )

    def _next_look(self, provider: Provider, asked: float | None, overdue: bool) -> float:
        interval = max(provider.config.poll_interval, asked or 0)
        if overdue:
            interval = min(interval * OVERDUE_FACTOR, max(LONGEST_PAUSE, interval))
        # Early by up to a tenth, never late: looks spread out, and none is older than its interval.
        return self.clock() + interval * (1 - 0.1 * self.jitter())


def _details(render: RenderRow, status: RenderStatus) -> str | None:
    added: dict[str, Any] = dict(status.details)
    if status.cost is not None:
        added["cost_micros"] = int(status.cost * MICROS)
    if status.charged is not None:
        added["charged"] = status.charged
    return json.dumps({**json.loads(render.details), **added}) if added else None
