"""The simulated Mastodon, and what its log and its posts tell of what was sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from tests.plugins.publishers.bench import SimulatedNetwork

from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.mastodon.handlers import Mastodon
from reelwork_plugins.simulator.networks.mastodon.instance import Instance
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN

TOKEN = OPEN_TOKEN
STATUSES, UPLOADS = "/api/v1/statuses", "/api/v2/media"


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The instance, and what it has been asked."""

    @property
    def instance(self) -> Instance:
        network = self.simulator.simulation.network
        assert isinstance(network, Mastodon)
        return network.instance

    def log(self) -> list[str]:
        """The ids of all posts, oldest first."""
        return [post["id"] for post in self.simulator.posts()]

    def uploads(self) -> list[dict[str, Any]]:
        return [one["fields"] for one in self.simulator.requests(UPLOADS)]

    def waits_for_posts(self, count: int) -> None:
        """Wait until so many are there, as long as a slow machine may take."""
        ends = time.monotonic() + 20
        while len(self.log()) < count and time.monotonic() < ends:
            time.sleep(0.02)

    def ends_its_look(self) -> None:
        """Let it have looked at all uploads."""
        self.instance.media.update({id_: replace(one, ready_at=0) for id_, one in self.instance.media.items()})


def crowd(url: str, count: int = 50) -> list[str]:
    """More posts with pictures of the same person than fit on a page, by another program."""
    made = []
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=30) as client:
        for number in range(count):
            picture = {"file": ("dot.gif", b"GIF89a", "image/gif")}
            media = client.post(UPLOADS, files=picture).raise_for_status().json()["id"]
            body = {"status": f"Another one, {number}", "media_ids": [media]}
            made.append(client.post(STATUSES, json=body).raise_for_status().json()["id"])
    return made


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    # Without its limits: the tests of a module upload more than thirty videos in half an hour.
    with run_simulator(SimulatorSettings(network="mastodon", render_seconds=0, rate_limits=False)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Mastodon)
    played.instance = Instance()
    shared.set_faults([])
    shared.simulation.log.clear()
    return Network(shared)
