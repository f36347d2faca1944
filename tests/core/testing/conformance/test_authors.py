"""The suites as an author uses them, with plugins that keep the promise."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parent))

import author_plugins as authors
from author_services import Service

from reelwork.testing import Asked, Counterpart, ProviderConformance, PublisherConformance, sample_video, serving
from reelwork_hooks import Credentials


class TestWall(PublisherConformance):
    plugin = authors.Wall
    name = "wall"
    every = 2

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        service = Service()
        with serving(service) as url:
            yield Counterpart(service.log, url, service.crowd)


class TestStudio(ProviderConformance):
    plugin = authors.Studio
    name = "studio"
    every = 5
    brief: ClassVar[Mapping[str, Any]] = {"duration": 1}

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        service = Service(honours_keys=True)
        with serving(service) as url:
            yield Counterpart(service.log, url)


class TestClientOfItsOwn(TestWall):
    """A plugin that blocks, in a thread, and whose client knows nothing of the engine's."""

    plugin = authors.ClientOfItsOwn
    scenes = ("answer lost", "429", "late success", "killed before a request arrives")


class FetchingService(Service):
    """Fetches the video of each post."""

    def make(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        if "video" in body:
            with urlopen(body["video"], timeout=10) as answer:
                assert answer.read() == sample_video().read_bytes()
        return super().make(body, key)


class TestFetched(TestWall):
    """A plugin whose service fetches the video gets an address that leads to it."""

    plugin = authors.Fetched
    scenes = ("answer lost",)

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        service = FetchingService()
        with serving(service) as url:
            yield Counterpart(service.log, url, service.crowd)


class ServiceWithTokens(Service):
    """Gives out tokens."""

    def __call__(self, asked: Asked) -> tuple[int, Any]:
        return (200, {"id": "fresh"}) if asked.path == "/fresh" else super().__call__(asked)


class TestSigned(TestWall):
    """A plugin with an account, whose token is refreshed before its post."""

    plugin = authors.Signed
    scenes = ("answer lost",)

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        service = ServiceWithTokens()
        with serving(service) as url:
            yield Counterpart(service.log, url, service.crowd)

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        ended = datetime(2020, 1, 1, tzinfo=UTC)
        return {"mine": Credentials({"service": url}, {"access_token": "token-ended"}, expires_at=ended)}


class TestSlow(TestWall):
    """A plugin that asks for an hour, before the post and after it, waits a second each time."""

    plugin = authors.Slow
    scenes = ("answer lost",)


class TestCareless(TestWall):
    """A plugin that leaves everything to a person never posts twice either."""

    plugin = authors.Careless
    every = 3
    scenes = ("answer lost", "500 after acceptance", "429", "late success", "killed at every commit")
