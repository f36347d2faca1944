"""The suite for storages can fail: each of the usual mistakes is caught, and the author is told what to change."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import author_storages as authors

from reelwork.testing import StorageConformance, StoredFiles
from reelwork.testing.conformance.storage.runner import StorageRehearsal
from reelwork_hooks import InvalidInput

WELL = "nothing goes wrong"
MISTAKES: dict[Any, dict[str, str]] = {
    authors.WritesInPlace: {"killed in the middle of a file": "showed a part of the file, or another one"},
    authors.ChecksNothing: {
        "the file has changed since it was made": "reported the file as stored, which cannot be"
    },
    authors.BelievesTheName: {"another file is at its address": "was reported, and other bytes are there"},
    authors.AnotherNameEachTime: {WELL: "got other addresses the second time"},
    authors.ForgetsTheOthers: {WELL: "an address that another plugin gave is gone"},
    authors.DropsThePicture: {WELL: "the file thumbnail is missing from the clip"},
    authors.ReturnsNothing: {WELL: "returned None, and not the clip with its addresses"},
    authors.AddressAsItIs: {"spaces and other scripts in names": "cannot be used as it is: percent-encode"},
    authors.HoldsItWhole: {"a large file": "memory grew by"},
    authors.PassesOverTrouble: {
        "no room for the whole file": "reported the file as stored, which cannot be",
        "permission refused": "reported the file as stored, which cannot be",
    },
    authors.ShowsWhatItGot: {"permission refused": "a refused permission came out as it was (PermissionError"},
    authors.TriesForEver: {"permission refused": "was raised as an error that passes"},
    authors.TellsItsToken: {"permission refused": "its error shows a secret"},
}


class ShelfSuite(StorageConformance):
    name = "shelf"
    environment: ClassVar[Mapping[str, str]] = {"SHELF_TOKEN": "t0k3n-of-the-shelf"}

    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin  # type: ignore[misc]

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[StoredFiles]:
        yield StoredFiles.below(folder / "shelf")

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"folder": str(folder / "shelf")}


@pytest.mark.parametrize("plugin", MISTAKES, ids=lambda plugin: plugin.__name__)
def test_a_mistake_is_told(plugin: Any, reelwork_conformance_workers: Any, tmp_path: Path) -> None:
    rehearsal = StorageRehearsal(ShelfSuite(plugin), reelwork_conformance_workers, tmp_path)
    for scene, words in MISTAKES[plugin].items():
        assert rehearsal.why_not(scene) == ""
        problem = rehearsal.problem(scene)
        assert problem.startswith(f"After {scene!r}")
        assert words in problem
        assert "t0k3n" not in problem


class TestShelf(StorageConformance):
    """The one without a mistake."""

    plugin = authors.Shelf
    name = "shelf"

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[StoredFiles]:
        yield StoredFiles.below(folder / "shelf")

    def settings(self, url: str, folder: Path) -> Mapping[str, Any]:
        return {"folder": str(folder / "shelf")}


def test_a_scene_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no scene named 'a larg file'"):
        type("Suite", (StorageConformance,), {"scenes": ("a larg file",)})
