"""The clock of the machine is set, and schedules do not fire by a time that may be wrong."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from reelwork.clock import UNTRUSTED, Clock, Timeline, Witness
from reelwork.net.addresses import Origin
from reelwork.net.server_time import vouches
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


def test_a_server_that_agrees_ends_the_doubt_and_one_before_does_not() -> None:
    real, ahead = Clock(), 0.0
    witness = Witness()
    watch = ClockWatch(witness=witness)
    line = Timeline(Clock(wall=lambda: real.wall() + ahead), witness)
    witness.agrees()
    assert watch.trusts(real.wall(), real.steady())
    ahead = 3600.0
    line.set(line.error())
    assert not watch.trusts(real.wall() + ahead, real.steady())
    assert 0 < line.doubt <= UNTRUSTED
    witness.agrees()
    assert watch.trusts(real.wall() + ahead, real.steady())
    assert line.doubt == 0
    # Another step is doubted anew.
    ahead += 3600.0
    line.set(line.error())
    assert not watch.trusts(real.wall() + ahead, real.steady())
    assert line.doubt > 0


def test_what_a_server_said_of_the_clock_holds_until_it_is_set() -> None:
    real, set_by = Clock(), 0.0
    witness = Witness()
    watch = ClockWatch(witness=witness)

    def trusts() -> bool:
        return watch.trusts(real.wall() + set_by, real.steady())

    assert trusts()
    assert not watch.is_vouched_for
    witness.agrees()
    assert watch.is_vouched_for
    for step in (-3600.0, 30.0):
        set_by += step
        assert trusts()
        assert not watch.is_vouched_for
        witness.agrees()
        assert trusts()
        assert watch.is_vouched_for
    # Set forward, it is the agreement that ends the doubt.
    set_by += 3600.0
    assert not trusts()
    witness.agrees()
    assert trusts()
    assert watch.is_vouched_for


@pytest.mark.parametrize(
    ("scheme", "host", "off", "headers", "agrees"),
    [
        ("https", "api.example.com", 5, {}, True),
        ("https", "api.example.com", 5, {"age": "0"}, True),
        ("https", "api.example.com", 5, {"age": "3"}, False),
        ("https", "api.example.com", 90, {}, False),
        ("https", "api.example.com", -3600, {}, False),
        ("http", "api.example.com", 0, {}, False),
        ("https", "127.0.0.1", 0, {}, False),
        ("https", "localhost", 0, {}, False),
    ],
)
def test_only_the_clock_of_another_machine_vouches(
    scheme: str, host: str, off: float, headers: dict[str, str], agrees: bool
) -> None:
    now = 1_790_000_000.0
    given = {**headers, "date": formatdate(now + off, usegmt=True)}
    assert vouches(Origin(scheme, host, 443), given, now) is agrees
    assert not vouches(Origin(scheme, host, 443), {"date": "soon"}, now)
