"""A bounded form of the random soak, and the proof that it finds what is broken; `make soak` runs the long form."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import soak
import soak_machine
import soak_mutants
import soak_scripts

SEED = 3
WORLDS = 60
AT_MOST = 400
"""Worlds in which a broken part must show; most do in the first few."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of lines about what went wrong on purpose help nobody."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("machine", [soak_machine.Soak, soak_machine.Alike])
def test_whatever_happens_nothing_is_paid_or_posted_twice(machine: Any) -> None:
    soak.soak(machine, worlds=WORLDS, steps=40, shrink=False, fixed=SEED)


@pytest.mark.parametrize("part", soak_mutants.ALL, ids=lambda part: part.__name__)
def test_a_broken_part_is_found(part: Any) -> None:
    walk = partial(soak.soak, worlds=AT_MOST, steps=40, shrink=False, fixed=SEED)
    look = soak_scripts.SCENES.get(part, walk)
    with pytest.raises(AssertionError):
        look(soak_mutants.broken(part))


@pytest.mark.parametrize("play", soak_scripts.SCENES.values(), ids=[part.__name__ for part in soak_scripts.SCENES])
def test_what_shows_a_broken_part_is_nothing_to_a_sound_one(play: Any) -> None:
    play(soak_machine.Soak)
