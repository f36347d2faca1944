"""The next step for a job: what it takes to go on, and whether that pays for a new render."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from reelwork.store.holds import HoldReason
from reelwork.store.statuses import Status, Step


class Action(StrEnum):
    """A step that a person can take about a job."""

    NOTHING = "nothing"
    RESUME = "resume"
    WAIT = "wait"
    """Its posts wait for their time. Until then a resumed job has nothing to do, and a server needs nobody."""
    START_POSTS = "start-posts"
    """A person has stopped posts, and starts them again."""
    RAISE_BUDGET = "raise-budget"
    """Resume it with a higher budget."""
    RESOLVE = "resolve"
    """Only a person can settle it."""
    RESOLVE_OR_RESUME = "resolve-or-resume"
    """A person can settle it, or a resumed job asks once more."""
    RESUME_OR_RETRY = "resume-or-retry"
    """A resumed job asks the provider once more; only a retry pays for a new render."""
    RETRY = "retry"
    """It needs a new render, which is paid for."""
    LOOK_THEN_RETRY = "look-then-retry"
    """The render may be there: a person checks at the provider before paying for a new one."""
    CORRECT_THEN_RETRY = "correct-then-retry"
    """The provider refused it: retry once what it names is put right."""
    CORRECT_THEN_POST = "correct-then-post"
    """A destination refused it: retry once what it names is put right, which pays for no render."""
    REVIEW = "review"
    """A person approves or rejects its posts, or an appeal."""
    ASK_AGAIN = "ask-again"
    """A person rejected its posts, or nobody reviewed them in time: a retry asks once more, and pays nothing."""
    APPEAL = "appeal"
    """Moderation refused it: a person can appeal, or give it other content."""
    CHANGE = "change"
    """Moderation refused it: only other content helps."""
    RECONCILE = "reconcile"
    """It ended for good while a request was on its way: look up the outcome."""
    SETTLE = "settle"
    """It ended for good, and a person must say whether a request or post happened. Nothing is sent."""


BY_PERSON = "rejected by a person"
"""The reason of a job that a person ended with a no: there is nothing in it to put right."""
BY_ITSELF = (Action.RESUME, Action.RESOLVE_OR_RESUME, Action.RESUME_OR_RETRY)
"""One `resume` continues all such jobs, and pays for nothing twice."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next step for a person."""

    action: Action
    budget: str = ""
    """The budget that holds the job, such as `per_day`."""


class Standing(Protocol):
    """The standing of a job: of a `JobView` or a `JobResult`."""

    @property
    def status(self) -> str:
        """One of `Status`."""
        ...

    @property
    def step(self) -> str:
        """One of `Step`."""
        ...

    @property
    def reason(self) -> str:
        """The reason why it stands as it does."""
        ...

    @property
    def post_wait(self) -> str:
        """The event that its posts wait for: `time`, or `start` when a person has stopped them; empty for none."""
        ...

    @property
    def skipped(self) -> bool:
        """True if all that kept it from being posted is that it was late, as the workflow asks."""
        ...

    @property
    def hold(self) -> HoldReason | None:
        """The reason why it is held."""
        ...

    @property
    def refused_there(self) -> bool:
        """True if a destination refused it, not moderation."""
        ...

    @property
    def in_review(self) -> bool:
        """True if a person is asked about one of its posts, or about an appeal."""
        ...

    @property
    def appealable(self) -> bool:
        """True if moderation refused it, or one of its posts, and a person may overrule that."""
        ...

    @property
    def unapproved(self) -> bool:
        """True if a person rejected one of its posts, or nobody reviewed it in time."""
        ...

    @property
    def doubt(self) -> str:
        """Of a job that ended for good: `unknown` or `sent` when the outcome of an effect is not known."""
        ...


def next_step(job: Standing, *, open_questions: bool = True, driven: bool = False) -> NextStep:
    """Return the next step for a person.

    Without `open_questions` there is nothing left to decide about the job. It is `driven` where a server runs on
    its store.
    """
    # What is in doubt comes first: every other advice would change the job while a request may have arrived.
    match job.status, job.step:
        case _, Step.REMOVED:
            return NextStep(Action.NOTHING)
        case ((Status.REJECTED | Status.CANCELLED), _) if job.doubt:
            # Only its sender or a lookup can tell the outcome of an effect that is on its way.
            return NextStep(Action.RECONCILE if job.doubt == "sent" else Action.SETTLE)
        case Status.REJECTED, Step.SUBMIT_AGAIN:
            return NextStep(Action.CORRECT_THEN_RETRY)
        case Status.REJECTED, Step.PUBLISH_AGAIN if job.refused_there:
            return NextStep(Action.CORRECT_THEN_POST)
        case Status.REJECTED, Step.PUBLISH_AGAIN if job.unapproved:
            return NextStep(Action.ASK_AGAIN)
        case Status.REJECTED, _ if job.skipped or job.reason == BY_PERSON:
            return NextStep(Action.NOTHING)
        case Status.REJECTED, _:
            return NextStep(Action.APPEAL if job.appealable else Action.CHANGE)
        case Status.FAILED, Step.SUBMIT_AGAIN:
            return NextStep(Action.RETRY)
        case Status.HELD, Step.SUBMIT_AGAIN:
            return NextStep(Action.LOOK_THEN_RETRY)
        case ((Status.FAILED | Status.HELD), (Step.RENDER_AGAIN | Step.DOWNLOAD_AGAIN)):
            return NextStep(Action.RESUME_OR_RETRY)
        case Status.HELD, _ if job.hold is HoldReason.APPEAL:
            return NextStep(Action.REVIEW)
        case Status.HELD, _ if job.in_review and job.hold in (HoldReason.REVIEW, HoldReason.SEVERAL):
            # Where its posts are held for several reasons, the others are shown there too.
            return NextStep(Action.REVIEW)
        case Status.HELD, _ if job.hold is not None:
            return _held(job.hold, open_questions)
        case Status.ACTIVE, _:
            return NextStep(_active(job, driven))
        case ((Status.FAILED | Status.HELD), _):
            return NextStep(Action.RESUME)
        case _:
            return NextStep(Action.NOTHING)


def _active(job: Standing, driven: bool) -> Action:
    if job.post_wait == "start":
        return Action.START_POSTS
    if driven:
        return Action.NOTHING
    return Action.WAIT if job.post_wait == "time" else Action.RESUME


def _held(hold: HoldReason, open_questions: bool) -> NextStep:
    if hold.budget:
        return NextStep(Action.RAISE_BUDGET, hold.budget)
    if not hold.asks or not open_questions:
        return NextStep(Action.RESUME)
    return NextStep(Action.RESOLVE_OR_RESUME if hold.resumes else Action.RESOLVE)
