"""`discord` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tests.plugins.publishers.discord.conftest import TEXT, TOKEN

from reelwork.testing import Counterpart, PublisherConformance
from reelwork_plugins.simulator import SimulatorSettings, run_simulator


class TestDiscord(PublisherConformance):
    name = "discord"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}
    every = 4

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        with run_simulator(SimulatorSettings(network="discord", rate_limits=False)) as simulator:
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        # The address is part of the secret.
        path = folder / f"webhook-{urlsplit(url).port}.txt"
        path.write_text(f"{url}/api/webhooks/{TEXT.id}/{TOKEN}")
        return {"webhook": f"file:{path}"}
