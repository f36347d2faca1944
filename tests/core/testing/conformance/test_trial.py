"""Cases do what they say: processes really are killed, and what cannot be tested is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import author_plugins as authors
from author_services import Service

from reelwork.testing import Counterpart, PublisherConformance, sample_video, serving
from reelwork.testing.conformance.processes import reference_to
from reelwork.testing.conformance.runner import Rehearsal
from reelwork.testing.conformance.scenarios import (
    ANSWER_LOST,
    CONTROLLED,
    SCENES,
    UNDISTURBED,
    WRITE_FAULTS,
    Case,
    Kill,
)
from reelwork.testing.conformance.trial import Subject, Trial


class Suite(PublisherConformance):
    plugin = authors.Wall
    name = "wall"

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        service = Service()
        with serving(service) as url:
            yield Counterpart(service.log, url)


class SuiteOfAnother(Suite):
    """Its plugin is told the wrong address."""

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        service = Service()
        with serving(service) as url:
            (folder / "url").write_text(url)
            yield Counterpart(service.log, url)

    def settings(self, url: str, folder: Path) -> dict[str, Any]:
        return {"base_url": (folder / "url").read_text()}


class SuiteOfNothing(Suite):
    """Its plugin never gets anywhere."""

    plugin = authors.NeverWorks


class SuiteOfPreparing(Suite):
    """Its plugin posts where it may be repeated."""

    plugin = authors.PostsInPrepare


@pytest.fixture
def trial(reelwork_conformance_workers: Any, tmp_path: Path) -> Trial:
    suite = Suite()
    loaded = reelwork_conformance_workers.load(reference_to(suite.plugin, suite.name))
    subject = Subject("publisher", suite.name, suite.counterpart, suite.settings, {}, {}, loaded)
    return Trial(subject, reelwork_conformance_workers, tmp_path, sample_video(), act="POST /things")


@pytest.mark.parametrize(
    ("kill", "ends"),
    [
        (Kill(1, "before"), "done"),
        (Kill(2, "before"), "done"),
        # Nothing left, and nothing that is known to be there could show that.
        (Kill(2, "after"), "held"),
        (Kill(1, "before", "request"), "held"),
        (Kill(1, "late", "request"), "done"),
        (Kill(1, "after", "request"), "done"),
    ],
    ids=str,
)
def test_a_process_is_killed_where_the_case_says(trial: Trial, kill: Kill, ends: str) -> None:
    outcome = trial.play(Case("killed", kill=kill))
    assert outcome.killed
    assert outcome.carried_out == (("t1",) if ends == "done" else ())
    assert [job.status for job in outcome.jobs] == [ends]


def test_beside_controls_what_never_arrived_is_sent_again(trial: Trial) -> None:
    outcome = trial.play(Case(CONTROLLED, WRITE_FAULTS["lost on the way"], controls=True))
    assert [job.status for job in outcome.jobs] == ["done"]
    assert len(outcome.carried_out) == 1
    assert len(outcome.others) == 2


def test_without_a_kill_nothing_is_killed(trial: Trial) -> None:
    outcome = trial.play(Case("answer lost", ANSWER_LOST))
    assert not outcome.killed
    assert [told.came for told in outcome.tale] == ["OutcomeUnknown", "Found"]


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (SuiteOfAnother(), "No write request came through the proxy"),
        (SuiteOfPreparing(), "POST /things was sent, and publish() sent no write request"),
        (SuiteOfNothing(), "Fix this first: nothing went wrong in this scene"),
    ],
    ids=["another address", "posts in prepare", "never works"],
)
def test_what_keeps_all_scenes_from_being_played_is_told(
    reelwork_conformance_workers: Any, tmp_path: Path, suite: Suite, words: str
) -> None:
    rehearsal = Rehearsal(suite, reelwork_conformance_workers, tmp_path)
    assert words in rehearsal.problem(UNDISTURBED)
    assert {bool(rehearsal.why_not(scene)) for scene in SCENES if scene != UNDISTURBED} == {True}
    rehearsal.close()


class Nowhere(authors.Wall):
    """Another process does not find it."""


Nowhere.__qualname__ = "NotThere"


class SuiteOfNowhere(Suite):
    plugin = Nowhere


@pytest.mark.parametrize("scenes", [SCENES, SCENES[3:5]], ids=["all scenes", "a few"])
def test_a_plugin_that_another_process_does_not_find_is_one_problem(
    reelwork_conformance_workers: Any, tmp_path: Path, scenes: Any
) -> None:
    rehearsal = Rehearsal(SuiteOfNowhere(), reelwork_conformance_workers, tmp_path, scenes)
    (told,) = [rehearsal.problem(scene) for scene in scenes if not rehearsal.why_not(scene)]
    assert "The plugin could not be loaded in a process of its own:" in told
    assert "NotThere" in told
    assert "without your conftest.py" in told
    assert len(told.splitlines()) == 2
    rehearsal.close()


def test_a_plugin_within_a_function_is_refused() -> None:
    class Local(authors.Wall):
        """Nowhere to be found from another process."""

    with pytest.raises(TypeError, match="put it at the top of a module"):
        reference_to(Local, "local")


def test_a_plugin_that_cannot_be_imported_is_told(reelwork_conformance_workers: Any, tmp_path: Path) -> None:
    file = tmp_path / "broken_plugin.py"
    file.write_text("import no_such_module_anywhere\n")
    told = {"module": "broken_plugin", "qualname": "X", "file": str(file), "name": "x"}
    with pytest.raises(RuntimeError, match="No module named 'no_such_module_anywhere'"):
        reelwork_conformance_workers.load(told)
