"""The protocols and networks that the simulator plays, a module each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from starlette.routing import Route

    from reelwork_plugins.simulator.dialects import Dialect
    from reelwork_plugins.simulator.settings import SimulatorSettings
    from reelwork_plugins.simulator.simulation import Simulation


class Played(Protocol):
    """The contents of a protocol's or a network's module."""

    def routes(self, sim: Simulation) -> list[Route]:
        """Return its routes."""
        ...

    def row(self, settings: SimulatorSettings) -> Dialect:
        """Return the row of its facts, by which unknown addresses are answered."""
        ...

    def welcome(self, settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
        """Return the lines for the person who started it: where it is, and how a workflow gets there."""
        ...


def played(settings: SimulatorSettings) -> Played:
    """Return the module of what is played."""
    # Loaded when it is played: the command and the settings need the names only.
    place = f"networks.{settings.network}" if settings.network else settings.protocol
    return cast("Played", import_module(f"reelwork_plugins.simulator.{place}"))
