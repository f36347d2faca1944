"""The simulated Threads, a server that has the videos, and the plugin that posts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.bench import PostBench, SimulatedNetwork

from reelwork.testing import sample_clip, sample_job, sample_post, serving
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Asset, Credentials
from reelwork_plugins.publishers.threads import Threads, ThreadsConfig
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.meta.store import Accounts, account_id
from reelwork_plugins.simulator.networks.threads.handlers import Threads as Played
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def accounts(self) -> Accounts:
        network = self.simulator.simulation.network
        assert isinstance(network, Played)
        return network.accounts


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="threads", render_seconds=0)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Played)
    played.accounts = Accounts()
    shared.set_faults([])
    shared.simulation.log.clear()
    return Network(shared)


def account(url: str) -> Credentials:
    shown = {"id": account_id(ANYONE), "service": url, "identifier": f"@{ANYONE}"}
    return Credentials(shown, {"access_token": OPEN_TOKEN}, f"{url} threads {account_id(ANYONE)}")


@dataclass
class Bench(PostBench):
    """A post, and the plugin that is to post it."""

    plugin: Threads
    network: Network

    def prepared(self, most: int = 1) -> Any:
        """What the plugin answers at its second call."""
        self.waits(self.prepare())
        return self.prepare()


@pytest.fixture
def bench(tmp_path: Path, network: Network) -> Iterator[Bench]:
    context, clip = SampleContext(tmp_path, "threads"), sample_clip()
    context._accounts.add("threads", "threads", account(network.simulator.base_url))
    with serving(lambda asked: (200, clip.video.path.read_bytes())) as files:

        async def give(asset: Asset, seconds: float) -> str:
            return f"{files}/{asset.path.name}"

        context.give_address = give
        post = sample_post(
            destination="threads", clip=clip, title="Dawn", caption="A sea.", hashtags=("sea",), privacy="public"
        )
        job = sample_job().replace(created_at=context.now())
        yield Bench(Threads(ThreadsConfig(), context), context, network, post, job)
