"""Jobs in plain words: what step they are at, what they are called, and what to do about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from reelwork.ids import short_id
from reelwork.store.statuses import Status, Step
from reelwork.studio.advice import Action, NextStep, Standing, next_step
from reelwork.studio.job_view import JobView

STEPS: dict[str, str] = {
    Step.MODERATE_BRIEF: "checking the brief",
    Step.TRANSFORM: "writing the prompt",
    Step.MODERATE_PROMPT: "checking the prompt",
    Step.PREPARE: "preparing the request",
    Step.SUBMIT: "asking the provider",
    Step.SUBMIT_AGAIN: "needs a new render",
    Step.RENDER: "rendering",
    Step.RENDER_AGAIN: "looking up the render",
    Step.DOWNLOAD: "downloading",
    Step.DOWNLOAD_AGAIN: "asking for the video",
    Step.FINISH: "finishing the video",
    Step.MODERATE_CLIP: "checking the video",
    Step.PUBLISH: "publishing",
    Step.PUBLISH_AGAIN: "publishing",
    Step.DONE: "done",
    Step.REMOVED: "removed",
}
RENDERING = {"queued": "in the provider's queue", "completed": "rendered", "failed": "failed", "lost": "lost"}


def step_words(step: str, status: str = Status.ACTIVE) -> str:
    """The step a job is at; nothing for one that is done."""
    return "" if status == Status.DONE else STEPS.get(step, step)


def render_words(state: str, *, overdue: bool, problem: str = "") -> str:
    """Return how a render stands, or in its place why it could not be asked about."""
    return (problem or RENDERING.get(state, "rendering")) + (", overdue" if overdue else "")


def label(
    job_id: str, *, row: str | None = None, platform: str | None = None, take: int = 1, takes: int = 1
) -> str:
    """Return a job's name among the others of its run."""
    parts = [_row_name(row) if row else "", platform or "", f"take {take}/{takes}" if takes > 1 else ""]
    return ", ".join(part for part in parts if part) or short_id(job_id)


def _row_name(row: str) -> str:
    return row if row.lower().startswith("row") else f"row {row}"


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


def label_of(job: Named) -> str:
    """Return a job's name among the others of its run."""
    return label(job.id, row=job.row, platform=job.platform, take=job.take, takes=job.takes)


def target_words(target: Mapping[str, Any] | None) -> str:
    """Return what a target asks of a video, such as `9:16, at most 30 s`."""
    asked = target or {}
    parts = (
        asked.get("aspect_ratio"),
        f"at most {asked['longest']:g} s" if asked.get("longest") else None,
        f"at most {asked['most_bytes']:,} bytes" if asked.get("most_bytes") else None,
        " or ".join(asked.get("codecs") or ()),
    )
    return ", ".join(part for part in parts if part) or "the video as rendered"


RAISED = "--set budget.{budget}=AMOUNT  (with a higher amount)"
"""The option that resumes jobs which a budget holds. The sentence about the budget is made in `store/rules.py`."""
RETRY = "reelwork jobs retry {job}  (pays for a new render)"
DECIDE = "reelwork jobs resolve {job}  (you decide)"
NEXT: dict[Action, str] = {
    Action.NOTHING: "",
    Action.RESUME: "reelwork resume {job}",
    Action.RAISE_BUDGET: f"reelwork resume {{job}} {RAISED}",
    Action.RESOLVE: DECIDE,
    Action.RESOLVE_OR_RESUME: f"{DECIDE}, or: reelwork resume {{job}}  (asks again)",
    Action.RESUME_OR_RETRY: f"reelwork resume {{job}}  (asks again), or: {RETRY}",
    Action.RETRY: RETRY,
    Action.LOOK_THEN_RETRY: f"check at the provider; if it is not there: {RETRY}",
    Action.CORRECT_THEN_RETRY: "fix what it names, then: reelwork jobs retry {job}; "
    "or change the prompt and {anew}",
    Action.CORRECT_THEN_POST: "fix what it names, or wait until it has passed, then: reelwork jobs retry {job}",
    Action.CHANGE: "change what it names and {anew}",
    Action.RECONCILE: "reelwork reconcile {job}  (looks up the outcome)",
    Action.SETTLE: "reelwork jobs resolve {job} --happened ID-THERE, or: "
    "reelwork jobs resolve {job} --did-not-happen  (you decide; nothing is sent)",
}


class Advised(Named, Standing, Protocol):
    """A job that has a next step."""


def next_words(job: Advised, following: NextStep | None = None) -> str:
    """Return the next step for a person in a line, or the one given; empty if there is none."""
    following = following or next_step(job)
    anew = "run again" if job.row is None else "run again (with a new id, if the row has one)"
    return NEXT[following.action].format(job=short_id(job.id), budget=following.budget, anew=anew)


def job_as_json(job: JobView) -> dict[str, Any]:
    """Return a job as programs get it."""
    return {**job.as_json(), "next": next_words(job)}
