"""Scenes in which a broken part shows that a random walk meets too seldom. Hypothesis found and shrank them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from soak_machine import Soak
from soak_mutants import ForgetsToSettle, TakesAnothersMatch


def _add(state: Soak, *faults: str) -> None:
    state.add_jobs(kind="key", text="a fox", count=1, destinations=(), limits="none", faults=list(faults))


def a_late_arrival(state: Soak) -> None:
    """A request arrives after its sender has stopped waiting, and after somebody could have looked."""
    _add(state, "late")
    state.work(number=0, rounds=2, seconds=0.0)


def a_stuck_and_a_sleeping_sender(state: Soak) -> None:
    """Two alike are asked for by senders that cannot be told apart from dead ones by their listing alone."""
    state.outage_begins_or_ends(number=0)
    _add(state, "stuck thread")
    state.work(number=0, rounds=1, seconds=0.0)
    state.cancel(number=0)
    _add(state)
    state.things_go_wrong(faults=["lost after"], number=1)
    state.sleep_beyond_the_lease(nth=1, number=0, point="before commit", rounds=2, wakes=False)


def played(machine: type[Soak], scene: Callable[[Soak], None]) -> None:
    """Play a scene to its end. Raises what the judge says."""
    state: Any = machine()
    try:
        scene(state)
        state.judged()
    finally:
        state.teardown()


SCENES: Mapping[type[Any], Callable[[type[Soak]], None]] = {
    ForgetsToSettle: partial(played, scene=a_late_arrival),
    TakesAnothersMatch: partial(played, scene=a_stuck_and_a_sleeping_sender),
}
