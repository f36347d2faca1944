"""The simulated Discord, and what its log and its messages tell of what was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.plugins.publishers.bench import SimulatedNetwork

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.discord.channel import HOOKS, Channel, Message
from reelwork_plugins.simulator.networks.discord.handlers import Discord
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN

TOKEN = OPEN_TOKEN
TEXT, FORUM = HOOKS


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def messages(self) -> list[Message]:
        network = self.simulator.simulation.network
        assert isinstance(network, Discord)
        return network.channel.posted()

    def webhook(self, id_: str = TEXT.id) -> str:
        return f"{self.url}/api/webhooks/{id_}/{TOKEN}"

    def the_post(self) -> dict[str, Any]:
        """The one request for a post: its query, its files and its message."""
        [one] = self.requests()
        fields = dict(one["fields"])
        return {"query": one["query"], "payload": json.loads(fields.pop("payload_json")), "files": fields}


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="discord", rate_limits=False)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Discord)
    played.channel = Channel()
    shared.set_faults([])
    shared.simulation.log.clear()
    return Network(shared)
