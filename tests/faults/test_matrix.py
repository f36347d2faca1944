"""A bounded form of the fault matrix; `make faults` runs all of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import matrix


@pytest.fixture(scope="module")
def lab() -> Iterator[Any]:
    with matrix.open_lab() as opened:
        yield opened


@pytest.mark.parametrize(
    ("number", "scene"), list(enumerate(matrix.SCENES)), ids=[f"{s.submit}, {s.publish}" for s in matrix.SCENES]
)
def test_killed_anywhere_pays_and_posts_once(lab: Any, number: int, scene: Any) -> None:
    count = matrix.Count()
    matrix.kill_everywhere(lab, scene, count, every=16, offset=number)
    assert count.points >= 3
    assert count.clean, "\n".join([str(count), *count.unexplained])


@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_on_one_store_pay_and_post_once(lab: Any, processes: int) -> None:
    count = matrix.Count()
    for at in (4, 11):
        matrix.kill_among(lab, matrix.Scene("answer lost", "answer lost"), count, processes, at)
    assert count.clean, "\n".join([str(count), *count.unexplained])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_paused_beyond_its_lease_changes_nothing(lab: Any, when: str) -> None:
    count = matrix.Count()
    for at in (5, 9):
        matrix.pause_everywhere(lab, matrix.Scene(), count, at, when)
    assert count.points > 0
    assert count.clean, "\n".join([str(count), *count.unexplained])
