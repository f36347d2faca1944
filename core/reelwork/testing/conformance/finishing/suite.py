"""The suite as a class: derive from it, name the plugin, and pytest finds the tests."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from reelwork.testing.conformance.finishing.film import Film
from reelwork.testing.conformance.finishing.scenes import SCENES
from reelwork.testing.conformance.scenarios import UNDISTURBED
from reelwork.testing.conformance.suites import Played, check_scenes
from reelwork_hooks.models import Clip, Target


class FinishingConformance:
    """Shows that a plugin which edits clips keeps the original, and gives the same whole result every time."""

    plugin: ClassVar[Any] = None
    """The plugin's class. None: `name` is installed."""
    name: ClassVar[str] = ""
    """Its name in a workflow."""
    environment: ClassVar[Mapping[str, str]] = {}
    """Variables that the plugin's processes have."""
    brief: ClassVar[Mapping[str, Any]] = {}
    """Fields of the brief, such as `vars`."""
    film: ClassVar[Film] = Film()
    """The film that is finished."""
    targets: ClassVar[tuple[Target, ...]] = ()
    """Targets that the plugin brings a video to, for a plugin with `fits`. The first is the one of all scenes."""
    reads_video: ClassVar[bool] = True
    """False for a plugin that does not look into the video, and so takes any file for one."""
    every: ClassVar[int] = 1
    """Every so many changes of a file a process is killed. `REELWORK_CONFORMANCE=full` kills at each."""
    scenes: ClassVar[Collection[str]] = SCENES
    """The scenes that are played. `REELWORK_CONFORMANCE=full` plays all."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(cls.scenes, Collection):
            check_scenes(cls.__name__, cls.scenes, SCENES)

    def settings(self, folder: Path) -> Mapping[str, Any]:
        """Return the plugin's settings. Files that they name can be written into `folder`, the workflow's own."""
        return {}

    def begins(self, clip: Clip) -> float:
        """Return the seconds of a result that come before the original."""
        return 0.0

    @pytest.mark.parametrize("scene", SCENES)
    def test_the_result_is_whole_and_the_same(self, reelwork_finishing_conformance: Played, scene: str) -> None:
        """Check that the original is kept, and the result whole, right and the same every time."""
        # Skipped with its reason, never passed: what was not played has proven nothing.
        skip = reelwork_finishing_conformance.why_not(scene)
        if skip:
            pytest.skip(skip)
        problem = reelwork_finishing_conformance.problem(scene)
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
