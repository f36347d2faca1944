"""`youtube` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.plugins.publishers.youtube.conftest import TOKEN

from reelwork.credentials.accounts import Accounts
from reelwork.testing import Counterpart, PublisherConformance
from reelwork_hooks import Credentials
from reelwork_plugins.simulator import SimulatorSettings, run_simulator


@pytest.fixture(scope="class", autouse=True)
def _with_an_account(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("accounts") / "accounts.json"
    Accounts(path).add("youtube", "youtube", Credentials({"channel": "UC1"}, {"access_token": TOKEN}, "UC1"))
    TestYoutube.environment = {"REELWORK_ACCOUNTS": str(path)}


class TestYoutube(PublisherConformance):
    name = "youtube"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}
    environment: ClassVar[Mapping[str, str]] = {}
    every = 4

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        # What is followed is processed at once, so that no case waits for it.
        settings = SimulatorSettings(network="youtube", render_seconds=0, rate_limits=False)
        with run_simulator(settings) as simulator:
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)
