"""A bounded form of the fault matrix; `make faults` runs all of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import lab as faults
import matrix
from sides import SIDES


@pytest.fixture(scope="module")
def lab() -> Iterator[faults.Lab]:
    with faults.open_lab() as opened:
        yield opened


@pytest.mark.parametrize(
    ("number", "scene"), list(enumerate(faults.SCENES)), ids=[f"{s.submit}, {s.publish}" for s in faults.SCENES]
)
def test_killed_anywhere_pays_and_posts_once(lab: faults.Lab, number: int, scene: faults.Scene) -> None:
    count = faults.Count()
    for point in matrix.spread(lab.points(scene), samples=2, offset=number):
        matrix.kill_at(lab, scene, count, point)
    assert count.points >= 2
    assert count.clean, "\n".join([str(count), *count.unexplained])


@pytest.mark.parametrize("scene", faults.COLD_SCENES, ids=lambda scene: f"{scene.submit}, {scene.publish}")
def test_killed_anywhere_with_nothing_known_there_holds_what_cannot_be_told(
    lab: faults.Lab, scene: faults.Scene
) -> None:
    count = faults.Count()
    for point in matrix.spread(lab.points(scene), samples=2, offset=1):
        matrix.kill_at(lab, scene, count, point)
    assert count.points >= 2
    assert count.clean, "\n".join([str(count), *count.unexplained])


@pytest.mark.parametrize("protocol", ["fal", "kling"])
def test_killed_anywhere_pays_once_where_less_is_listed(protocol: str) -> None:
    count = faults.Count()
    scene = faults.Scene("answer lost")
    with faults.open_lab(protocol) as lab:
        for point in matrix.spread(lab.points(scene), samples=1, offset=3):
            matrix.kill_at(lab, scene, count, point)
    assert count.points >= 1
    assert count.clean, "\n".join([str(count), *count.unexplained])


@pytest.mark.parametrize(("number", "network"), list(enumerate(SIDES)))
def test_killed_anywhere_posts_once_at_a_network(number: int, network: str) -> None:
    count = faults.Count()
    scene = faults.Scene(publish="answer lost")
    with faults.open_lab("videos", network) as lab:
        for point in matrix.spread(lab.points(scene), samples=1, offset=20 + number):
            matrix.kill_at(lab, scene, count, point)
    assert count.points == 1
    assert count.posts > 0
    assert count.clean, "\n".join([str(count), *count.unexplained])


def test_a_server_that_is_killed_or_paused_anywhere_pays_and_posts_once() -> None:
    count, scene = faults.Count(), faults.Scene("answer lost", "answer lost")
    with faults.open_lab(driver="serve_case.py") as lab:
        points = lab.points(scene)
        for point in matrix.spread(points, samples=2, offset=5):
            matrix.kill_at(lab, scene, count, point)
        matrix.kill_among(lab, scene, count, matrix.spread(points, samples=1, offset=12)[0], 2)
        matrix.pause_at(lab, scene, count, matrix.spread(points, samples=1, offset=9)[0])
    assert count.points >= 3
    assert count.posts > 0
    assert count.clean, "\n".join([str(count), *count.unexplained])


@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_on_one_store_pay_and_post_once(lab: faults.Lab, processes: int) -> None:
    count = faults.Count()
    for point in (faults.Point("commit", 4, "after"), faults.Point("request", 2, "sent")):
        matrix.kill_among(lab, faults.Scene("answer lost", "answer lost"), count, point, processes)
    assert count.clean, "\n".join([str(count), *count.unexplained])


@pytest.mark.parametrize(
    "point",
    [
        faults.Point("commit", 5, "before"),
        faults.Point("commit", 9, "after"),
        faults.Point("request", 1, "sent"),
        faults.Point("request", 3, "sent"),
    ],
    ids=str,
)
def test_a_process_paused_beyond_its_lease_changes_nothing(lab: faults.Lab, point: faults.Point) -> None:
    count = faults.Count()
    matrix.pause_at(lab, faults.Scene(), count, point)
    assert count.points > 0
    assert count.clean, "\n".join([str(count), *count.unexplained])
