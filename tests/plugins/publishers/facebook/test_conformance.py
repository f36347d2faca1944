"""`facebook` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.publishers.facebook.conftest import SMALL_PIECE, account

from reelwork.testing import Counterpart, PublisherConformance
from reelwork_hooks import Credentials, Post
from reelwork_plugins.publishers.facebook import Facebook
from reelwork_plugins.simulator import SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.facebook.handlers import Facebook as Played


class Reels(Facebook):
    """Takes the suite's video, which has one second, for a reel."""

    def kind(self, post: Post) -> str:
        return "reel"


class Suite(PublisherConformance):
    """The suite at the simulator."""

    name = "facebook"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        settings = SimulatorSettings(network="facebook", render_seconds=0, rate_limits=False)
        with run_simulator(settings) as simulator:
            network = simulator.simulation.network
            assert isinstance(network, Played)
            network.any_reel, network.piece = True, SMALL_PIECE
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {}

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        return {"facebook": account(url)}


class TestReels(Suite):
    plugin = Reels
    every = 4


class TestVideos(Suite):
    every = 6
