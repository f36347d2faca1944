"""The next step for a job in words: the command that takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from reelwork.ids import short_id
from reelwork.store.rules import setting_of
from reelwork.studio.advice import Action, NextStep, Standing, next_step
from reelwork.studio.job_view import JobView


class Named(Protocol):
    """The facts that tell a job from the others of its run: of a `JobView` or a `JobResult`."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def row(self) -> str | None:
        """The row of the batch that it came from."""
        ...

    @property
    def platform(self) -> str | None:
        """The platform's name."""
        ...

    @property
    def take(self) -> int:
        """The number of this take, from 1."""
        ...

    @property
    def takes(self) -> int:
        """The number of takes of its prompt."""
        ...


RAISED = "--set {budget}=AMOUNT  (with a higher amount)"
"""The option that resumes jobs which a budget holds. The sentence about the budget is made in `store/rules.py`."""
RETRY = "reelwork jobs retry {job}  (pays for a new render)"
DECIDE = "reelwork jobs resolve {job}  (you decide)"
APPEAL = 'reelwork review appeal {job} --because "TEXT"  (a person decides)'
NEXT: dict[Action, str] = {
    Action.NOTHING: "",
    Action.RESUME: "reelwork resume {job}",
    Action.WAIT: "reelwork serve  (posts it at its time), or from then on: reelwork resume {job}",
    Action.START_POSTS: "reelwork posts start  (starts all posts again; with a name, those it stopped)",
    Action.RAISE_BUDGET: f"reelwork resume {{job}} {RAISED}",
    Action.RESOLVE: DECIDE,
    Action.RESOLVE_OR_RESUME: f"{DECIDE}, or: reelwork resume {{job}}  (asks again)",
    Action.RESUME_OR_RETRY: f"reelwork resume {{job}}  (asks again), or: {RETRY}",
    Action.RETRY: RETRY,
    Action.LOOK_THEN_RETRY: f"check at the provider; if it is not there: {RETRY}",
    Action.CORRECT_THEN_RETRY: "fix what it names, then: reelwork jobs retry {job}; "
    "or change the prompt and {anew}",
    Action.CORRECT_THEN_POST: "fix what it names, or wait until it has passed, then: reelwork jobs retry {job}",
    Action.REVIEW: "reelwork review show {job}  (you decide)",
    Action.ASK_AGAIN: "reelwork jobs retry {job}  (asks for a review again; pays nothing)",
    Action.APPEAL: f"{APPEAL}, or change what it names and {{anew}}",
    Action.CHANGE: "change what it names and {anew}",
    Action.RECONCILE: "reelwork reconcile {job}  (looks up the outcome)",
    Action.SETTLE: "reelwork jobs resolve {job} --happened ID-THERE, or: "
    "reelwork jobs resolve {job} --did-not-happen  (you decide; nothing is sent)",
}


class Advised(Named, Standing, Protocol):
    """A job that has a next step."""

    @property
    def brand(self) -> str:
        """The brand that it is for; empty if it is for none."""
        ...


def _as_typed_here(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Vantage:
    """The place of a person who is told what to do next."""

    driven: bool = False
    """A server runs on the store: active jobs need nobody."""
    typed: Callable[[str], str] = _as_typed_here
    """Returns a text with its commands as they are typed at that place."""


HERE = Vantage()
"""At the machine that has the store, where no server runs."""


def next_words(job: Advised, following: NextStep | None = None, at: Vantage = HERE) -> str:
    """Return the next step for a person in a line, or the one given; empty if there is none."""
    following = following or next_step(job, driven=at.driven)
    anew = "run again" if job.row is None else "run again (with a new id, if the row has one)"
    budget = setting_of(following.budget, job.brand)
    words = NEXT[following.action]
    if job.appealable and following.action is not Action.APPEAL:
        # Of several posts, one that moderation refused stands back behind what the others need.
        words = f"{words}; about the refusal: {APPEAL}" if words else APPEAL
    return at.typed(words.format(job=short_id(job.id), budget=budget, anew=anew))


def job_as_json(job: JobView, at: Vantage = HERE) -> dict[str, Any]:
    """Return a job as programs get it."""
    return {**job.as_json(), "next": next_words(job, at=at)}
