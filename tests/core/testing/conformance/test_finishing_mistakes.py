"""The suite for plugins that edit can fail: each of the usual mistakes is caught, and the author is told of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import author_editors as authors

from reelwork.testing import FinishingConformance
from reelwork.testing.conformance.finishing.runner import FinishingRehearsal
from reelwork_hooks import InvalidInput

WELL = "nothing goes wrong"
MISTAKES: dict[Any, dict[str, str]] = {
    authors.ChangesTheDownload: {WELL: "is not what it was"},
    authors.TrustsHalfAFile: {"killed in the middle of a file": "a part of its bytes"},
    authors.AnotherEachTime: {WELL: "became another one the second time"},
    authors.DropsTheCaptions: {WELL: "film.en.srt is missing from the clip"},
    authors.TakesAnything: {"a file that is no video": "took a web page for a video"},
    authors.SaysWhatItGot: {"a file that is no video": "came out as it was (ValueError"},
    authors.Trims: {WELL: "the duration of the video is another one, and `may_change` does not name it"},
    authors.Moves: {"pictures, sound and captions keep their times": "captions no longer fit"},
    authors.OutsideItsFolder: {WELL: "is outside of context.work_dir"},
}


class Suite(FinishingConformance):
    name = "editor"

    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin  # type: ignore[misc]


@pytest.mark.parametrize("plugin", MISTAKES, ids=lambda plugin: plugin.__name__)
def test_a_mistake_is_told(plugin: Any, reelwork_conformance_workers: Any, tmp_path: Path) -> None:
    rehearsal = FinishingRehearsal(Suite(plugin), reelwork_conformance_workers, tmp_path)
    for scene, words in MISTAKES[plugin].items():
        assert rehearsal.why_not(scene) == ""
        problem = rehearsal.problem(scene)
        assert problem.startswith(f"After {scene!r}")
        assert words in problem


class TestPads(FinishingConformance):
    """The one without a mistake."""

    plugin = authors.Pads
    name = "editor"


def test_a_scene_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no scene named 'killed'"):
        type("Suite", (FinishingConformance,), {"scenes": ("killed",)})
