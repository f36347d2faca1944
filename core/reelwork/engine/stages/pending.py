"""Waits for what a hook has begun: as a row that is due later, without holding a slot."""

from __future__ import annotations

from reelwork.engine.stages.step import Next, Working, stop
from reelwork.engine.timing import LONGEST_PENDING, SHORTEST_PENDING
from reelwork.planning.job_state import JobData, Waited
from reelwork.store.records import FAILED
from reelwork_hooks.models import Pending


def last_answer(before: Waited | None, by: str) -> Pending | None:
    """Return the last answer of whoever is called next, if that was to wait."""
    # By name: the state of one plugin must not reach another that has taken its place in an edited workflow.
    return before.answer if before is not None and before.by == by else None


def waiting_for(before: Waited | None, answer: Pending, by: str, now: float) -> Waited:
    """Return the answer with the time since which it has been waited for."""
    return Waited(by=by, answer=answer, since=now if before is None or before.by != by else before.since)


def is_overdue(waited: Waited, now: float) -> bool:
    """Return whether the other side has had its time."""
    return now - waited.since > LONGEST_PENDING


def due(answer: Pending, now: float) -> float:
    """Return when the hook is called again."""
    # A day at most: what asks for a year would otherwise never be found overdue.
    return now + min(max(answer.after, SHORTEST_PENDING), LONGEST_PENDING)


def not_ready(by: str, answer: Pending) -> str:
    """Return what is waited for, as a person reads it."""
    done = "" if answer.percent is None else f" ({answer.percent:.0f} %)"
    return f"{by} is still working on it{done}"


def overdue(by: str) -> str:
    """Return the sentence about one that was not ready in time."""
    return f"{by} was not ready after {LONGEST_PENDING / 3600:.0f} hours."


def wait(work: Working, step: str, answer: Pending, by: str, now: float, *, stands: str) -> Next:
    """Return the same step at the time the hook asked for, or stop when it has waited for too long.

    `stands` is the sentence about money and the video for a job that stops.
    """
    before = work.data.waited
    waited = waiting_for(before, answer, by, now)
    if is_overdue(waited, now):
        # Its state stays: what the other side finishes meanwhile need not be begun again.
        data = work.data.replace(waited=waited.replace(since=now))
        return stop(FAILED, step, data, f"{overdue(by)} {stands} `reelwork resume` waits again.")
    following = Next(
        step,
        work.data.replace(waited=waited),
        until=due(answer, now),
        waits=True,
        reason=not_ready(by, answer),
    )
    # Once: a line for each of a thousand calls would bury the job's story.
    return following if last_answer(before, by) else following.telling("waiting", reason=following.reason)


def over(data: JobData) -> JobData:
    """Return the data of a job whose hook has answered for good."""
    return data if data.waited is None else data.replace(waited=None)
