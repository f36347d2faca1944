"""`threads` runs the suite that authors run: kills, lost answers, late ones, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.plugins.publishers.threads.conftest import account

from reelwork.testing import Counterpart, PublisherConformance, serving
from reelwork_hooks import Asset, Credentials
from reelwork_plugins.publishers.threads import Threads
from reelwork_plugins.publishers.threads.config import ThreadsConfig
from reelwork_plugins.simulator import SimulatorSettings, run_simulator


class Settings(ThreadsConfig):
    """With the address of a server that has the videos: the suite's workflows have no storage."""

    files: str = ""


class ThreadsBeside(Threads):
    """Threads beside such a server."""

    Config = Settings
    needs_public_address = False

    async def address_of(self, video: Asset) -> str:
        assert isinstance(self.config, Settings)
        return f"{self.config.files}{video.path}"


class TestThreads(PublisherConformance):
    plugin = ThreadsBeside
    name = "threads"
    brief: ClassVar[Mapping[str, Any]] = {"privacy": "public"}
    every = 4

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        settings = SimulatorSettings(network="threads", render_seconds=0, rate_limits=False)
        with ExitStack() as both:
            files = both.enter_context(serving(lambda asked: (200, Path(asked.path).read_bytes())))
            (folder / "files").write_text(files)
            simulator = both.enter_context(run_simulator(settings))
            yield Counterpart(lambda: [post["id"] for post in simulator.posts()], simulator.base_url)

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"files": (folder / "files").read_text()}

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        return {"threads": account(url)}
