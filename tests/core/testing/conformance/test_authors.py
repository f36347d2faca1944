"""The suites as an author uses them, with plugins that keep the promise."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).parent))

import author_plugins as authors
from author_services import Service

from reelwork.testing import Counterpart, ProviderConformance, PublisherConformance, serving


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


class TestCareless(TestWall):
    """A plugin that leaves everything to a person never posts twice either."""

    plugin = authors.Careless
    every = 3
    scenes = ("answer lost", "500 after acceptance", "429", "late success", "killed at every commit")
