"""Jobs in plain words: what step they are at, what they are called, and what to do about them."""

from __future__ import annotations

from reelwork.ids import short_id
from reelwork.store.holds import HoldReason
from reelwork.store.records import GIVEN_UP, PAID_AGAIN, REMOVED
from reelwork.store.statuses import CLOSED, Step

STEPS: dict[str, str] = {
    Step.MODERATE_BRIEF: "checking the brief",
    Step.TRANSFORM: "writing the prompt",
    Step.MODERATE_PROMPT: "checking the prompt",
    Step.PREPARE: "preparing the request",
    Step.SUBMIT: "asking the provider",
    Step.SUBMIT_AGAIN: "needs a new render",
    Step.RENDER: "rendering",
    Step.RENDER_AGAIN: "looking for the render",
    Step.DOWNLOAD: "downloading",
    Step.DOWNLOAD_AGAIN: "asking for the video",
    Step.FINISH: "finishing the video",
    Step.PUBLISH: "publishing",
    Step.PUBLISH_AGAIN: "publishing",
    Step.DONE: "done",
    Step.REMOVED: "removed",
}
RENDERING = {"queued": "in the provider's queue", "completed": "rendered", "failed": "failed", "lost": "lost"}


def step_words(step: str, status: str = "active") -> str:
    """The step a job is at; nothing for one that is done."""
    return "" if status == "done" else STEPS.get(step, step)


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


def next_step(
    job_id: str,
    status: str,
    step: str,
    row: str | None = None,
    *,
    hold: HoldReason | None = None,
    refused_there: bool = False,
    doubt: str = "",
) -> str:
    """Return the next step for a person about a job that is not done; empty if there is none.

    `hold`: why it is held; `refused_there`: a destination refused it, not moderation; `doubt`: an effect of a job
    that was ended for good is in this state.
    """
    short = short_id(job_id)
    if step == REMOVED:
        return ""
    if doubt and status in CLOSED:
        return _settling(short, doubt)
    if status == "rejected":
        return _after_a_refusal(short, step, row, again=refused_there)
    if status == "failed" and step == PAID_AGAIN:
        return f"reelwork jobs retry {short}  (pays for a new render)"
    if status == "held" and step == PAID_AGAIN:
        return f"look at the provider; if it is not there: reelwork jobs retry {short}  (pays for a new render)"
    if status in ("failed", "held") and step in GIVEN_UP:
        return f"reelwork resume {short}  (looks again), or: reelwork jobs retry {short}  (pays for a new render)"
    if status == "held" and hold is not None:
        return _letting_go(short, hold)
    if status in ("failed", "active", "held"):
        return f"reelwork resume {short}"
    return ""


def _letting_go(short: str, hold: HoldReason) -> str:
    if hold.budget:
        return f"reelwork resume {short} {raised(hold.budget)}"
    if not hold.asks:
        return f"reelwork resume {short}"
    again = f", or: reelwork resume {short}  (looks or asks again)" if hold.resumes else ""
    return f"reelwork jobs resolve {short}  (you decide){again}"


def raised(budget: str) -> str:
    """The option that lets jobs go on which a budget holds."""
    return f"--set budget.{budget}=AMOUNT  (with a higher amount)"


def _settling(short: str, doubt: str) -> str:
    """Return the command that settles an effect of a job that ended.

    Only its sender or a lookup can tell the outcome of an effect that is on its way.
    """
    if doubt == "sent":
        return f"reelwork reconcile {short}  (looks what became of it)"
    resolve = f"reelwork jobs resolve {short}"
    return f"{resolve} --happened ID-THERE, or: {resolve} --did-not-happen  (you decide; nothing is sent)"


def _after_a_refusal(short: str, step: str, row: str | None, *, again: bool) -> str:
    """A moderator's refusal stands for the same words; a provider's may be about the account or the key."""
    anew = "run again" if row is None else "run again (with a new id, if the row has one)"
    if step == PAID_AGAIN:
        return f"put right what it names, then: reelwork jobs retry {short}; or change the prompt and {anew}"
    if step == Step.PUBLISH_AGAIN and again:
        return f"put right what it names, or wait until it has passed, then: reelwork jobs retry {short}"
    return f"change what it names and {anew}"
