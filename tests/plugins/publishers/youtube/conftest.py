"""The simulated YouTube, and what its log and its videos tell of what was sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.plugins.publishers.bench import SimulatedNetwork

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN
from reelwork_plugins.simulator.networks.youtube.channel import Channels, Fate, Session, Video
from reelwork_plugins.simulator.networks.youtube.handlers import Youtube

TOKEN = OPEN_TOKEN


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def channels(self) -> Channels:
        network = self.simulator.simulation.network
        assert isinstance(network, Youtube)
        return network.channels

    @property
    def sessions(self) -> dict[str, Session]:
        return self.channels.sessions

    @property
    def videos(self) -> dict[str, Video]:
        return self.channels.videos

    def posted(self) -> bytes:
        """The bytes of the one video."""
        [video] = self.videos.values()
        return video.path.read_bytes()

    def waits_for_late_work(self) -> None:
        """Wait until what was to be done later is done, as long as a slow machine may take."""
        ends = time.monotonic() + 20
        while self.simulator.simulation.has_late_work and time.monotonic() < ends:
            time.sleep(0.02)

    def process(self, rejection: str = "", **status: Any) -> None:
        """End the processing of all videos."""
        for id_, video in self.videos.items():
            asked = {**video.asked, **status}
            self.videos[id_] = replace(video, fate=Fate(0, rejection=rejection), asked=asked)


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="youtube", render_seconds=3600)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Youtube)
    played.channels = Channels()
    shared.set_faults([])
    shared.simulation.log.clear()
    return Network(shared)
