"""Jobs that this process leaves to others, for want of a secret, an account, a plugin or a package."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from reelwork.engine import timing
from reelwork.errors import StoreUnwritable, describe, in_sentences
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.statuses import Step
from reelwork_hooks.errors import ReelworkError

Key = TypeVar("Key")

# A video that is paid for is fetched even where its later steps cannot be done: no provider keeps it for ever.
FETCHING = frozenset({Step.RENDER, Step.RENDER_AGAIN, Step.DOWNLOAD, Step.DOWNLOAD_AGAIN})
"""The steps that need nothing but the provider's own secrets."""
WAITS_FOR = "Left to a process that can go on with it; one that tried could not:"


def left_for(reason: str | None) -> str:
    """Return what a job is left to others for, by the reason that it waits with; empty if it is not."""
    return (reason or "").removeprefix(WAITS_FOR).strip() if (reason or "").startswith(WAITS_FOR) else ""


class Lacking(ReelworkError):
    """This process lacks something that a step needs. It says nothing about the job."""

    money = "Nothing was sent, and nothing is lost."


@dataclass
class Left:
    """Knows which steps of which runs this process cannot do, and tries them again after a while."""

    pipeline_of: Callable[[str], Pipeline]
    """The pipeline of a run. Raises a `ReelworkError` when it cannot be built here."""
    clock: Callable[[], float] = time.monotonic
    _steps: dict[tuple[str, str], float] = field(default_factory=dict)
    _accounts: dict[str, float] = field(default_factory=dict)
    _at_hand: dict[tuple[str, bool], float] = field(default_factory=dict)

    def pipeline(self, run_id: str, step: str) -> Pipeline:
        """Return the pipeline of a run, with what a step needs at hand. Raises `Lacking` or `StoreUnwritable`."""
        try:
            pipeline = self.pipeline_of(run_id)
            # Each step of each job comes by here.
            if self._at_hand.get((run_id, step in FETCHING), 0.0) <= self.clock():
                self._check(pipeline, run_id, step in FETCHING)
        except StoreUnwritable:
            raise
        except Exception as error:
            # A process that has what is missing may be at work beside this one, or come later: a job that failed
            # here would be lost to it. Also where the workflow cannot be read, which a newer Reelwork has frozen.
            self._steps[run_id, step] = self.clock() + timing.LEFT_SECONDS
            why = in_sentences(error) if isinstance(error, ReelworkError) else describe(error)
            raise Lacking(f"{WAITS_FOR} {why}") from error
        return pipeline

    def _check(self, pipeline: Pipeline, run_id: str, fetching: bool) -> None:
        pipeline.check_at_hand(provider_only=fetching)
        # A server sees runs without end: those that were last looked at long ago are let go of.
        _still(self._at_hand, self.clock())
        self._at_hand[run_id, fetching] = self.clock() + timing.AT_HAND_SECONDS

    def leave_account(self, account: str) -> None:
        """Leave the renders of an account to others for a while."""
        self._accounts[account] = self.clock() + timing.LEFT_SECONDS

    @property
    def steps(self) -> frozenset[tuple[str, str]]:
        """The steps that are left to others now, each with its run."""
        return _still(self._steps, self.clock())

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts whose renders are left to others now."""
        return _still(self._accounts, self.clock())


def _still(until: dict[Key, float], now: float) -> frozenset[Key]:
    for key in [key for key, ends in until.items() if ends <= now]:
        del until[key]
    return frozenset(until)
