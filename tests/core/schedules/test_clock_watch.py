"""The clock of the machine is set, and schedules do not fire by a time that may be wrong."""

from __future__ import annotations

from reelwork.schedules.clock_watch import ClockWatch


def test_time_that_passes_and_slow_drift_are_believed() -> None:
    watch = ClockWatch()
    for minute in range(600):
        # Two seconds an hour would add up to a step.
        assert watch.trusts(1000.0 + minute * 60.5, minute * 60.0)


def test_set_forward_nothing_fires_for_ten_minutes_and_then_it_is_believed() -> None:
    watch = ClockWatch()
    assert watch.trusts(1000.0, 0.0)
    assert not watch.trusts(1000.0 + 3600 + 10, 10.0)
    assert not watch.trusts(1000.0 + 3600 + 600, 600.0)
    assert watch.trusts(1000.0 + 3600 + 611, 611.0)


def test_set_right_again_it_is_believed_at_once() -> None:
    watch = ClockWatch()
    assert watch.trusts(1000.0, 0.0)
    assert not watch.trusts(1000.0 + 86_400, 0.0)
    assert watch.trusts(1030.0, 30.0)


def test_set_twice_the_ten_minutes_begin_again() -> None:
    watch = ClockWatch()
    assert watch.trusts(1000.0, 0.0)
    assert not watch.trusts(1000.0 + 3600, 0.0)
    assert not watch.trusts(1000.0 + 7200 + 500, 500.0)
    assert not watch.trusts(1000.0 + 7200 + 700, 700.0)
    assert watch.trusts(1000.0 + 7200 + 1101, 1101.0)


def test_set_back_it_is_believed_at_once() -> None:
    watch = ClockWatch()
    assert watch.trusts(10_000.0, 0.0)
    assert watch.trusts(5_000.0, 1.0)
