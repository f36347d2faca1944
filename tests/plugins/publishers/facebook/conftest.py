"""The simulated Facebook, and the plugin that posts there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reelwork.testing import sample_clip, sample_effect, sample_job, sample_post, write_video
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Credentials, Job, Pending, Post, Receipt
from reelwork_plugins.publishers.facebook import Facebook, FacebookConfig
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.facebook.handlers import SCOPES
from reelwork_plugins.simulator.networks.facebook.handlers import Facebook as Played
from reelwork_plugins.simulator.networks.facebook.store import Pages, Video, page_id
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN, Token

SMALL_PIECE = 8192
"""Bytes of a plain video that are asked for at once: the films of the tests are small."""


@dataclass(frozen=True)
class Network:
    """The service, and what it has been asked."""

    simulator: RunningSimulator

    @property
    def url(self) -> str:
        return self.simulator.base_url

    @property
    def pages(self) -> Pages:
        network = self.simulator.simulation.network
        assert isinstance(network, Played)
        return network.pages

    @property
    def asked(self) -> list[str]:
        """What was asked, in order."""
        return [one["operation"] for one in self.simulator.requests()]

    def sent(self, operation: str) -> dict[str, Any]:
        """The fields of the newest request of this name."""
        return next(one["fields"] for one in reversed(self.simulator.requests()) if one["operation"] == operation)

    def post(self) -> Video:
        """The only video that was published."""
        [one] = self.pages.published.values()
        return one

    def fails(self, *faults: str) -> None:
        """Switch these faults on and all others off."""
        self.simulator.set_faults(list(faults))

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
class Bench:
    """A post, and the plugin that is to post it."""

    plugin: Facebook
    context: SampleContext
    network: Network
    post: Post
    job: Job

    def prepare(self) -> Any:
        return asyncio.run(self.plugin.prepare_publish(self.post, self.job))

    def prepared(self, most: int = 20) -> Any:
        """What is prepared once Facebook has all of the video."""
        for _ in range(most):
            answer = self.prepare()
            if not isinstance(answer, Pending):
                return answer
            self.job = self.job.replace(pending=answer)
        raise AssertionError(f"it waits for ever: {self.job.pending}")

    def begun(self) -> None:
        """Let the upload have been begun, without a byte of it."""
        answer = self.prepare()
        assert isinstance(answer, Pending), answer
        self.job = self.job.replace(pending=answer)

    def publish(self, **effect: Any) -> Receipt:
        return asyncio.run(self.plugin.publish(self.post, self.job, sample_effect(**effect)))

    def find(self, **effect: Any) -> Any:
        return asyncio.run(self.plugin.find_post(self.post, self.job, sample_effect(**effect)))

    def follow(self, receipt: Receipt) -> Any:
        job = self.job.replace(pending=None)
        return asyncio.run(self.plugin.follow_post(self.post, job, receipt))

    def says(self, **changes: Any) -> None:
        self.post = self.post.replace(**changes)

    def takes(self, path: Path, **facts: Any) -> None:
        """Post this video."""
        clip = sample_clip(path)
        self.says(clip=clip.with_video(clip.video.replace(**facts)))


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
