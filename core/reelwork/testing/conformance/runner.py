"""All scenes of one suite: several cases are played at once, and only those of the tests that were selected."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from reelwork.testing.clips import sample_video
from reelwork.testing.conformance.processes import Workers, reference_to
from reelwork.testing.conformance.scenarios import (
    ALIKE_KILLED,
    SCENES,
    UNDISTURBED,
    Case,
    cases_of,
    why_not,
)
from reelwork.testing.conformance.suites import Conformance
from reelwork.testing.conformance.trial import Outcome, Subject, Trial, act_of
from reelwork.testing.conformance.verdict import judge

FORKLESS = (
    "conformance forks processes and kills them, which this system cannot: nothing was proven here. "
    "Run the suite on Linux or macOS; on Windows, within WSL or in a CI job on Linux"
)
ALONE = (
    "The suite imports the plugin's module once more, in a process without your conftest.py and fixtures: import "
    "there what the module needs, and leave `plugin` out if it is installed."
)
# Most of a case's time is waiting.
AT_ONCE = 6
"""Cases that are played at the same time."""


class Rehearsal:
    """Plays a suite's scenes and judges them. Close it when all tests have asked."""

    def __init__(
        self, suite: Conformance, workers: Workers | None, folder: Path, scenes: Collection[str] = SCENES
    ) -> None:
        """Begin to play. `workers` is None where processes cannot be forked."""
        self._suite, self._workers = suite, workers
        self._scenes = [scene for scene in SCENES if scene in scenes]
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="conformance")
        self._playing: dict[str, list[Future[Outcome]]] = {}
        # One that is left out says nothing.
        self._first = UNDISTURBED if UNDISTURBED in self._scenes else next(iter(self._scenes), UNDISTURBED)
        self._broken = ""
        if workers is None:
            return
        try:
            loaded = workers.load(reference_to(suite.plugin, suite.name))
        except (RuntimeError, TypeError) as error:
            # Told once: each scene would fail for the same reason.
            self._broken = f"{error}\n{ALONE}"
            return
        subject = Subject(
            kind=suite.kind,
            name=suite.name,
            counterpart=suite.counterpart,
            settings=suite.settings,
            brief=suite.brief,
            environment=suite.environment,
            loaded=loaded,
            accounts=suite.accounts,
        )
        self._trial = Trial(subject, workers, folder, sample_video())
        # First, and alone: it shows which requests are the effect, and how many commits there are to kill at.
        self._undisturbed = self._trial.play(Case(UNDISTURBED))
        self._trial.act, self._acts = act_of(self._undisturbed)
        self._broken = self._first_problem()
        # Every scene of a plugin that fails undisturbed would fail, for the same reason and with more words.
        if not self._broken:
            self._begin()

    def why_not(self, scene: str) -> str:
        """Return why a scene is not played; empty if it is."""
        if self._workers is None:
            return FORKLESS
        if self._broken:
            return "" if scene == self._first else f"the scene {UNDISTURBED!r} has to pass first"
        if scene not in self._suite.played():
            return "left out by the suite: REELWORK_CONFORMANCE=full plays it"
        return self._why_not(scene)

    def problem(self, scene: str) -> str:
        """Return the problem, in words for the plugin's author; empty if all went well."""
        if self._broken or scene == UNDISTURBED:
            return self._broken
        outcomes = [playing.result() for playing in self._playing[scene]]
        problems = [problem for outcome in outcomes if (problem := self._judged(outcome))]
        if not problems:
            return ""
        more = f"\n\n{len(problems)} of {len(outcomes)} runs of this scene went wrong." if len(outcomes) > 1 else ""
        return problems[0] + more

    def close(self) -> None:
        """Wait for what is being played."""
        # What no test has asked for by now need not be played.
        self._pool.shutdown(cancel_futures=True)

    def _begin(self) -> None:
        alike = 0
        if ALIKE_KILLED in self._scenes and not self.why_not(ALIKE_KILLED):
            # Played undisturbed once, to know how many commits there are to kill at.
            alike = self._trial.play(Case("two at once", jobs=2)).commits
        writes = len([seen for seen in self._undisturbed.seen if seen.number])
        for scene in self._scenes:
            if scene == UNDISTURBED or self.why_not(scene):
                continue
            cases = cases_of(scene, writes, self._acts, self._undisturbed.commits, alike, self._suite.step())
            self._playing[scene] = [self._pool.submit(partial(self._trial.play, case)) for case in cases]

    def _why_not(self, scene: str) -> str:
        over_http = any(seen.number for seen in self._undisturbed.seen)
        idempotency = self._undisturbed.idempotency
        return why_not(scene, idempotency, over_http=over_http, crowd=self._trial.has_crowd)

    def _judged(self, outcome: Outcome) -> str:
        return judge(outcome, self._suite.kind, same_ids=self._suite.same_ids)

    def _first_problem(self) -> str:
        problem = self._judged(self._undisturbed)
        if problem:
            return problem
        outside = [seen for seen in self._undisturbed.seen if seen.number and not self._acts]
        if outside:
            call = "publish()" if self._suite.kind == "publisher" else "submit()"
            return (
                f"{outside[-1].method} {outside[-1].path} was sent, and {call} sent no write request. What is sent "
                f"elsewhere may be sent again after a crash: move what posts or costs money into {call}."
            )
        if self._trial.has_url and not self._acts:
            return (
                "No write request came through the proxy, so nothing could be made to go wrong. Let settings() "
                "give the plugin the url it is called with, or leave `url` out of the Counterpart if it is none."
            )
        return ""
