"""A studio whose provider talks to a fake remote, with a real, playable clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork.plugins.catalog import Catalog
from reelwork.studio.studio import Studio
from reelwork.testing import FakeRemote, register, write_video


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of 854x480 H.264, as the workflow below asks for."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", width=854, height=480)


@pytest.fixture
def remote(clip_file: Path) -> FakeRemote:
    return FakeRemote(clip_file)


class Lab:
    """Makes studios on one store, as one process after another would."""

    def __init__(self, folder: Path, remote: FakeRemote) -> None:
        self.folder = folder
        self.remote = remote
        self.catalog = Catalog()
        register(self.catalog, remote)
        self.workflow: dict[str, Any] = {
            "provider": {"use": "fake", "poll_interval": 0.01, "gone_after": 0},
            "plugins": {"pre_moderate": [], "prompt_transform": [], "post_download": [], "publish": []},
            "brief": {"duration": 1, "resolution": "480p"},
        }
        self._open: list[Studio] = []

    def studio(self, **options: Any) -> Studio:
        studio = Studio(
            self.workflow,
            store=self.folder / "store.db",
            out=self.folder / "out",
            catalog=self.catalog,
            **options,
        )
        self._open.append(studio)
        return studio

    def add_plugin(self, name: str, plugin: type, *hooks: str) -> None:
        self.catalog.add(name, plugin)
        for hook in hooks:
            self.workflow["plugins"][hook] = [*self.workflow["plugins"][hook], name]

    def control(self) -> None:
        """Make one that is answered and listed: without such ones nothing that is missing is believed to be."""
        faults, self.remote.faults = self.remote.faults, []
        listing, self.remote.listing = self.remote.listing, "complete"
        (job,) = self.studio().run_sync("A lighthouse in the rain at night, and a boat that comes home").jobs
        assert job.status == "done"
        self.remote.faults, self.remote.listing = faults, listing

    def close(self) -> None:
        for studio in self._open:
            studio.close()


@pytest.fixture
def lab(tmp_path: Path, remote: FakeRemote) -> Iterator[Lab]:
    made = Lab(tmp_path, remote)
    yield made
    made.close()


@pytest.fixture
def crash() -> Callable[..., type[BaseException]]:
    """An exception no handler of ours catches: what a killed process looks like from inside."""

    class Killed(BaseException):
        """The process is gone."""

    return lambda: Killed
