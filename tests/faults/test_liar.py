"""A bounded form of the liar, and the proof that it finds what is broken; `make liar` runs the long form."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import liar
from liar_history import LOST, History, Launch, Work, histories
from liar_judge import Tally, judge
from liar_traits import Personality
from liar_world import played

SEED = 1
WORLDS = 60
ARRIVED, NEVER = LOST


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of lines about what went wrong on purpose help nobody."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.xfail(reason="a list that lies is believed: absence is not proved by controls yet", strict=True)
def test_no_liar_makes_us_pay_twice() -> None:
    liar.play(histories(), Tally(), worlds=WORLDS, fixed=SEED, shrink=False)


def test_a_faithful_server_with_a_control_asks_nobody() -> None:
    fates = (ARRIVED, NEVER, ARRIVED, NEVER)
    history = History(Personality(), 1, 4, "sora", (Launch((0, 3, 5, 7), 4, 1, fates), Work(0, 60.0)))
    with played(history) as world:
        verdict = judge(world)
    assert (verdict.jobs, verdict.done, verdict.lost) == (5, 5, 4)
    assert (verdict.doubles, verdict.faults) == ((), ())
