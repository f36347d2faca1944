"""`instagram` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.publishers.instagram.conftest import account

from reelwork.testing import Counterpart, PublisherConformance
from reelwork_hooks import Credentials
from reelwork_plugins.simulator import SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.instagram.handlers import Instagram


class TestInstagram(PublisherConformance):
    name = "instagram"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public", "duration": 4}
    every = 4

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        settings = SimulatorSettings(network="instagram", render_seconds=0, rate_limits=False)
        with run_simulator(settings) as simulator:
            network = simulator.simulation.network
            assert isinstance(network, Instagram)
            # The suite's video has one second.
            network.shortest = 0.0
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {}

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        return {"instagram": account(url, "facebook")}
