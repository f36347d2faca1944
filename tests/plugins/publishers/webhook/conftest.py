"""The simulated receiver of webhooks, and what its log and its posts tell of what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.bench import SimulatedNetwork

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.webhook.handlers import OPEN_SECRET, WebhookReceiver
from reelwork_plugins.simulator.networks.webhook.inbox import Got, Inbox

SECRET = OPEN_SECRET


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The receiver, and what it has been asked."""

    @property
    def url(self) -> str:
        return f"{self.simulator.base_url}/posts"

    @property
    def played(self) -> WebhookReceiver:
        network = self.simulator.simulation.network
        assert isinstance(network, WebhookReceiver)
        return network

    @property
    def got(self) -> list[Got]:
        return self.played.inbox.posts

    def settings(self, **changes: Any) -> Mapping[str, Any]:
        return {"url": self.url, "secret": "env:WEBHOOK_SECRET", "private": True, **changes}

    @property
    def lookup(self) -> str:
        return f"{self.url}/{{id}}"


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="webhook")) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network(shared)
    found.played.inbox = Inbox()
    shared.set_faults([])
    shared.simulation.log.clear()
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    return found


def written_secret(folder: Path) -> str:
    """Write the secret into a file, and return its reference."""
    (folder / "webhook.secret").write_text(SECRET)
    return f"file:{folder / 'webhook.secret'}"
