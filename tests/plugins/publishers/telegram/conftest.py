"""The simulated Telegram, and what its log and its messages tell of what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.plugins.publishers.bench import SimulatedNetwork

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.telegram.chats import Chats, Message
from reelwork_plugins.simulator.networks.telegram.handlers import TOKEN as TOKEN
from reelwork_plugins.simulator.networks.telegram.handlers import Telegram

PUBLIC, PRIVATE, GROUP = "-1009000000001", "-1009000000002", "-1009000000003"


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def messages(self) -> list[Message]:
        network = self.simulator.simulation.network
        assert isinstance(network, Telegram)
        return network.chats.posted()

    def the_post(self) -> dict[str, Any]:
        """The fields of the one request for a post."""
        [one] = self.requests()
        return dict(one["fields"])


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="telegram", rate_limits=False)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Telegram)
    played.chats = Chats()
    shared.set_faults([])
    shared.simulation.log.clear()
    return Network(shared)
