"""Several servers on one store, and one that is killed while it fires."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("server_process.py")


def started(place: Any, begin: float, step: float, count: int, kill_at: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(place.folder / "store.db"), str(begin), str(step), str(count)]
    process = subprocess.Popen(
        [*command, kill_at], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=place.folder
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def together(place: Any, servers: int, firings: int) -> list[list[str]]:
    """Let so many servers look at each of these times, all at once; returns what each has fired."""
    place.add(cron="* * * * *", overlap="allow")
    processes = [started(place, place.now + 60, 60, firings) for _ in range(servers)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [process.communicate(timeout=600)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * servers
    return found


def check_each_fired_once(place: Any, found: list[list[str]], firings: int) -> None:
    keys = [key for one in found for key in one]
    assert sorted(keys) == sorted(place.told())
    assert len(keys) == firings
    assert set(place.told().values()) == {"fired"}
    runs = [row.run_id for row in place.jobs()]
    assert len(runs) == len(set(runs)) == firings


def test_of_two_servers_each_time_is_fired_by_one(place: Any) -> None:
    found = together(place, 2, 8)
    check_each_fired_once(place, found, 8)


@pytest.mark.slow
def test_of_two_servers_each_of_a_thousand_times_is_fired_by_one(place: Any) -> None:
    found = together(place, 2, 1000)
    check_each_fired_once(place, found, 1000)
    assert all(found), "one of them has fired nothing: they did not work at the same time"


@pytest.mark.parametrize(
    "kill_at",
    [
        "INSERT INTO runs",
        pytest.param("INSERT INTO slots", marks=pytest.mark.slow),
        pytest.param("INSERT INTO jobs", marks=pytest.mark.slow),
        pytest.param("COMMIT", marks=pytest.mark.slow),
    ],
)
def test_killed_between_key_and_commit_nothing_is_there_and_the_next_server_fires_it(
    place: Any, kill_at: str
) -> None:
    place.add()
    nine = place.at("2026-11-30T09:00")
    process = started(place, nine, 60, 1, kill_at)
    process.communicate("go\n", timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert place.told() == {}
    assert place.jobs() == []
    assert [slot.state for slot in place.looks(nine + 30)] == ["fired"]
    assert place.looks(nine + 60) == []
    assert len(place.jobs()) == 1
