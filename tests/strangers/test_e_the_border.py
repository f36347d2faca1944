"""A plugin that misbehaves is named with its package, and stops only what needs it."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.strangers.evil import THINGS

from reelwork.plugins import guard
from reelwork.plugins.catalog import Broken, Catalog
from reelwork.plugins.time_limits import PROVIDER_TIME_LIMITS
from reelwork.studio.studio import Studio
from reelwork.testing import FakeRemote, write_video
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.errors import ReelworkError

WHOLE = os.environ.get("REELWORK_BORDER") == "whole"
"""Every thing at every place; without it, every thing and every place at least once."""
LOADING = ("import", "config", "init", "declaration")
LISTED = ("pre_moderate", "prompt_transform", "post_download", "publish", "job_event")
HOOKS = (*LISTED, "prepare_publish", "find_post")
PROVIDER = ("register_providers", "capabilities", "prepare", "submit", "poll", "fetch", "close")
HARMLESS = {"junk", "generator", "coroutine"}
"""What has no effect where nothing is awaited, or no answer is used."""
NAMED = "acme-evil 1.2"
HANGS = 2.0
"""Seconds that a call has where one hangs."""


def package(folder: Path) -> Path:
    """Install the package into a folder, as pip would."""
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("acme_evil.py"), folder / "acme_evil.py")
    info = folder / "acme_evil-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-evil\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        "[reelwork.plugins]\nevil = acme_evil:Evil\nevil-async = acme_evil:EvilAsync\n"
        "evil-providers = acme_evil:Providers\n[reelwork.commands]\nevil = acme_evil:command\n"
    )
    return folder


def pairs(places: tuple[str, ...]) -> list[Any]:
    """What is tried: everything, or each thing at one place and each place with one thing."""
    things = [thing for thing in THINGS if thing != "hangs" or places != LOADING]
    if WHOLE:
        return [(place, thing) for place in places for thing in things]
    return [(places[at % len(places)], thing) for at, thing in enumerate(things)]


class Border:
    """A studio beside the package."""

    def __init__(self, folder: Path, remote: FakeRemote) -> None:
        self.folder, self.remote = folder, remote
        self.workflow: dict[str, Any] = {
            "provider": {"use": "fake", "poll_interval": 0.01},
            "plugins": {hook: [] for hook in ("pre_moderate", "prompt_transform", "post_download", "publish")},
            "brief": {"duration": 1, "resolution": "480p"},
        }

    def run(self, *prompts: str) -> dict[str, Any]:
        """The jobs of a batch, by their prompts."""
        from reelwork.testing import register

        catalog = Catalog()
        register(catalog, self.remote)
        rows = self.folder / "rows.csv"
        rows.write_text("prompt\n" + "\n".join(prompts) + "\n")
        store, out = self.folder / "store.db", self.folder / "out"
        with Studio(self.workflow, store=store, out=out, catalog=catalog) as studio:
            return {job.prompt: job for job in studio.run_sync(rows).jobs}


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=1, width=854, height=480)


@pytest.fixture
def border(tmp_path: Path, clip_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Border]:
    monkeypatch.syspath_prepend(package(tmp_path / "site"))
    yield Border(tmp_path, FakeRemote(clip_file))
    sys.modules.pop("acme_evil", None)


def misbehaving(monkeypatch: pytest.MonkeyPatch, border: Border, place: str, thing: str) -> None:
    if thing == "hangs":
        monkeypatch.setitem(THINGS, "hangs", _hang)
        # Ended soon, but not before a busy machine has made the calls that do not hang.
        for name in ("prepare", "submit", "find", "poll", "fetch", "close"):
            monkeypatch.setitem(PROVIDER_TIME_LIMITS, name, HANGS)
    if thing == "coroutine" and place in LOADING:
        monkeypatch.setitem(THINGS, "coroutine", lambda: None)  # Python itself complains of one nobody awaits.
    monkeypatch.setenv("EVIL_PLACE", "none" if place == "import" else place)
    monkeypatch.setenv("EVIL_THING", thing)
    sys.modules.pop("acme_evil", None)
    importlib.import_module("acme_evil").REMOTE = border.remote  # type: ignore[attr-defined]
    if place == "import":
        monkeypatch.setenv("EVIL_PLACE", place)
        sys.modules.pop("acme_evil")


def _hang() -> Any:
    """Wait without end: in a thread, or in a coroutine that goes on when it is cancelled."""
    import time

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return time.sleep(30)
    return stubborn()


def fit_to_show(text: str) -> None:
    assert "Traceback" not in text
    assert "fault in Reelwork" not in text
    assert len(text) < 4000


@pytest.mark.parametrize(("place", "thing"), pairs(LOADING))
def test_what_goes_wrong_while_loading_stops_the_workflows_that_need_it(
    border: Border, monkeypatch: pytest.MonkeyPatch, place: str, thing: str
) -> None:
    misbehaving(monkeypatch, border, place, thing)
    border.workflow["plugins"]["publish"] = ["evil"]
    border.workflow["plugin"] = {"evil": {"word": "evil"}}
    if thing in HARMLESS:
        border.run("evil one")
        return
    with pytest.raises(ReelworkError) as caught:
        border.run("evil one")
    fit_to_show(caught.value.explained())
    # A validator that raises ValueError says that the setting is wrong; an error of the contract speaks for itself.
    if place == "import" or (thing != "unfinished" and "is not possible" not in caught.value.message):
        assert NAMED in caught.value.message
    assert border.remote.creates == []
    border.workflow["plugins"]["publish"] = []
    del border.workflow["plugin"]
    assert border.run("good one")["good one"].status == "done"
    broken = {item.name for item in Catalog().everything() if isinstance(item, Broken)}
    assert broken <= {"evil", "evil-async", "evil-providers"}


@pytest.mark.parametrize(("place", "thing"), pairs(HOOKS))
@pytest.mark.parametrize("plugin", ["evil", "evil-async"])
def test_a_hook_that_misbehaves_stops_its_own_job_alone(
    border: Border,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    plugin: str,
    place: str,
    thing: str,
) -> None:
    misbehaving(monkeypatch, border, place, thing)
    for hook in LISTED:
        border.workflow["plugins"][hook] = [plugin]
    border.workflow["plugin"] = {plugin: {"time_limit": HANGS if thing == "hangs" else 60.0}}
    caplog.set_level(logging.WARNING)
    jobs = border.run("evil one", "good one")
    assert jobs["good one"].status == "done"
    reason = jobs["evil one"].reason
    fit_to_show(reason)
    if place in ("job_event", "find_post") or (thing in HARMLESS and jobs["evil one"].status == "done"):
        # Nobody waits for an observer; a look is made again.
        assert jobs["evil one"].status in ("done", "held")
    elif thing != "unfinished":
        assert jobs["evil one"].status in ("failed", "held")
        assert NAMED in reason
        assert place in reason
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(("place", "thing"), pairs(PROVIDER))
def test_a_provider_that_misbehaves_stops_nothing_else(
    border: Border, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str, thing: str
) -> None:
    misbehaving(monkeypatch, border, place, thing)
    border.remote.idempotency = Idempotency.NONE
    border.workflow["provider"]["use"] = "evil-provider"
    caplog.set_level(logging.WARNING)
    if place in ("register_providers", "capabilities"):
        with pytest.raises(ReelworkError) as caught:
            border.run("evil one")
        fit_to_show(caught.value.explained())
        assert thing == "unfinished" or NAMED in caught.value.explained()
        return
    jobs = border.run("evil one", "good one")
    assert jobs["good one"].status == "done"
    if place == "prepare" and jobs["evil one"].status == "failed":
        # A wrong answer does not pass by itself, so it is not waited for. What is raised may pass.
        assert NAMED in jobs["evil one"].reason
        assert "returned" in jobs["evil one"].reason
    else:
        assert jobs["evil one"].status == ("held" if place == "submit" else "done")
    told = "\n".join([jobs["evil one"].reason, *(record.getMessage() for record in caplog.records)])
    if place in ("submit", "close") and thing not in HARMLESS | {"unfinished"}:
        assert NAMED in told
    assert not [record for record in caplog.records if record.exc_info]


def _nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is not named."""
    monkeypatch.setattr(guard.Callee, "__str__", lambda self: f"{self.kind} {self.name!r}")


def _credulous(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a plugin raises goes on as it is."""
    monkeypatch.setattr(guard, "fault_of", lambda error, callee, call: error)


MISTAKES = [
    (_nameless, "error"),
    (_credulous, "exit"),
]


@pytest.mark.parametrize(
    ("mistake", "thing"), MISTAKES, ids=[f"{mistake.__name__}-{thing}" for mistake, thing in MISTAKES]
)
def test_a_guard_with_a_mistake_is_found(
    border: Border, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, mistake: Any, thing: str
) -> None:
    mistake(monkeypatch)
    with pytest.raises(BaseException) as found:  # noqa: PT011
        test_a_hook_that_misbehaves_stops_its_own_job_alone(
            border, monkeypatch, caplog, "evil-async", "pre_moderate", thing
        )
    assert not isinstance(found.value, KeyboardInterrupt)
