"""A bounded form of the liar, and the proof that it finds what is broken; `make liar` runs the long form."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import liar_mutants
from liar_history import LOST, POSTS, RENDERS, Event, History, Launch, Work, histories
from liar_judge import Tally, judge
from liar_loop import VirtualLoop
from liar_net import Fate
from liar_play import play
from liar_process import WorldClock
from liar_real import QUICK, RealHistory, Run, play_really
from liar_traits import Lie, Personality
from liar_world import played

from reelwork.clock import clock_of
from reelwork.testing.clips import write_video

SEED = 1
WORLDS = 6
ARRIVED, NEVER = LOST
REFUSED_FOR_NOW = Fate(busy=True)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of lines about what went wrong on purpose help nobody."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("connections", [RENDERS, POSTS], ids=["renders", "posts"])
def test_no_liar_makes_us_pay_or_post_twice(connections: tuple[str, ...]) -> None:
    play(histories(connections=connections), Tally(), worlds=WORLDS, fixed=SEED, shrink=False)


@pytest.mark.parametrize("connection", ["list", "compares"])
def test_different_videos_with_one_caption_are_not_taken_for_each_other(connection: str) -> None:
    # The list shows captions alone. One post of the short video never arrived; all those of the long one did.
    short, long = (ARRIVED, NEVER, ARRIVED), (ARRIVED, ARRIVED, ARRIVED)
    steps = (Launch((0,) * 5, 4, 1, short), Event("kill", 0), Launch((0, 0), 8, 1, long), Work(0, 1.0))
    with played(History(Personality(()), 1, 4, connection, steps)) as world:
        verdict = judge(world)
    assert verdict.doubles == ()
    assert verdict.held > 0


@pytest.mark.parametrize("connection", ["sora", "sora as main"])
def test_what_another_server_made_under_an_equal_id_hides_nothing(connection: str) -> None:
    # Both servers number their renders from one, and are paid with one key. Ours there is the third at either.
    at_the_first = (Launch((4, 3, 0, 7, 6, 0), 4, 1, (REFUSED_FOR_NOW, REFUSED_FOR_NOW, NEVER)), Work(0, 40.0))
    answers = (REFUSED_FOR_NOW, ARRIVED, NEVER, ARRIVED, REFUSED_FOR_NOW, NEVER, Fate(refused=True), NEVER)
    moved = (Launch((0, 4, 0), 4, 1, answers), Event("edit", "server"))
    last = Launch((6, 6, 7, 9, 5, 0, 1, 9), 8, 1, (Fate(), NEVER, ARRIVED, ARRIVED))
    with played(History(Personality(()), 2, 4, connection, (*at_the_first, *moved, last))) as world:
        verdict = judge(world)
    assert verdict.doubles == ()


def test_an_id_that_is_given_out_anew_proves_nothing() -> None:
    who = Personality((Lie("restart", "keeps, ids begin again"),))
    steps = (Event("restart"), Launch((0,), 4, 1, (ARRIVED,)), Work(0, 5.0), Launch((-1,), 4, 1, ()), Work(0, 60.0))
    with played(History(who, 2, 4, "list", steps)) as world:
        verdict = judge(world)
    assert verdict.doubles == ()
    assert verdict.held > 0


@pytest.mark.parametrize("connection", ["sora", "compares", "list", "key"])
def test_a_faithful_server_with_a_control_asks_nobody(connection: str) -> None:
    fates = (ARRIVED, NEVER, ARRIVED, NEVER)
    lies = (Lie("keys", "honoured for 48 h"),) if connection == "key" else ()
    # What is made afterwards shows that the list is newer than what is looked for.
    steps = (Launch((0, 3, 5, 7), 4, 1, fates), Work(0, 60.0), Launch((-2,), 4, 1, ()), Work(0, 60.0))
    with played(History(Personality(lies), 1, 4, connection, steps)) as world:
        verdict = judge(world)
    assert (verdict.jobs, verdict.done, verdict.lost) == (6, 6, 4)
    assert (verdict.doubles, verdict.faults) == ((), ())


@pytest.mark.parametrize("connection", ["sora", "list", "compares"])
def test_what_an_equal_request_made_is_no_sign_that_the_list_hid_something(connection: str) -> None:
    # The first was sent again. The second asks for the same, and what it made is listed and belongs to nobody yet.
    later = (Launch((-2,), 4, 1, ()), Work(0, 130.0))
    steps = (
        Launch((6,), 4, 1, (NEVER,)), Work(0, 60.0), *later,
        Launch((6,), 4, 1, (ARRIVED,)), Work(0, 60.0),
        Launch((0,), 4, 1, (NEVER,)), Work(0, 60.0), *later,
    )  # fmt: skip
    with played(History(Personality(()), 2, 4, connection, steps)) as world:
        verdict = judge(world)
    assert (verdict.jobs, verdict.done, verdict.doubles) == (7, 7, ())


@pytest.mark.parametrize("served", [False, True], ids=["commands", "servers"])
def test_a_killed_process_and_a_list_in_lower_case_pay_once(tmp_path: Path, served: bool) -> None:
    film = write_video(tmp_path / "film.mp4", seconds=4.0, width=1280, height=720, fps=24).read_bytes()
    who = Personality((QUICK, Lie("prompt", "lower case")))
    runs = (Run(kill_at=2, before=False), Run(kill_at=None, before=False))
    verdict = play_really(RealHistory(who, (0, 3, 9), (ARRIVED, NEVER, ARRIVED), runs, served=served), film)
    assert verdict.killed == 1, verdict.output
    assert verdict.creates > 1, verdict.output
    assert verdict.doubles == (), verdict.output


def test_a_step_of_the_wall_clock_leaves_the_boot_clock_alone_and_a_reboot_does_not() -> None:
    loop = VirtualLoop()
    clock = WorldClock(loop, 1e9)
    seen = clock_of(clock)
    before, wall = seen.now(), seen.wall()
    clock.skew += 7200
    passed = before.until(seen.now())
    assert passed is not None
    assert passed < 1
    assert seen.wall() - wall > 7000
    clock.reboot()
    assert before.until(seen.now()) is None
    loop.close()


@pytest.mark.parametrize("scene", liar_mutants.SCENES, ids=[one.mistake.__name__ for one in liar_mutants.SCENES])
def test_a_mistake_built_in_on_purpose_is_found(scene: liar_mutants.Scene) -> None:
    with played(scene.history) as world:
        sound = judge(world)
    with scene.mistake(), played(scene.history) as world:
        mistaken = judge(world)
    assert (sound.doubles, sound.faults) == ((), ())
    assert mistaken.doubles or mistaken.faults
