"""A simulated network, and a post that a plugin is to post there, for the tests of publishers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork.testing import sample_clip, sample_effect
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import Job, Pending, Post, Receipt
from reelwork_plugins.simulator import RunningSimulator


@dataclass(frozen=True)
class SimulatedNetwork:
    """The service, and what it has been asked."""

    simulator: RunningSimulator

    @property
    def url(self) -> str:
        return self.simulator.base_url

    @property
    def asked(self) -> list[str]:
        """What was asked, in order."""
        return [one["operation"] for one in self.simulator.requests()]

    def requests(self, operation: str = "publish") -> list[dict[str, Any]]:
        """The requests of this name in order, whatever became of them."""
        return [one for one in self.simulator.requests() if one["operation"] == operation]

    def sent(self, operation: str) -> dict[str, Any]:
        """The fields of the newest request of this name."""
        fields: dict[str, Any] = self.requests(operation)[-1]["fields"]
        return fields

    def fails(self, *faults: str) -> None:
        """Switch these faults on and all others off."""
        self.simulator.set_faults(list(faults))


@dataclass
class PostBench:
    """A post, and the plugin that is to post it."""

    plugin: Any
    context: SampleContext
    network: Any
    post: Post
    job: Job

    def prepare(self) -> Any:
        return asyncio.run(self.plugin.prepare_publish(self.post, self.job))

    def prepared(self, most: int = 20) -> Any:
        """What is prepared once the network has all that it needs before the post."""
        for _ in range(most):
            answer = self.prepare()
            if not isinstance(answer, Pending):
                return answer
            self.job = self.job.replace(pending=answer)
        raise AssertionError(f"it waits for ever: {self.job.pending}")

    def waits(self, pending: Any) -> None:
        """Let the job wait, as the plugin asks."""
        assert isinstance(pending, Pending), pending
        self.job = self.job.replace(pending=pending)

    def begun(self) -> None:
        """Let the upload have been begun, without a byte of it."""
        self.waits(self.prepare())

    def publish(self, **effect: Any) -> Receipt:
        receipt: Receipt = asyncio.run(self.plugin.publish(self.post, self.job, sample_effect(**effect)))
        return receipt

    def find(self, **effect: Any) -> Any:
        return asyncio.run(self.plugin.find_post(self.post, self.job, sample_effect(**effect)))

    def follow(self, receipt: Receipt) -> Any:
        return asyncio.run(self.plugin.follow_post(self.post, self.job.replace(pending=None), receipt))

    def says(self, **changes: Any) -> None:
        self.post = self.post.replace(**changes)

    def takes(self, path: Path, **facts: Any) -> None:
        """Post this video."""
        clip = sample_clip(path)
        self.says(clip=clip.with_video(clip.video.replace(**facts)))
