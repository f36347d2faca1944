"""APScheduler asks the trigger again and again: it must be woken at every firing, and at nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from reelwork.schedules.decisions import due_at
from reelwork.schedules.spec import Schedule, Spec
from reelwork.schedules.trigger import ScheduleTrigger
from reelwork.store.schedules import ScheduleRow


@pytest.mark.parametrize("jitter", ["0s", "10m"])
@pytest.mark.parametrize("cron", ["30 2 * * *", "*/30 * * * *"])
def test_it_wakes_at_every_firing_also_when_the_clocks_change(cron: str, jitter: str) -> None:
    spec = Spec("ads.toml", cron=cron, tz="Europe/Berlin", jitter=jitter)
    start = datetime(2026, 10, 24, 23, 50, tzinfo=UTC)
    schedule = Schedule(ScheduleRow("weekly", spec.as_json(), 1, 0.0, 0.0), spec, None)
    trigger = ScheduleTrigger(schedule)
    woken: list[float] = []
    at: datetime | None = None
    for _ in range(6):
        # As APScheduler asks: with the time before, and a now that is a little later.
        now = start if at is None else at + timedelta(microseconds=1)
        at = trigger.get_next_fire_time(at, now)
        assert at is not None
        woken.append(at.timestamp())
    due = (due_at(schedule, one) for one in spec.rule.after(start.timestamp() - 600))
    assert woken == pytest.approx(list(islice((one for one in due if one > start.timestamp()), 6)))


def test_one_firing_wakes_once() -> None:
    spec = Spec("ads.toml", at="2027-01-05T18:00", tz="UTC")
    trigger = ScheduleTrigger(Schedule(ScheduleRow("once", spec.as_json(), 1, 0.0, 0.0), spec, None))
    now = datetime(2026, 11, 30, tzinfo=UTC)
    first = trigger.get_next_fire_time(None, now)
    assert first == datetime(2027, 1, 5, 18, tzinfo=UTC)
    assert trigger.get_next_fire_time(first, now + timedelta(days=60)) is None
