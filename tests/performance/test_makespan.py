"""The bound the makespan is measured against is one: no schedule within the limits is shorter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.makespan import WINDOW, lower_bound
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]


def as_soon_as_allowed(lengths: list[float], at_once: int, per_minute: int) -> float:
    """When the last of these renders ends, each begun in this order as soon as both limits allow."""
    starts: list[float] = []
    ends: list[float] = []
    for length in lengths:
        now = starts[-1] if starts else 0.0
        open_ = sorted(end for end in ends if end > now)
        if len(open_) >= at_once:
            now = open_[-at_once]
        if len(starts) >= per_minute:
            now = max(now, starts[-per_minute] + WINDOW)
        starts.append(now)
        ends.append(now + length)
    return max(ends)


@given(
    st.lists(st.sampled_from([1.0, 2.0, 4.0, 30.0, 90.0]), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(1, 9),
)
def test_no_order_is_faster_than_the_bound(lengths: list[float], at_once: int, per_minute: int) -> None:
    assert as_soon_as_allowed(lengths, at_once, per_minute) >= lower_bound(lengths, at_once, per_minute) - 1e-9


def test_the_bound_is_reached_where_nothing_is_lost() -> None:
    assert lower_bound([3.0] * 20, 5, 100) == as_soon_as_allowed([3.0] * 20, 5, 100) == 12.0
    assert lower_bound([3.0] * 21, 100, 10) == as_soon_as_allowed([3.0] * 21, 100, 10) == 123.0


def test_it_runs_in_small_and_no_create_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks.makespan", "--renders", "3", "--only", "reelwork"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    row = next(line for line in ended.stdout.splitlines() if line.startswith("reelwork "))
    assert row.split()[1:3] == ["3", "0"]


def test_downloads_are_measured_in_small() -> None:
    command = [sys.executable, "-m", "benchmarks.downloads", "--megabytes", "3", "--rounds", "1"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "reelwork's most resident memory:" in ended.stdout
