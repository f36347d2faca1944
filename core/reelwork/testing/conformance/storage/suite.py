"""The suite as a class: derive from it, say where the plugin stores files, and pytest finds the tests."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reelwork.testing.conformance.scenarios import UNDISTURBED
from reelwork.testing.conformance.storage.counterpart import StoredFiles
from reelwork.testing.conformance.storage.scenes import SCENES
from reelwork.testing.conformance.suites import Played, check_scenes
from reelwork_hooks.accounts import Credentials


class StorageConformance:
    """Shows that what a storage plugin reports as stored is there, whole and right, whatever goes wrong."""

    plugin: ClassVar[Any] = None
    """The plugin's class or module. None: `name` is installed."""
    name: ClassVar[str] = ""
    """Its name in a workflow."""
    environment: ClassVar[Mapping[str, str]] = {}
    """Variables that the plugin's processes have, such as a token. No error, log or address may show a value."""
    size: ClassVar[int] = 300_000
    """Bytes of the video that is stored. Choose it so that the plugin sends it as it sends most videos."""
    large: ClassVar[int] = 100_000_000
    """Bytes of the video in the scene `a large file`."""
    every: ClassVar[int] = 1
    """Every so many changes of a file a process is killed. `REELWORK_CONFORMANCE=full` kills at each."""
    scenes: ClassVar[Collection[str]] = SCENES
    """The scenes that are played. `REELWORK_CONFORMANCE=full` plays all."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(cls.scenes, Collection):
            check_scenes(cls.__name__, cls.scenes, SCENES)

    def counterpart(self, folder: Path) -> AbstractContextManager[StoredFiles]:
        """Start the storage, new and empty; `folder` is this case's own. Called for each case."""
        raise NotImplementedError

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        """Return the plugin's settings to store at `url`, a proxy in front of the service, or below `folder`."""
        return {"base_url": url}

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        """Return the accounts that the plugin signs in with, by name; `url` is as in `settings`."""
        return {}

    @pytest.mark.parametrize("scene", SCENES)
    def test_what_it_reports_is_there(self, reelwork_storage_conformance: Played, scene: str) -> None:
        """Check that what is reported is there, whole and right, and nothing else is reported."""
        # Skipped with its reason, never passed: what was not played has proven nothing.
        skip = reelwork_storage_conformance.why_not(scene)
        if skip:
            pytest.skip(skip)
        problem = reelwork_storage_conformance.problem(scene)
        if problem:
            pytest.fail(problem, pytrace=False)

    def step(self) -> int:
        """Return the number of changes of a file from one kill to the next."""
        return 1 if _in_full() else self.every

    def played(self) -> Collection[str]:
        """Return the scenes that are played."""
        return SCENES if _in_full() else (UNDISTURBED, *self.scenes)


def _in_full() -> bool:
    return os.environ.get("REELWORK_CONFORMANCE") == "full"
