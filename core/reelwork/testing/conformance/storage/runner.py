"""All scenes of one storage suite, played as their tests ask for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reelwork.testing.conformance.processes import Workers, reference_to
from reelwork.testing.conformance.runner import ALONE, FORKLESS
from reelwork.testing.conformance.scenarios import UNDISTURBED
from reelwork.testing.conformance.storage.scenes import StorageCase, cases_of, why_not
from reelwork.testing.conformance.storage.suite import StorageConformance
from reelwork.testing.conformance.storage.trial import StorageSubject, StorageTrial
from reelwork.testing.conformance.storage.verdict import judge

# Most of a case's time is waiting.
AT_ONCE = 4
"""Cases of a scene that are played at the same time."""


class StorageRehearsal:
    """Plays a suite's scenes and judges them."""

    def __init__(self, suite: StorageConformance, workers: Workers | None, folder: Path) -> None:
        """Play the scene in which nothing goes wrong. `workers` is None where processes cannot be forked."""
        self._suite, self._workers = suite, workers
        self._broken, self._writes, self._changes = "", 0, 0
        if workers is None:
            return
        try:
            loaded = workers.load(reference_to(suite.plugin, suite.name))
        except (RuntimeError, TypeError) as error:
            self._broken = f"{error}\n{ALONE}"
            return
        subject = StorageSubject(
            name=suite.name,
            loaded=loaded,
            counterpart=suite.counterpart,
            settings=suite.settings,
            accounts=suite.accounts,
            environment=suite.environment,
            size=suite.size,
            large=suite.large,
        )
        self._trial = StorageTrial(subject, workers, folder)
        # First: it shows how many requests and changes there are to strike at.
        undisturbed = self._trial.play(StorageCase(UNDISTURBED))
        self._broken = judge(undisturbed)
        first = undisturbed.first[0]
        self._changes = first.changes
        # Those of the second run, which found everything there, are left out where it sends fewer.
        self._writes = len([seen for seen in undisturbed.seen if seen.number])

    def why_not(self, scene: str) -> str:
        """Return why a scene is not played; empty if it is."""
        if self._workers is None:
            return FORKLESS
        if self._broken:
            return "" if scene == UNDISTURBED else f"the scene {UNDISTURBED!r} has to pass first"
        if scene not in self._suite.played():
            return "left out by the suite: REELWORK_CONFORMANCE=full plays it"
        return why_not(scene, writes=self._writes, changes=self._changes, can_write=self._trial.can_write)

    def problem(self, scene: str) -> str:
        """Return the problem, in words for the plugin's author; empty if all went well."""
        if self._broken or scene == UNDISTURBED:
            return self._broken
        cases = cases_of(scene, self._writes, self._changes, self._suite.step())
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="conformance") as pool:
            problems = [problem for outcome in pool.map(self._trial.play, cases) if (problem := judge(outcome))]
        if not problems:
            return ""
        more = f"\n\n{len(problems)} of {len(cases)} runs of this scene went wrong." if len(cases) > 1 else ""
        return problems[0] + more
