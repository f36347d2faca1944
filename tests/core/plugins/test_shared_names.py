"""One name that several packages bring: what a workflow means by it, and what a run of earlier meant."""

from __future__ import annotations

import importlib.metadata
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork import Studio
from reelwork.errors import WorkflowInvalid
from reelwork.plugins.catalog import GROUP, Catalog
from reelwork.studio.doctor.machine import machine

# Modules stay imported from one test to the next.
SERIAL = itertools.count(1)
PROMPT = "A lighthouse in the rain at night"
SOURCE = """
from pathlib import Path

from reelwork_hooks import *
from reelwork_hooks import Plugin, hookimpl


class It(Plugin):
    '''Publishes into a file, unless it is to fail.'''

    public = False

    @hookimpl
    def prepare_publish(self):
        if Path(r"{folder}/fail").exists():
            raise ValueError("not yet")

    @hookimpl
    def publish(self, post):
        with open(r"{folder}/posts", "a") as file:
            file.write("{package}\\n")
        return Receipt(id="1")

    @hookimpl
    @staticmethod
    def register_platforms():
        return [Platform(name=name, aspect_ratio="1:1", longest_duration=9) for name in ("square", "tiktok")]
"""


class Shelf:
    """Packages that are installed and uninstalled while a store lives on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.site.mkdir()
        self.open: list[Studio] = []

    def install(self, package: str, **entries: str) -> None:
        module = f"shared_{next(SERIAL)}"
        (self.site / f"{module}.py").write_text(SOURCE.format(folder=self.folder, package=package))
        info = self.site / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {module}:It" for name in entries or ("board",)]
        (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))

    def uninstall(self, package: str) -> None:
        (self.site / f"{package}-1.0.dist-info").rename(self.folder / package)

    def catalog(self) -> Catalog:
        ours = [
            entry
            for entry in importlib.metadata.entry_points(group=GROUP)
            if entry.dist and entry.dist.name == "reelwork"
        ]
        found = importlib.metadata.distributions(path=[str(self.site)])
        return Catalog([*(entry for one in found for entry in one.entry_points), *ours])

    def studio(self, *publish: str, **workflow: Any) -> Studio:
        lists = {"pre_moderate": [], "prompt_transform": [], "post_download": [], "publish": [*publish]}
        settings = {"plugins": lists, "brief": {"duration": 0.5, "resolution": "360p"}, **workflow}
        store, out = self.folder / "store.db", self.folder / "out"
        self.open.append(Studio(settings, store=store, out=out, catalog=self.catalog()))
        return self.open[-1]

    @property
    def posts(self) -> list[str]:
        path = self.folder / "posts"
        return path.read_text().split() if path.exists() else []

    def stopped(self, publish: str) -> str:
        """Launch a job whose post fails; return its id."""
        (self.folder / "fail").touch()
        (job,) = self.studio(publish).run_sync(PROMPT).jobs
        assert job.status == "failed"
        (self.folder / "fail").unlink()
        return job.id


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    monkeypatch.syspath_prepend(str(made.site))
    yield made
    for studio in made.open:
        studio.close()


def test_a_run_goes_on_with_the_package_it_was_launched_with(shelf: Shelf) -> None:
    shelf.install("acme-a")
    shelf.stopped("board")
    shelf.install("acme-b")
    (job,) = shelf.studio().resume_sync().jobs
    assert job.status == "done"
    assert shelf.posts == ["acme-a"]
    assert job.plugins["board"].package == "acme-a"


def test_a_run_never_goes_on_with_another_package_unasked(shelf: Shelf) -> None:
    shelf.install("acme-a")
    id_ = shelf.stopped("board")
    shelf.uninstall("acme-a")
    shelf.install("acme-b")
    (job,) = shelf.studio().resume_sync().jobs
    # Left to a process that has it, and told.
    assert job.status == "active"
    assert (
        "'board' of this run came from acme-a, which is not installed; acme-b 1.0 has that name now" in job.reason
    )
    assert "reelwork plugins install acme-a" in job.reason
    assert "--set plugin.board.use=acme-b:board" in job.reason
    assert shelf.posts == []
    (job,) = shelf.studio().resume_sync(id_, settings={"plugin": {"board": {"use": "acme-b:board"}}}).jobs
    assert (job.status, shelf.posts) == ("done", ["acme-b"])


def test_a_run_keeps_its_plugin_when_reelwork_takes_the_name(shelf: Shelf) -> None:
    """As when a newer Reelwork brings a plugin of that name itself."""
    shelf.install("acme-a", gallery="")
    real = shelf.catalog

    def without_ours() -> Catalog:
        found = importlib.metadata.distributions(path=[str(shelf.site)])
        theirs = [entry for one in found for entry in one.entry_points]
        ours = importlib.metadata.entry_points(group=GROUP)
        return Catalog([*theirs, *(entry for entry in ours if entry.name not in ("gallery",))])

    shelf.catalog = without_ours  # type: ignore[method-assign]
    shelf.stopped("gallery")
    shelf.catalog = real  # type: ignore[method-assign]
    (job,) = shelf.studio().resume_sync().jobs
    assert (job.status, shelf.posts) == ("done", ["acme-a"])


def test_who_names_a_plugin_of_ours_is_told_once_that_another_has_the_name(shelf: Shelf) -> None:
    shelf.install("acme-a", gallery="")
    note = "gallery is Reelwork's own plugin; that of acme-a 1.0 is 'acme-a:gallery'."
    assert shelf.studio("gallery").rehearse_sync(PROMPT).notes.count(note) == 1
    result = shelf.studio("gallery").run_sync(PROMPT)
    assert result.notes.count(note) == 1
    assert shelf.posts == []
    assert note.rstrip(".") in [one.text for one in machine(shelf.folder / "store.db", shelf.catalog())]
    asked = shelf.studio("acme-a:gallery").run_sync(PROMPT)
    assert (asked.ok, asked.notes, shelf.posts) == (True, (), ["acme-a"])


def test_a_platform_of_two_packages_is_named_with_its_package(shelf: Shelf) -> None:
    shelf.install("acme-a", here="")
    shelf.install("acme-b", there="")
    studio = shelf.studio()
    with pytest.raises(Exception, match="platform name 'square' is used by the plugins"):
        studio.plan_sync(PROMPT, platforms=["square"])
    [plan] = studio.plan_sync(PROMPT, platforms=["acme-b:square", "acme-a:tiktok", "reelwork:twitter"]).plans
    shapes = [(job.platform.name, job.spec.aspect_ratio) for job in plan.jobs if job.platform]
    assert shapes == [("square", "1:1"), ("tiktok", "1:1"), ("twitter", "16:9")]
    with pytest.raises(WorkflowInvalid, match="two platforms that are both called 'tiktok'"):
        studio.plan_sync(PROMPT, platforms=["acme-a:tiktok", "tiktok"])


def test_two_names_of_one_plugin_are_one_instance(shelf: Shelf) -> None:
    shelf.install("acme-a", gallery="")
    with pytest.raises(WorkflowInvalid, match=r"'acme-a:gallery' and 'Acme_A:gallery' are the same plugin"):
        shelf.studio("acme-a:gallery", "Acme_A:gallery").plan_sync(PROMPT)


def test_settings_under_another_spelling_are_not_passed_over(shelf: Shelf) -> None:
    with pytest.raises(WorkflowInvalid, match="'reelwork:gallery' and 'gallery' are the same plugin"):
        shelf.studio("reelwork:gallery", plugin={"gallery": {"folder": "elsewhere"}}).plan_sync(PROMPT)
    twice: dict[str, Any] = {"gallery": {"folder": "a"}, "second": {"use": "reelwork:gallery", "folder": "b"}}
    assert shelf.studio("gallery", "second", plugin=twice).plan_sync(PROMPT).jobs
