"""`webhook` runs the suite that authors run: at a receiver that knows nothing, one that knows a post by its id, and
one that can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.publishers.webhook.conftest import written_secret

from reelwork.testing import Counterpart, PublisherConformance
from reelwork_plugins.simulator import SimulatorSettings, run_simulator


class _Webhook(PublisherConformance):
    name = "webhook"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}
    every = 4
    faults: ClassVar[tuple[str, ...]] = ("keys:ignored",)
    more: ClassVar[Mapping[str, Any]] = {}
    asked = False

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        settings = SimulatorSettings(network="webhook", faults=self.faults)
        with run_simulator(settings) as simulator:
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        asked = {"lookup": f"{url}/posts/{{id}}"} if self.asked else {}
        return {"url": f"{url}/posts", "secret": written_secret(folder), "private": True, **asked, **self.more}


class TestHeld(_Webhook):
    """A receiver of which nothing is known."""


class TestKnownAgain(_Webhook):
    """It passes over a `webhook-id` that it has seen."""

    faults = ()
    more: ClassVar[Mapping[str, Any]] = {"repeatable": True}


class TestAsked(_Webhook):
    """It tells what it has, and posts again what it has seen."""

    asked = True
    more: ClassVar[Mapping[str, Any]] = {"settle_seconds": 5}
