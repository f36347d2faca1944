"""A bounded form of the storm, and the proof that it finds what is broken; `make storm` runs the long form."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import storm
from storm_plan import Act, Weather

SEED = 5
LOST_ANSWERS = (
    Act(0, "provider", 0, ("create:accept-then-drop*6",)),
    Act(0, "wall", 0, ("accept-then-drop",) * 6),
)


@pytest.mark.parametrize("number", range(2))
def test_processes_treated_at_random_pay_and_post_once(number: int) -> None:
    story = storm.play(number, SEED, jobs=(12, 16), seconds=1.5)
    assert not story.verdict.wrong, "\n".join([str(story), *story.verdict.wrong])
    assert story.happened["kills"] + story.happened["pauses"] > 0
    assert story.verdict.accepted > 0


def test_a_provider_and_a_network_of_another_kind_pay_and_post_once() -> None:
    story = storm.play(0, SEED, jobs=(6, 8), seconds=1.0, sky={"dialect": "fal", "wall": "mastodon"})
    assert not story.verdict.wrong, "\n".join([str(story), *story.verdict.wrong])
    assert story.verdict.accepted > 0


def test_a_broken_ledger_is_found() -> None:
    weather = Weather(
        dialect="sora",
        wall="LOOKUP",
        prompts=tuple(f"A quiet harbour at dawn with boat {at}" for at in range(12)),
        lease=0.5,
        render_seconds=0.1,
        budget=None,
        concurrent=None,
        per_minute=None,
        warm=False,
    )
    story = storm.play(0, SEED, broken="SendsAgainBlindly", script=(weather, LOST_ANSWERS))
    assert story.verdict.duplicates
    assert any("paid twice" in line for line in story.verdict.wrong)
    shutil.rmtree(story.kept)
