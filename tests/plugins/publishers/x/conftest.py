"""The simulated X, and the plugin that posts there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.bench import PostBench, SimulatedNetwork

from reelwork.testing import sample_clip, sample_job, sample_post, write_video
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Credentials
from reelwork_plugins.publishers.x import X, XConfig, media
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN
from reelwork_plugins.simulator.networks.x.handlers import X as Played
from reelwork_plugins.simulator.networks.x.rules import user_id
from reelwork_plugins.simulator.networks.x.store import Timeline, Tweet

SMALL_PIECE = 4096
"""Bytes of a piece: the films of the tests are small."""


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def timeline(self) -> Timeline:
        network = self.simulator.simulation.network
        assert isinstance(network, Played)
        return network.timeline

    def post(self) -> Tweet:
        """The only post."""
        [one] = self.timeline.tweets.values()
        return one


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="x", render_seconds=0)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Played)
    played.timeline = Timeline()
    shared.set_faults([])
    shared.simulation.log.clear()
    monkeypatch.setattr(media, "SMALLEST_PIECE", SMALL_PIECE)
    return Network(shared)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of several pieces."""
    path = tmp_path_factory.mktemp("x") / "film.mp4"
    write_video(path, seconds=3, width=640, height=360, fps=24)
    assert path.stat().st_size > 2 * SMALL_PIECE
    return path


def account(url: str) -> Credentials:
    shown = {"id": user_id(ANYONE), "service": url, "identifier": f"@{ANYONE}", "username": ANYONE}
    return Credentials(shown, {"access_token": OPEN_TOKEN}, f"{url} x {user_id(ANYONE)}")


@dataclass
class Bench(PostBench):
    """A post, and the plugin that is to post it."""

    plugin: X
    network: Network

    def find(self, **effect: Any) -> Any:
        effect.setdefault("started_at", (self.context.now() - timedelta(minutes=1)).timestamp())
        return super().find(**effect)


@pytest.fixture
def bench(tmp_path: Path, network: Network, film: Path) -> Bench:
    context = SampleContext(tmp_path, "x")
    context._accounts.add("x", "x", account(network.url))
    post = sample_post(
        destination="x",
        clip=sample_clip(film),
        title="Dawn",
        caption="A sea.",
        hashtags=("sea",),
        privacy="public",
    )
    now = sample_job().replace(created_at=context.now())
    return Bench(X(XConfig(), context), context, network, post, now)
