"""All scenes of one finishing suite, played as their tests ask for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from reelwork.testing.conformance.finishing.scenes import (
    NO_VIDEO,
    PLAIN,
    TARGETS,
    WITH_FILES,
    FinishingCase,
    cases_of,
)
from reelwork.testing.conformance.finishing.suite import FinishingConformance
from reelwork.testing.conformance.finishing.trial import FinishingOutcome, FinishingSubject, FinishingTrial, Run
from reelwork.testing.conformance.finishing.verdict import Expected, judge
from reelwork.testing.conformance.processes import Workers, reference_to
from reelwork.testing.conformance.runner import ALONE, FORKLESS
from reelwork.testing.conformance.scenarios import UNDISTURBED
from reelwork_hooks.models import Target

# Encoding takes all of a processor.
AT_ONCE = 2
"""Cases of a scene that are played at the same time."""


class FinishingRehearsal:
    """Plays a suite's scenes and judges them."""

    def __init__(self, suite: FinishingConformance, workers: Workers | None, folder: Path) -> None:
        """Play the scene in which nothing goes wrong. `workers` is None where processes cannot be forked."""
        self._suite, self._workers = suite, workers
        self._broken, self._changes, self._largest = "", 0, 0
        self._expected = Expected(suite)
        if workers is None:
            return
        try:
            loaded = workers.load(reference_to(suite.plugin, suite.name))
        except (RuntimeError, TypeError) as error:
            self._broken = f"{error}\n{ALONE}"
            return
        subject = FinishingSubject(suite.name, loaded, suite.settings, suite.brief, suite.environment, suite.film)
        self._trial = FinishingTrial(subject, workers, folder)
        # First: it shows what is made, and how many changes of files there are to strike at.
        self._broken = self._trial.play(FinishingCase(UNDISTURBED, target=self._target), self._learnt)

    @property
    def _target(self) -> Target:
        return next(iter(self._suite.targets), PLAIN)

    def _learnt(self, outcome: FinishingOutcome) -> str:
        first: Run = outcome.first[0]
        self._changes = first.changes
        self._expected = Expected(self._suite, made=Expected.digests_of(first, outcome.work))
        made = (first.clip.video, *first.clip.assets) if first.clip is not None else ()
        self._largest = max((one.bytes for one in made if one.path.is_relative_to(outcome.work)), default=0)
        return judge(outcome, self._expected)

    def why_not(self, scene: str) -> str:
        """Return why a scene is not played; empty if it is."""
        if self._workers is None:
            return FORKLESS
        if self._broken:
            return "" if scene == UNDISTURBED else f"the scene {UNDISTURBED!r} has to pass first"
        if scene not in self._suite.played():
            return "left out by the suite: REELWORK_CONFORMANCE=full plays it"
        if scene in WITH_FILES and not self._largest:
            return "the plugin made no file of this film"
        if scene == TARGETS and not self._suite.targets:
            return "the suite names no targets"
        if scene == NO_VIDEO and not self._suite.reads_video:
            return "the plugin does not look into the video, as the suite says"
        return ""

    def problem(self, scene: str) -> str:
        """Return the problem, in words for the plugin's author; empty if all went well."""
        if self._broken or scene == UNDISTURBED:
            return self._broken
        cases = cases_of(
            scene,
            changes=self._changes,
            every=self._suite.step(),
            largest=self._largest,
            targets=self._suite.targets or (PLAIN,),
        )
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="conformance") as pool:
            play = partial(self._trial.play, judged=partial(judge, expected=self._expected))
            problems = [problem for problem in pool.map(play, cases) if problem]
        if not problems:
            return ""
        more = f"\n\n{len(problems)} of {len(cases)} runs of this scene went wrong." if len(cases) > 1 else ""
        return problems[0] + more
