"""Lets a post that is ready wait for its time. The job is a row meanwhile, and no process has to run.

Nothing is uploaded before: what a network is handed may not be kept there for days.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from reelwork.clock import doubt_of, in_words
from reelwork.engine import timing
from reelwork.engine.stages.effects import names_of
from reelwork.engine.stages.step import Next, Working, go
from reelwork.engine.stages.tools import StageTools
from reelwork.ids import fingerprint
from reelwork.planning import post_times
from reelwork.planning.job_state import PostState
from reelwork.store.holds import HoldReason
from reelwork.store.post_stops import stop_for
from reelwork.store.statuses import Step
from reelwork_hooks.models import Stage

# A server may be restarted then. A network that asks for a pause may take as long again.
ON_TIME = 900.0
"""Seconds after its time within which a post is still on time."""
# By the wall clock, which is looked at anew each time. A long wait that was reckoned once could be wrong by as much
# as the clock was set meanwhile.
LONGEST_WAIT = 3600.0
"""Seconds after which a post that waits is looked at again."""
SKIPPED = "skip"
POSTED = "post"


def at_its_time(tools: StageTools, work: Working, destination: str) -> Working | Next:
    """Return the job with its post let out, or what it waits for.

    Asked until the post leaves: what was let out may be stopped, or become late, before it is sent.
    """
    at = post_times.time_of(work.pipeline, work.data, destination)
    state = work.data.posts.get(destination, PostState())
    if at is None:
        return _let_out(work, destination, None)
    now, when = tools.clock(), at.timestamp()
    if now < when:
        return _waits(work, destination, when, now, f"ready; is posted {post_times.in_words(at)}")
    doubt = doubt_of(tools.clock)
    if doubt > 0:
        # Posted by a clock that is set right a minute later, it would be out for good.
        reason = "ready; its time has come by a clock that was just set forward, which may be set right"
        # A server may vouch for it at any time.
        return _waits(work, destination, now + min(doubt, timing.DOUBT_AGAIN), now, reason)
    stop = stop_for(tools.store.post_stops(), names_of(work.pipeline, destination))
    if stop is not None:
        # Kept here and not right before it is sent: when posts are started again, it may be too late for it.
        return _waits(work, destination, now + LONGEST_WAIT, now, stop.words, stopped=True)
    # For a pause that the network asks for. A stop by a person, or a server that was down, excuses nothing more.
    on_time = 2 * ON_TIME if state.let_out == when else ON_TIME
    return _let_out(work, destination, when) if now - when <= on_time else _late(work, destination, at, now)


def _let_out(work: Working, destination: str, when: float | None) -> Working:
    state = work.data.posts.get(destination, PostState())
    if not state.slot_waits and state.let_out == when:
        return work
    # Noted, so that a pause which the network asks for afterwards does not make it late.
    data = work.data.with_post(destination, slot_waits=False, stopped=False, let_out=when, due_at=None, reason="")
    return replace(work, data=data)


def _waits(
    work: Working, destination: str, until: float, now: float, reason: str, *, stopped: bool = False
) -> Next:
    state = work.data.posts.get(destination, PostState())
    if state.slot_waits and state.reason == reason:
        waiting = replace(go(Step.PUBLISH, work.data), until=min(until, now + LONGEST_WAIT), waits=True)
        return replace(waiting, reason=f"{destination}: {reason}")
    kept = {"slot_waits": True, "stopped": stopped, "due_at": until, "reason": reason}
    data = work.data.with_post(destination, **kept)
    return go(Step.PUBLISH, data).telling("waiting", destination=destination, reason=reason)


def _late(work: Working, destination: str, at: datetime, now: float) -> Working | Next:
    rule = work.data.late or work.pipeline.workflow.posts.late
    # Bound to this time: one that is set anew and missed again needs another yes.
    about = fingerprint(["late", destination, at.timestamp()])
    if rule == POSTED or about in work.data.approved:
        return _let_out(work, destination, at.timestamp())
    missed = f"ready {in_words(now - at.timestamp())} after its time, {post_times.in_words(at)}; nothing was posted"
    changes = {"due_at": None, "failures": 0, "slot_waits": False, "stopped": False}
    if rule == SKIPPED:
        reason = f"{missed} (late = skip)"
        data = work.data.with_post(destination, state="rejected", skipped=True, reason=reason, **changes)
        return go(Step.PUBLISH, data).telling("post-rejected", destination=destination, reason=missed)
    data = work.data.with_post(destination, state="held", hold=HoldReason.LATE, reason=missed, **changes)
    verdict = {"decision": "hold", "plugin": "reelwork", "reason": missed, "destination": destination}
    held = go(Step.PUBLISH, data).telling("post-held", destination=destination, reason=missed)
    return held.telling("verdict", **verdict, stage=Stage.POST, content=about)
