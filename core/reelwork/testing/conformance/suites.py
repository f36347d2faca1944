"""The suites as classes: derive from one, say what the other side is, and pytest finds the tests."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import pytest

from reelwork.errors import NotFound
from reelwork.testing.conformance.counterpart import Counterpart
from reelwork.testing.conformance.scenarios import SCENES, UNDISTURBED
from reelwork_hooks.accounts import Credentials
from reelwork_hooks.errors import InvalidInput


class Played(Protocol):
    """All scenes of a suite, played by the fixture `reelwork_conformance`."""

    def why_not(self, scene: str) -> str:
        """Return why a scene is not played; empty when it is."""
        ...

    def problem(self, scene: str) -> str:
        """Return what is wrong, in words for the plugin's author; empty when all went well."""
        ...


class Conformance:
    """The base of these two suites. Derive from `ProviderConformance` or `PublisherConformance`."""

    kind: ClassVar[Literal["provider", "publisher"]]
    plugin: ClassVar[Any] = None
    """The plugin's class or module, or a provider's class. None: `name` is installed."""
    name: ClassVar[str] = ""
    """Its name in a workflow: of a provider, the name it is registered with."""
    brief: ClassVar[Mapping[str, Any]] = {}
    """Fields of the brief to change, such as a length that the provider makes."""
    environment: ClassVar[Mapping[str, str]] = {}
    """Variables that the plugin's processes have, such as a token."""
    every: ClassVar[int] = 1
    """Every so many commits a process is killed. `REELWORK_CONFORMANCE=full` kills at each."""
    scenes: ClassVar[Collection[str]] = SCENES
    """The scenes that are played. `REELWORK_CONFORMANCE=full` plays all."""
    same_ids: ClassVar[bool] = True
    """True if the counterpart's log has the ids that the plugin answers."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # With the class, so that a suite which would play nothing fails once, and not in each of its tests.
        if isinstance(cls.scenes, Collection):
            check_scenes(cls.__name__, cls.scenes, SCENES)

    def counterpart(self, folder: Path) -> AbstractContextManager[Counterpart]:
        """Start the other side, new and empty; `folder` is this case's own. Called for each case."""
        raise NotImplementedError

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        """Return the plugin's settings to talk to `url`, a proxy in front of the counterpart."""
        return {"base_url": url}

    def accounts(self, url: str, folder: Path) -> Mapping[str, Credentials]:
        """Return the accounts that the plugin signs in with, by name; `url` is as in `settings`."""
        return {}

    @pytest.mark.parametrize("scene", SCENES)
    def test_happens_at_most_once(self, reelwork_conformance: Played, scene: str) -> None:
        """Check for one charge or post at most, and that no job is lost or ends without a reason."""
        # Skipped with its reason, never passed: what was not played has proven nothing.
        skip = reelwork_conformance.why_not(scene)
        if skip:
            pytest.skip(skip)
        problem = reelwork_conformance.problem(scene)
        if problem:
            # The traceback would show this file; the message says what the author should change.
            pytest.fail(problem, pytrace=False)

    def step(self) -> int:
        """Return the number of commits from one kill to the next."""
        return 1 if _in_full() else self.every

    def played(self) -> Collection[str]:
        """Return the scenes that are played."""
        check_scenes(type(self).__name__, self.scenes, SCENES)
        return SCENES if _in_full() else (UNDISTURBED, *self.scenes)


def _in_full() -> bool:
    return os.environ.get("REELWORK_CONFORMANCE") == "full"


def check_scenes(suite: str, scenes: Collection[str], known: Collection[str]) -> None:
    """Raise `InvalidInput` for a scene that there is not: every test would be skipped, and the suite be green."""
    if isinstance(scenes, str):
        raise InvalidInput(f"{suite}: scenes is a text.", hint=f"Write a tuple: scenes = ({scenes!r},)")
    for scene in scenes:
        if scene not in known:
            problem = NotFound("scene", scene, known)
            raise InvalidInput(f"{suite}: {problem.message}", hint=f"There are: {'; '.join(known)}.")


class ProviderConformance(Conformance):
    """Shows that a provider is never paid twice for a job, whatever crashes, is lost or comes late."""

    kind: ClassVar[Literal["provider", "publisher"]] = "provider"


class PublisherConformance(Conformance):
    """Shows that a publisher never posts twice for a job, whatever crashes, is lost or comes late."""

    kind: ClassVar[Literal["provider", "publisher"]] = "publisher"
