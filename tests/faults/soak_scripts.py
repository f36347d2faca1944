"""Scenes in which a broken part shows that a random walk meets too seldom. Hypothesis found and shrank them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from soak_machine import Soak
from soak_mutants import BelievesAnyList, BelievesOldLists, BelievesThePausedDead, ForgetsToSettle
from soak_world import SETTLE, SHORT


def _add(state: Soak, text: str, *faults: str) -> None:
    state.add_jobs(kind="lookup", text=text, count=1, destinations=(), limits="none", faults=list(faults))


def _warmed(state: Soak) -> None:
    """Something is known to be there, from before all that follows."""
    state.begin(warm=True)


def _listing(state: Soak, listing: str) -> None:
    side = state.world.providers["lookup"]
    side.listing, side.frozen_at = listing, state.world.clock()


def _made_later(state: Soak) -> None:
    _add(state, "a crab")
    state.work(number=0, rounds=2, seconds=0.0)


def a_late_arrival(state: Soak) -> None:
    """A request arrives after its sender has stopped waiting, and after somebody could have looked."""
    _warmed(state)
    _add(state, "a fox", "late")
    state.work(number=0, rounds=1, seconds=0.0)
    _made_later(state)
    state.work(number=0, rounds=6, seconds=1.0)


def a_stuck_and_a_sleeping_sender(state: Soak) -> None:
    """Two alike are asked for by senders that cannot be told apart from dead ones by their listing alone."""
    _warmed(state)
    _add(state, "a fox", "stuck thread")
    state.work(number=0, rounds=1, seconds=0.0)
    _add(state, "a fox", "lost after")
    state.sleep_beyond_the_lease(nth=1, number=0, point="before commit", rounds=2, wakes=False)
    _add(state, "a crab")
    state.work(number=1, rounds=8, seconds=SETTLE + 1)


def a_list_that_ends_early(state: Soak) -> None:
    """What was made is not among the newest any more, and the list does not say that it goes on."""
    _warmed(state)
    _listing(state, "down")
    _add(state, "a fox", "lost after")
    for _ in range(SHORT):
        state.work(number=0, rounds=1, seconds=0.0)
        _made_later(state)
    _listing(state, "short")
    state.work(number=0, rounds=6, seconds=SETTLE + 1)


def a_list_from_before(state: Soak) -> None:
    """A list is shown as it was before the request was sent."""
    _warmed(state)
    _listing(state, "stale")
    _add(state, "a fox", "lost after")
    state.work(number=0, rounds=1, seconds=0.0)
    _made_later(state)
    state.work(number=0, rounds=6, seconds=SETTLE + 1)


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
    BelievesThePausedDead: partial(played, scene=a_stuck_and_a_sleeping_sender),
    BelievesAnyList: partial(played, scene=a_list_that_ends_early),
    BelievesOldLists: partial(played, scene=a_list_from_before),
}
