"""A bounded form of the random soak, and the proof that it finds what is broken; `make soak` runs the long form."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import soak
import soak_machine
import soak_mutants

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


@pytest.mark.parametrize(
    "part", [*soak_mutants.ANYWHERE, *soak_mutants.AMONG_ALIKE], ids=lambda part: part.__name__
)
def test_a_broken_part_is_found(part: Any) -> None:
    with pytest.raises(AssertionError):
        soak.soak(soak_mutants.broken(part), worlds=AT_MOST, steps=40, shrink=False, fixed=SEED)
