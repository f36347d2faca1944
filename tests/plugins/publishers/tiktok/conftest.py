"""The simulated TikTok, and the plugin that posts there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.publishers.bench import PostBench, SimulatedNetwork

from reelwork.testing import sample_clip, sample_job, sample_post, write_video
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Credentials
from reelwork_plugins.publishers.tiktok import Tiktok, TiktokConfig
from reelwork_plugins.publishers.tiktok.sign_in import SCOPES
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tiktok.handlers import Tiktok as Played
from reelwork_plugins.simulator.networks.tiktok.posts import Post, Posts, open_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN, Token


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def store(self) -> Posts:
        network = self.simulator.simulation.network
        assert isinstance(network, Played)
        return network.store

    def post(self) -> Post:
        """The only post that was made."""
        [one] = self.store.accepted()
        return one

    def changes(self, **changes: Any) -> None:
        """Change all posts."""
        for id_ in list(self.store.every):
            self.store.change(id_, **changes)


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    settings = SimulatorSettings(network="tiktok", render_seconds=0, rate_limits=False)
    with run_simulator(settings) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    played = shared.simulation.network
    assert isinstance(played, Played)
    played.store = Posts()
    played._creators.clear()
    shared.set_faults([])
    shared.simulation.log.clear()
    return Network(shared)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of one piece."""
    path = tmp_path_factory.mktemp("tiktok") / "film.mp4"
    return write_video(path, seconds=1, width=360, height=640, fps=24)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Path:
    """A video of three pieces, the last of which is the largest."""
    path = tmp_path_factory.mktemp("tiktok") / "large.mp4"
    whole = film.read_bytes()
    # What a player passes over: a box without a meaning, at the end.
    padding = 16_500_000 - len(whole)
    path.write_bytes(whole + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8))
    return path


def account(url: str, name: str = ANYONE, scopes: Sequence[str] = SCOPES) -> Credentials:
    is_open = name == ANYONE and tuple(scopes) == SCOPES
    token = OPEN_TOKEN if is_open else Token("tiktok", name, tuple(scopes)).written()
    shown = {"id": open_id(name), "service": url, "identifier": name}
    secret = {
        "access_token": token,
        "refresh_token": Token("tiktok", name, tuple(scopes), time.time() + 3600, refresh=True).written(),
        "token_url": f"{url}/v2/oauth/token/",
        "client_id": "key",
        "client_id_name": "client_key",
        "client_secret": "secret",
        "client_auth": "post",
    }
    return Credentials(shown, secret, f"{url} tiktok {open_id(name)}", scopes=tuple(scopes))


@dataclass
class Bench(PostBench):
    """A post, and the plugin that is to post it."""

    plugin: Tiktok
    network: Network

    def configured(self, **settings: Any) -> None:
        """Post with these settings."""
        self.plugin = Tiktok(TiktokConfig(**{"direct": True, "chunk": 5, **settings}), self.context)


@pytest.fixture
def bench(tmp_path: Path, network: Network, film: Path) -> Bench:
    context = SampleContext(tmp_path, "tiktok")
    context._accounts.add("tiktok", "tiktok", account(network.url))
    post = sample_post(
        destination="tiktok",
        clip=sample_clip(film),
        title="Dawn",
        caption="A sea.",
        hashtags=("sea",),
        privacy="public",
    )
    now = sample_job().replace(created_at=context.now())
    made = Bench(Tiktok(TiktokConfig(), context), context, network, post, now)
    made.configured()
    return made
