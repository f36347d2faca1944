"""The simulated LinkedIn, and the plugin that posts there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.plugins.publishers.bench import PostBench, SimulatedNetwork

from reelwork.testing import sample_clip, sample_job, sample_post, write_video
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Credentials, Pending
from reelwork_plugins.publishers.linkedin import Linkedin, LinkedinConfig
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.linkedin.handlers import Linkedin as Played
from reelwork_plugins.simulator.networks.linkedin.rules import PAGE, PAGE_NUMBER, PERSON, person_id
from reelwork_plugins.simulator.networks.linkedin.store import Feed, Share
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN

SMALL_PART = 8192
"""Bytes of a part: the films of the tests are small."""
ME, OUR_PAGE = f"{PERSON}{person_id(ANYONE)}", f"{PAGE}{PAGE_NUMBER}"


@dataclass(frozen=True)
class Network(SimulatedNetwork):
    """The service, and what it has been asked."""

    @property
    def played(self) -> Played:
        network = self.simulator.simulation.network
        assert isinstance(network, Played)
        return network

    @property
    def feed(self) -> Feed:
        return self.played.feed

    def post(self) -> Share:
        """The only post."""
        [one] = self.feed.shares.values()
        return one


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="linkedin", render_seconds=0)) as running:
        yield running


@pytest.fixture
def network(shared: RunningSimulator) -> Network:
    made = Network(shared)
    made.played.feed = Feed(part=SMALL_PART)
    shared.set_faults([])
    shared.simulation.log.clear()
    return made


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of more parts than are sent in one call."""
    path = tmp_path_factory.mktemp("linkedin") / "film.mp4"
    write_video(path, seconds=3, width=640, height=360, fps=24)
    # A box of nothing, as MP4 has it: LinkedIn takes no smaller files.
    path.write_bytes(path.read_bytes() + (100_000).to_bytes(4, "big") + b"free" + bytes(99_992))
    return path


def account(url: str, author: str = OUR_PAGE) -> Credentials:
    shown = {"author": author, "service": url, "identifier": ANYONE}
    return Credentials(shown, {"access_token": OPEN_TOKEN}, f"{url} linkedin {author}")


@dataclass
class Bench(PostBench):
    """A post, and the plugin that is to post it."""

    def goes_on(self) -> Pending:
        """Let it come as far as one call brings it."""
        answer = self.prepare()
        self.waits(answer)
        assert isinstance(answer, Pending)
        return answer


def bench_of(folder: Path, network: Network, film: Path, author: str) -> Bench:
    context = SampleContext(folder, "linkedin")
    context._accounts.add("linkedin", "linkedin", account(network.url, author))
    post = sample_post(
        destination="linkedin",
        clip=sample_clip(film),
        title="Dawn",
        caption="A sea.",
        hashtags=("sea",),
        privacy="public",
    )
    now = sample_job().replace(created_at=context.now())
    return Bench(Linkedin(LinkedinConfig(), context), context, network, post, now)


@pytest.fixture
def bench(tmp_path: Path, network: Network, film: Path) -> Bench:
    """The post of a page."""
    return bench_of(tmp_path, network, film, OUR_PAGE)


@pytest.fixture
def person(tmp_path: Path, network: Network, film: Path) -> Bench:
    """The post of a person."""
    return bench_of(tmp_path, network, film, ME)
