"""Every publisher at its network: lost answers and refused tokens at each request, and videos that cannot be used.

The kill matrix has these as scenes for every side (`make networks`). Here each is played once, and what the table
says is compared with what the plugins ask.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import lab as faults
from side_faults import EVERYTHING, NOT_ASKED, UNUSABLE, WITHOUT_PROCESSING, lost, refused
from sides import SIDES, NetworkSide

from reelwork.plugins.catalog import Catalog

ELSEWHERE = {
    "bluesky": "tests/services/bluesky/test_every_request.py",
    "gallery": "",
}
"""The publishers that no side plays, and the file that shows the same of them; `gallery` sends no requests."""


def played(name: str) -> NetworkSide:
    side = SIDES[name]()
    assert isinstance(side, NetworkSide)
    return side


def test_every_publisher_is_at_a_network_or_shown_elsewhere() -> None:
    catalog = Catalog()
    publishers = {name for name in catalog.names() if "publish" in catalog.get(name).hooks}
    with_sides = {name.partition("-")[0] for name in SIDES}
    assert publishers == with_sides | set(ELSEWHERE)
    assert not with_sides & set(ELSEWHERE)
    for place in filter(None, ELSEWHERE.values()):
        assert (Path(__file__).parents[2] / place).exists()


@pytest.mark.parametrize("name", SIDES)
def test_each_request_may_lose_its_answer_or_its_token_once(name: str) -> None:
    scene = faults.Scene(publish=EVERYTHING)
    with faults.open_lab("videos", name) as lab, lab.folder(scene) as folder:
        side, count = lab.side, faults.Count()
        assert isinstance(side, NetworkSide)
        lab.finish(folder)
        lab.judge(folder, scene, name, count)
        asked = {entry["operation"] for entry in side.simulator.simulation.log.entries()}
        idle = lab.idle()
    assert count.clean, "\n".join([str(count), *count.unexplained])
    assert count.posts > 0
    # The table has each request that the plugin sends, and scenes for each.
    assert asked <= set(side.operations)
    assert {of(one) for one in side.operations for of in (lost, refused)} <= set(side.faults)
    assert not idle
    assert not set(side.operations) & set(NOT_ASKED.get(name, ()))


@pytest.mark.parametrize("name", SIDES)
def test_a_video_that_the_network_accepts_and_cannot_use_is_posted_at_most_once(name: str) -> None:
    if name in WITHOUT_PROCESSING:
        pytest.skip(WITHOUT_PROCESSING[name])
    scene, count = faults.Scene(publish=UNUSABLE), faults.Count()
    with faults.open_lab("videos", name) as lab, lab.folder(scene) as folder:
        lab.finish(folder)
        lab.judge(folder, scene, name, count)
        assert not lab.idle()
    assert count.clean, "\n".join([str(count), *count.unexplained])
