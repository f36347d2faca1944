"""The simulated Facebook, and the plugin that posts there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.bench import PostBench, SimulatedNetwork

from reelwork.testing import sample_clip, sample_job, sample_post, write_video
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Credentials
from reelwork_plugins.publishers.facebook import Facebook, FacebookConfig
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.facebook.handlers import SCOPES
from reelwork_plugins.simulator.networks.facebook.handlers import Facebook as Played
from reelwork_plugins.simulator.networks.facebook.store import Pages, Video, page_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN, Token

SMALL_PIECE = 8192
"""Bytes of a plain video that are asked for at once: the films of the tests are small."""


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def pages(self) -> Pages:
        network = self.simulator.simulation.network
        assert isinstance(network, Played)
        return network.pages

    def post(self) -> Video:
        """The only video that was published."""
        [one] = self.pages.published.values()
        return one

    def changes(self, **changes: Any) -> None:
        """Change all videos."""
        for id_ in self.pages.videos:
            self.pages.change(id_, **changes)


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="facebook", render_seconds=0)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Played)
    played.pages, played.piece = Pages(), SMALL_PIECE
    shared.set_faults([])
    shared.simulation.log.clear()
    return Network(shared)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that is a reel."""
    path = tmp_path_factory.mktemp("facebook") / "film.mp4"
    return write_video(path, seconds=3.2, width=540, height=960, fps=24)


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that is none, of several pieces."""
    path = tmp_path_factory.mktemp("facebook") / "wide.mp4"
    write_video(path, seconds=4, width=640, height=360, fps=24)
    assert path.stat().st_size > 2 * SMALL_PIECE
    return path


def account(url: str, page: str = ANYONE) -> Credentials:
    token = OPEN_TOKEN if page == ANYONE else Token("facebook", page, tuple(sorted(SCOPES))).written()
    id_ = page_id(page)
    shown = {"id": id_, "service": url, "identifier": f"The page of {page}"}
    return Credentials(shown, {"access_token": token}, f"{url} facebook {id_}")


@dataclass
class Bench(PostBench):
    """A post, and the plugin that is to post it."""

    plugin: Facebook
    network: Network


@pytest.fixture
def bench(tmp_path: Path, network: Network, film: Path) -> Bench:
    context = SampleContext(tmp_path, "facebook")
    context._accounts.add("facebook", "facebook", account(network.url))
    post = sample_post(
        destination="facebook",
        clip=sample_clip(film),
        title="Dawn",
        caption="A sea.",
        hashtags=("sea",),
        privacy="public",
    )
    now = sample_job().replace(created_at=context.now())
    return Bench(Facebook(FacebookConfig(), context), context, network, post, now)
