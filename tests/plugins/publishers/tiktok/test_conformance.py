"""`tiktok` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.publishers.tiktok.conftest import account

from reelwork.testing import Counterpart, PublisherConformance
from reelwork_hooks import Credentials, Job, Post
from reelwork_plugins.publishers.tiktok import Tiktok
from reelwork_plugins.simulator import SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tiktok.handlers import Tiktok as Played


class AnyVideo(Tiktok):
    """Takes the suite's video, which is smaller than TikTok's."""

    def check(self, post: Post, job: Job) -> None:
        """Take everything."""


class Suite(PublisherConformance):
    """The suite at the simulator."""

    name = "tiktok"
    plugin = AnyVideo
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        settings = SimulatorSettings(network="tiktok", render_seconds=0, rate_limits=False)
        with run_simulator(settings) as simulator:
            network = simulator.simulation.network
            assert isinstance(network, Played)
            network.any_video = True
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        return {"tiktok": account(url)}


class TestPosts(Suite):
    every = 4

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"direct": True}


class TestDrafts(Suite):
    every = 8

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {}
