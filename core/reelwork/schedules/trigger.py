"""A schedule's rule as a trigger of APScheduler, which wakes us; what is fired is decided by the store alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.triggers.base import BaseTrigger

from reelwork.schedules.decisions import due_at
from reelwork.schedules.spec import Schedule


class ScheduleTrigger(BaseTrigger):  # type: ignore[misc]
    """The times of one schedule, with its jitter."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    # APScheduler declares no types; the answer of its own triggers is read as None there.
    def get_next_fire_time(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return the next time after the previous one, or at or after now."""
        # APScheduler's own triggers name local times, and a time of the autumn's second hour has lost its `fold`
        # there. Instants in UTC have none.
        after = now.timestamp() - 1e-6
        if previous_fire_time is not None:
            after = max(after, previous_fire_time.timestamp())
        spec = self.schedule.spec
        for firing in spec.rule.after(after - spec.jitter_seconds):
            at = due_at(self.schedule, firing)
            if at > after:
                return datetime.fromtimestamp(0, UTC) + timedelta(seconds=at)
        return None

    def __getstate__(self) -> dict[str, Any]:
        return {"schedule": self.schedule}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.schedule = state["schedule"]
