"""`x` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.publishers.x.conftest import account

from reelwork.testing import Counterpart, PublisherConformance
from reelwork_hooks import Credentials
from reelwork_plugins.simulator import SimulatorSettings, run_simulator


class TestX(PublisherConformance):
    name = "x"
    every = 4
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        # Without its limits it takes a text twice: what would be a second post is one.
        settings = SimulatorSettings(network="x", render_seconds=0, rate_limits=False)
        with run_simulator(settings) as simulator:
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {}

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        return {"x": account(url)}
