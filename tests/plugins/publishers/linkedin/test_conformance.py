"""`linkedin` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.publishers.linkedin.conftest import ME, OUR_PAGE, account

from reelwork.testing import Counterpart, PublisherConformance
from reelwork_hooks import Credentials, Post
from reelwork_plugins.publishers.linkedin import Linkedin
from reelwork_plugins.simulator import SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.linkedin.handlers import Linkedin as Played


class AnyVideo(Linkedin):
    """Takes the suite's video, which is smaller than LinkedIn's."""

    def check(self, post: Post) -> None:
        """Take everything."""


class Suite(PublisherConformance):
    """The suite at the simulator."""

    name = "linkedin"
    plugin = AnyVideo
    author: ClassVar[str]
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public", "duration": 3}

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        # Without its limits it takes a text twice: what would be a second post is one.
        settings = SimulatorSettings(network="linkedin", render_seconds=0, rate_limits=False)
        with run_simulator(settings) as simulator:
            network = simulator.simulation.network
            assert isinstance(network, Played)
            network.feed.any_video = True
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {}

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        return {"linkedin": account(url, self.author)}


class TestPage(Suite):
    every = 8
    author = OUR_PAGE


class TestPerson(Suite):
    every = 16
    author = ME
