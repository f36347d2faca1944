"""The liar as Mastodon, YouTube, fal and Kling, with the plugins for them; `make liar` runs the long form."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import liar_careless
from liar_history import LOST, PLAYED, Event, History, Launch, Work, served
from liar_judge import Tally, judge
from liar_mutants import Scene
from liar_play import play
from liar_traits import Lie, Personality
from liar_values import CREATES
from liar_world import played

SEED = 1
WORLDS = 3
ARRIVED, NEVER = LOST


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("connection", [one for each in PLAYED.values() for one in dict.fromkeys(each)])
def test_no_service_that_lies_makes_us_pay_or_post_twice(connection: str) -> None:
    tally = Tally()
    play(served(connection), tally, worlds=WORLDS, fixed=SEED, shrink=False)
    assert tally.total["lost"] > 0
    assert tally.total["doubles"] == 0


@pytest.mark.parametrize("connection", ["mastodon", "mastodon with keys", "youtube", "fal", "kling"])
def test_a_faithful_service_with_a_control_is_believed(connection: str) -> None:
    lost = Launch((0, 3, 5, 7), 4, 1, (ARRIVED, NEVER, ARRIVED, NEVER))
    steps = (lost, Work(0, 60.0), Launch((-2,), 4, 1, ()), Work(0, 60.0))
    with played(History(Personality(), 1, 4, connection, steps)) as world:
        verdict = judge(world)
    # What fal's list does not show may be on its way for long: it is never sent again.
    held = 2 if connection == "fal" else 0
    assert (verdict.jobs, verdict.done, verdict.held, verdict.lost) == (6, 6 - held, held, 4)
    assert (verdict.doubles, verdict.faults) == ((), ())


def test_the_list_tells_of_uploads_whose_sessions_are_gone() -> None:
    gone = (Lie("a session that has made its video", "is gone"), Lie("a session that waits", "is gone"))
    # After a reboot the age of a key is not known: the posts are looked up. One of them never arrived.
    steps = (
        Launch((0, 1, 5), 4, 1, (ARRIVED, ARRIVED, NEVER, NEVER)),
        Work(0, 3.0),
        Event("reboot"),
        Work(0, 400.0),
    )
    with played(History(Personality(gone), 1, 4, "youtube", steps)) as world:
        verdict = judge(world)
        listed = world.servers[0].asked[f"GET {CREATES}"]
    assert listed > 0
    assert (verdict.jobs, verdict.done, verdict.lost) == (4, 3, 3)
    assert verdict.doubles == ()


@pytest.mark.parametrize(
    "scene",
    liar_careless.SCENES,
    ids=[f"{one.connection}-{one.mistake.__name__}" for one in liar_careless.SCENES],
)
def test_a_mistake_at_a_service_is_found(scene: Scene) -> None:
    with played(scene.history) as world:
        sound = judge(world)
    with scene.mistake(), played(scene.history) as world:
        mistaken = judge(world)
    assert (sound.doubles, sound.faults) == ((), ())
    assert mistaken.doubles
