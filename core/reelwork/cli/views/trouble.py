"""The reasons why jobs wait: each reported once, and summed up with a way out when it takes long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from reelwork.engine.events import WAITS, Happening, RenderSeen
from reelwork.ids import short_id
from reelwork.plural import age
from reelwork.text import one_line

WAITING = ("waiting", "retry", WAITS)
# Soon once, for a person who watches; then rarely, for a log that is read later.
REMINDERS = (30.0, 300.0)
"""Seconds of trouble after which it is summed up."""
REMINDED_EVERY = 1800.0
"""Seconds between all later ones."""


def when(until: float | None, what: str = "next try") -> str:
    """Return such as `next try in 30 s`; empty without a time."""
    return "" if until is None else f"{what} in {age(max(1.0, until - time.time() + 0.5))}"


def waits_for(why: str, until: float | None, what: str = "next try") -> str:
    """Return a line with the reason why a job waits and the time of its next try."""
    return "; ".join(part for part in (f"waits: {one_line(why).rstrip('.')}", when(until, what)) if part)


def next_act(*, in_doubt: bool) -> str:
    """Return the event at the end of a wait. An effect of unknown outcome is looked up, not tried."""
    return "next lookup" if in_doubt else "next try"


@dataclass
class _Trouble:
    since: float
    why: str
    until: float | None
    in_doubt: bool


class Waits:
    """Remembers which reason was shown for each job, so that each is shown once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, str] = {}
        self._troubles: dict[str, _Trouble] = {}
        self._reminded = 0

    def happened(self, happening: Happening) -> str:
        """Return the line for a job that waits for something new; empty otherwise."""
        job_id, why = happening.job.id, str(happening.details.get("reason", ""))
        plain = happening.name == WAITS and not happening.in_doubt
        if happening.name not in WAITING:
            self._over(job_id)
            return ""
        if not plain:
            self._trouble(job_id, why, happening.until, in_doubt=happening.in_doubt)
        what = next_act(in_doubt=happening.in_doubt)
        # A limit makes hundreds of jobs wait in the same way: one line is enough for all of them.
        new = self._is_new(why, why) if plain else self._is_new(job_id, why)
        return waits_for(why, happening.until, what) if new else ""

    def seen(self, render: RenderSeen) -> str:
        """Return the line for a render that cannot be polled for a new reason; empty otherwise."""
        if not render.problem:
            self._over(render.job_id)
            return ""
        self._trouble(render.job_id, render.problem, render.until, in_doubt=False)
        why = f"the render could not be polled: {render.problem}"
        return waits_for(why, render.until, "next poll") if self._is_new(render.job_id, why) else ""

    def reminder(self) -> str:
        """Return a reminder of lasting trouble, rarely and for all its jobs together; empty if none is due."""
        if not self._troubles:
            return ""
        job_id, first = min(self._troubles.items(), key=lambda item: item[1].since)
        lasted = self._clock() - first.since
        if lasted < self._due_after():
            return ""
        self._reminded += 1
        return _reminder(short_id(job_id), first, len(self._troubles), lasted)

    def _due_after(self) -> float:
        later = self._reminded - len(REMINDERS) + 1
        return REMINDERS[self._reminded] if later <= 0 else REMINDERS[-1] + later * REMINDED_EVERY

    def _is_new(self, job_id: str, why: str) -> bool:
        if self._told.get(job_id) == why:
            return False
        self._told[job_id] = why
        return True

    def _trouble(self, job_id: str, why: str, until: float | None, *, in_doubt: bool) -> None:
        known = self._troubles.get(job_id)
        since = self._clock() if known is None else known.since
        self._troubles[job_id] = _Trouble(since, why, until, in_doubt)

    def _over(self, job_id: str) -> None:
        self._told.pop(job_id, None)
        self._troubles.pop(job_id, None)
        if not self._troubles:
            self._reminded = 0


def _reminder(job: str, trouble: _Trouble, jobs: int, lasted: float) -> str:
    who = f"job {job} still waits" if jobs == 1 else f"{jobs} jobs still wait"
    following = when(trouble.until, next_act(in_doubt=trouble.in_doubt))
    parts = [
        f"{who} after {age(lasted)}: {one_line(trouble.why).rstrip('.')}{f'; {following}' if following else ''}."
    ]
    parts.append("It continues by itself. Ctrl-C is safe: nothing is paid for or posted twice.")
    if trouble.in_doubt:
        parts.append(f"To look it up later: reelwork reconcile. To decide: reelwork jobs resolve {job}")
    else:
        parts.append(f"To continue later: reelwork resume. All about it: reelwork jobs show {job}")
    return " ".join(parts)
