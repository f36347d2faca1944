"""The simulated Instagram, and what its log and its posts tell of what was sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.bench import PostBench, SimulatedNetwork

from reelwork.testing import sample_clip, sample_job, sample_post, write_video
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Clip, Credentials
from reelwork_plugins.publishers.instagram import Instagram, InstagramConfig
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.instagram.handlers import Instagram as Played
from reelwork_plugins.simulator.networks.meta.store import Accounts, account_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def accounts(self) -> Accounts:
        network = self.simulator.simulation.network
        assert isinstance(network, Played)
        return network.accounts

    @property
    def form(self) -> dict[str, Any]:
        """The fields of the newest container."""
        return dict(list(self.accounts.containers.values())[-1].fields)

    def ends_its_look(self) -> None:
        """Let it have looked at all videos."""
        for id_ in self.accounts.containers:
            self.accounts.change(id_, ready_at=0.0)

    def is_a_day_older(self) -> None:
        for id_, one in self.accounts.containers.items():
            self.accounts.change(id_, at=one.at - 90_000)

    def waits_for_late_work(self) -> None:
        """Wait until what was to be done later is done, as long as a slow machine may take."""
        ends = time.monotonic() + 20
        while self.simulator.simulation.has_late_work and time.monotonic() < ends:
            time.sleep(0.02)


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="instagram", render_seconds=3600)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Played)
    played.accounts = Accounts()
    shared.set_faults([])
    shared.simulation.log.clear()
    return Network(shared)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("instagram") / "film.mp4"
    write_video(path, seconds=3.2)
    return path


def account(url: str, login: str) -> Credentials:
    shown = {"id": account_id(ANYONE), "login": login, "service": url, "identifier": f"@{ANYONE}"}
    return Credentials(shown, {"access_token": OPEN_TOKEN}, f"{url} instagram {account_id(ANYONE)}")


@dataclass
class Bench(PostBench):
    """A post, and the plugin that is to post it."""

    plugin: Instagram
    network: Network

    def prepared(self, most: int = 1) -> Any:
        """What is prepared once the network has looked at the video."""
        self.waits(self.prepare())
        self.network.ends_its_look()
        return self.prepare()


@pytest.fixture
def bench(tmp_path: Path, network: Network, film: Path) -> Bench:
    context = SampleContext(tmp_path, "instagram")
    context._accounts.add("instagram", "instagram", account(network.url, "facebook"))
    clip: Clip = sample_clip(film)
    post = sample_post(
        destination="instagram", clip=clip, title="Dawn", caption="A sea.", hashtags=("sea",), privacy="public"
    )
    now = sample_job().replace(created_at=context.now())
    return Bench(Instagram(InstagramConfig(), context), context, network, post, now)
