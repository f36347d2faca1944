"""Lets a post that is ready wait for its time. The job is a row meanwhile, and no process has to run.

Nothing is uploaded before: what a network is handed may not be kept there for days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from reelwork.clock import doubt_of, in_words
from reelwork.engine import timing
from reelwork.engine.stages.effects import names_of
from reelwork.engine.stages.step import Next, Working, go
from reelwork.engine.stages.tools import StageTools
from reelwork.ids import fingerprint
from reelwork.ledger import Act
from reelwork.planning import post_times
from reelwork.planning.job_state import PostState
from reelwork.store.commands import Doubt
from reelwork.store.holds import HoldReason
from reelwork.store.post_stops import stop_for
from reelwork.store.records import EffectRow
from reelwork.store.statuses import Step
from reelwork_hooks.effects import EffectState, Idempotency
from reelwork_hooks.models import Receipt, Stage

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
        reason = "ready; its time has come by a clock that was just set forward, which may be corrected"
        # A server may vouch for it at any time.
        return _waits(work, destination, now + min(doubt, timing.DOUBT_AGAIN), now, reason)
    stop = stop_for(tools.store.post_stops(), names_of(work.pipeline, destination))
    if stop is not None:
        # Kept here and not right before it is sent: when posts are started again, it may be too late for it.
        return _waits(work, destination, now + LONGEST_WAIT, now, stop.words, stopped=True)
    on_time = now - when <= _grace(state, when)
    return _let_out(work, destination, when) if on_time else _late(work, destination, at, now)


def still_on_time(tools: StageTools, work: Working, destination: str, sent: EffectRow | None) -> Working | Next:
    """Return as `at_its_time` does, right before a post leaves. What may be out, `sent`, is settled at any time."""
    if sent is None:
        # Asked again: since it was let out, posts may have been stopped, or no process may have run for days.
        return at_its_time(tools, work, destination)
    if sent.state == EffectState.INTENDED and is_too_late(tools, work, destination):
        return _too_late_with_its_key(work, destination, sent)
    return work


def too_late_to_send(
    tools: StageTools, work: Working, destination: str, act: Act[Receipt], effects: Sequence[EffectRow]
) -> bool:
    """Return whether a post that may be out is too late to be sent again with its key."""
    # The key keeps it from being made twice, and not from being made days after its time. Without a key it is
    # looked up anyway, and what proves not to have happened goes by its time again before it leaves.
    sent = next((one for one in effects if one.key == act.key), None)
    in_doubt = sent is not None and sent.state in (EffectState.SENT, EffectState.UNKNOWN)
    return in_doubt and act.idempotency is Idempotency.KEY and is_too_late(tools, work, destination)


def is_too_late(tools: StageTools, work: Working, destination: str) -> bool:
    """Return whether a post has a time that has passed for too long, and nobody wants it all the same."""
    at = post_times.time_of(work.pipeline, work.data, destination)
    if at is None or doubt_of(tools.clock) > 0:
        return False
    state, when = work.data.posts.get(destination, PostState()), at.timestamp()
    return tools.clock() - when > _grace(state, when) and not _may_be_late(work, destination, when)


def _too_late_with_its_key(work: Working, destination: str, sent: EffectRow) -> Next:
    """Hold a post for a person that was about to be sent again with its key."""
    reason = (
        f"The outcome of the post to {destination} is unknown: an earlier try may have been carried out, and it is "
        "too late to send it again with its key."
    )
    held = {"state": "held", "hold": HoldReason.IN_DOUBT, "reason": reason, "due_at": None, "slot_waits": False}
    following = go(Step.PUBLISH, work.data.with_post(destination, **held, stopped=False, failures=0))
    told = following.telling("post-held", destination=destination, reason=reason)
    return replace(told, commands=(Doubt(sent.key, reason, None, earlier=True),))


def _grace(state: PostState, when: float) -> float:
    """Return the seconds after its time within which a post may leave."""
    # For a pause that the network asks for. A stop by a person, or a server that was down, excuses nothing more.
    return 2 * ON_TIME if state.let_out == when else ON_TIME


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
    if _may_be_late(work, destination, at.timestamp()):
        return _let_out(work, destination, at.timestamp())
    missed = f"ready {in_words(now - at.timestamp())} after its time, {post_times.in_words(at)}; nothing was posted"
    changes = {"due_at": None, "failures": 0, "slot_waits": False, "stopped": False}
    if _rule(work) == SKIPPED:
        reason = f"{missed} (late = skip)"
        data = work.data.with_post(destination, state="rejected", skipped=True, reason=reason, **changes)
        return go(Step.PUBLISH, data).telling("post-rejected", destination=destination, reason=missed)
    data = work.data.with_post(destination, state="held", hold=HoldReason.LATE, reason=missed, **changes)
    verdict = {"decision": "hold", "plugin": "reelwork", "reason": missed, "destination": destination}
    about = _about(destination, at.timestamp())
    held = go(Step.PUBLISH, data).telling("post-held", destination=destination, reason=missed)
    return held.telling("verdict", **verdict, stage=Stage.POST, content=about)


def _rule(work: Working) -> str:
    return work.data.late or work.pipeline.workflow.posts.late


def _about(destination: str, when: float) -> str:
    # Bound to this time: one that is set anew and missed again needs another yes.
    return fingerprint(["late", destination, when])


def _may_be_late(work: Working, destination: str, when: float) -> bool:
    return _rule(work) == POSTED or _about(destination, when) in work.data.approved
