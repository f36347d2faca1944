"""The simulated X, and the plugin that posts there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reelwork.testing import sample_clip, sample_effect, sample_job, sample_post, write_video
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Credentials, Job, Pending, Post, Receipt
from reelwork_plugins.publishers.x import X, XConfig, media
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.tokens import ANYONE, OPEN_TOKEN
from reelwork_plugins.simulator.networks.x.handlers import X as Played
from reelwork_plugins.simulator.networks.x.rules import user_id
from reelwork_plugins.simulator.networks.x.store import Timeline, Tweet

SMALL_PIECE = 4096
"""Bytes of a piece: the films of the tests are small."""


@dataclass(frozen=True)
class Network:
    """The service, and what it has been asked."""

    simulator: RunningSimulator

    @property
    def url(self) -> str:
        return self.simulator.base_url

    @property
    def timeline(self) -> Timeline:
        network = self.simulator.simulation.network
        assert isinstance(network, Played)
        return network.timeline

    @property
    def asked(self) -> list[str]:
        """What was asked, in order."""
        return [one["operation"] for one in self.simulator.requests()]

    def sent(self, operation: str) -> dict[str, Any]:
        """The fields of the newest request of this name."""
        return next(one["fields"] for one in reversed(self.simulator.requests()) if one["operation"] == operation)

    def post(self) -> Tweet:
        """The only post."""
        [one] = self.timeline.tweets.values()
        return one

    def fails(self, *faults: str) -> None:
        """Switch these faults on and all others off."""
        self.simulator.set_faults(list(faults))


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
class Bench:
    """A post, and the plugin that is to post it."""

    plugin: X
    context: SampleContext
    network: Network
    post: Post
    job: Job

    def prepare(self) -> Any:
        return asyncio.run(self.plugin.prepare_publish(self.post, self.job))

    def prepared(self, most: int = 20) -> Any:
        """What is prepared once X has all of the video."""
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
        effect.setdefault("started_at", (self.context.now() - timedelta(minutes=1)).timestamp())
        return asyncio.run(self.plugin.find_post(self.post, self.job, sample_effect(**effect)))

    def says(self, **changes: Any) -> None:
        self.post = self.post.replace(**changes)

    def takes(self, path: Path, **facts: Any) -> None:
        """Post this video."""
        clip = sample_clip(path)
        self.says(clip=clip.with_video(clip.video.replace(**facts)))


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
