"""`telegram` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.publishers.telegram.conftest import TOKEN

from reelwork.testing import Counterpart, PublisherConformance
from reelwork_plugins.simulator import SimulatorSettings, run_simulator


class TestTelegram(PublisherConformance):
    name = "telegram"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}
    environment: ClassVar[Mapping[str, str]] = {"TELEGRAM_TOKEN": TOKEN}
    every = 4

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        with run_simulator(SimulatorSettings(network="telegram", rate_limits=False)) as simulator:
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"token": "env:TELEGRAM_TOKEN", "chat": "@rehearsal", "base_url": url}
