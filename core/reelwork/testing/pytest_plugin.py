"""Reelwork's fixtures for pytest. Installing Reelwork makes them known; loading them imports nothing else of it.

What a fixture needs is imported when a test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reelwork.testing import FakeRemote, RecordedHttp, SampleContext
    from reelwork.testing.conformance.finishing.runner import FinishingRehearsal
    from reelwork.testing.conformance.processes import Workers
    from reelwork.testing.conformance.runner import Rehearsal
    from reelwork.testing.conformance.storage.runner import StorageRehearsal
    from reelwork_hooks import Clip, Job, Post, Prompt, Provider


@pytest.fixture
def reelwork_job() -> Job:
    """Return a job whose video has been made."""
    from reelwork.testing import sample_job

    return sample_job()


@pytest.fixture
def reelwork_prompt() -> Prompt:
    """Return a prompt, with a title, a caption and hashtags."""
    from reelwork.testing import sample_prompt

    return sample_prompt()


@pytest.fixture
def reelwork_clip(tmp_path: Path) -> Clip:
    """Return a clip with one second of real video, in a file of this test's own."""
    import shutil

    from reelwork.testing import sample_clip, sample_video

    # A copy: the sample is one for the process, and a plugin under test may change its file.
    return sample_clip(Path(shutil.copyfile(sample_video(), tmp_path / "clip.mp4")))


@pytest.fixture
def reelwork_post(reelwork_clip: Clip) -> Post:
    """Return a post of `reelwork_clip`."""
    from reelwork.testing import sample_post

    return sample_post(clip=reelwork_clip)


@pytest.fixture
def reelwork_context(tmp_path: Path) -> SampleContext:
    """Return the context that the engine gives a plugin instance, with its folders below `tmp_path`."""
    from reelwork.testing import SampleContext

    return SampleContext(tmp_path)


@pytest.fixture
def fake_remote(reelwork_clip: Clip) -> FakeRemote:
    """Return a video service that remembers what it was asked and can be told to misbehave."""
    from reelwork.testing import FakeRemote

    return FakeRemote(reelwork_clip.video.path)


@pytest.fixture
def fake_provider(fake_remote: FakeRemote) -> type[Provider]:
    """Return a provider class that talks to `fake_remote`."""
    from reelwork.testing import fake_provider as make

    return make(fake_remote)


@pytest.fixture
def recorded_http(request: pytest.FixtureRequest) -> Iterator[RecordedHttp]:
    """Provide a server that plays recorded exchanges, from files beside the test's own.

    The test fails when it asked for something that is not recorded, or did not ask for something that is.
    """
    from reelwork.testing import RecordedHttp

    recorded = RecordedHttp(folder=request.path.parent)
    yield recorded
    # Closed before the check, so that a test that fails leaves no server behind.
    recorded.close()
    try:
        recorded.check()
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def reelwork_conformance_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers | None]:
    """Provide the workers that start the processes of conformance suites; None where processes cannot be forked."""
    # Windows cannot fork. The suites are then skipped with their reason.
    if not hasattr(os, "fork"):
        yield None
        return
    from reelwork.testing.conformance.processes import Workers

    workers = Workers(tmp_path_factory.mktemp("home"))
    yield workers
    workers.close()


@pytest.fixture(scope="class")
def reelwork_conformance(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    reelwork_conformance_workers: Workers | None,
) -> Iterator[Rehearsal]:
    """Play the scenes for the tests of `ProviderConformance` and `PublisherConformance`: only the selected ones."""
    from reelwork.testing.conformance.runner import Rehearsal

    # The items that are left after `-k` and the like: each scene takes seconds, and only those are played.
    own: list[Any] = [item for item in request.session.items if getattr(item, "cls", None) is request.cls]
    scenes = {item.callspec.params["scene"] for item in own if hasattr(item, "callspec")}
    assert request.cls is not None
    folder = tmp_path_factory.mktemp("conformance")
    rehearsal = Rehearsal(request.cls(), reelwork_conformance_workers, folder, scenes)
    yield rehearsal
    rehearsal.close()


@pytest.fixture(scope="class")
def reelwork_storage_conformance(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    reelwork_conformance_workers: Workers | None,
) -> StorageRehearsal:
    """Return what plays the scenes for the tests of a `StorageConformance`."""
    from reelwork.testing.conformance.storage.runner import StorageRehearsal

    assert request.cls is not None
    folder = tmp_path_factory.mktemp("conformance")
    return StorageRehearsal(request.cls(), reelwork_conformance_workers, folder)


@pytest.fixture(scope="class")
def reelwork_finishing_conformance(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    reelwork_conformance_workers: Workers | None,
) -> FinishingRehearsal:
    """Return what plays the scenes for the tests of a `FinishingConformance`."""
    from reelwork.testing.conformance.finishing.runner import FinishingRehearsal

    assert request.cls is not None
    folder = tmp_path_factory.mktemp("conformance")
    return FinishingRehearsal(request.cls(), reelwork_conformance_workers, folder)
