"""Publishes a job's clip: each destination by itself, moderated, prepared, then posted at most once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from reelwork.engine.stages.appeals import appealed, asked_about, noted, refusal_of, waits_for_a_person
from reelwork.engine.stages.clip import unseen
from reelwork.engine.stages.deadlines import believed
from reelwork.engine.stages.effects import names_of, post_act, post_key
from reelwork.engine.stages.ending import ended
from reelwork.engine.stages.follow import follow, gone, is_open
from reelwork.engine.stages.pending import due, is_overdue, last_answer, not_ready, overdue, waiting_for
from reelwork.engine.stages.post_money import dearer_than_agreed, price_of, with_cost
from reelwork.engine.stages.post_time import at_its_time, is_too_late, still_on_time, too_late_to_send
from reelwork.engine.stages.review import (
    asked_again,
    at_their_time,
    let_pass,
    reviewed,
    standing,
)
from reelwork.engine.stages.shapes import at_destination, finished_again, next_target, unfit
from reelwork.engine.stages.step import Next, Working, go, hold
from reelwork.engine.stages.tools import StageTools
from reelwork.engine.stages.untaken import without_captions
from reelwork.errors import HookFailed, in_a_line, in_sentences, not_posted, with_hint
from reelwork.ids import fingerprint
from reelwork.ledger import MOST_FAILURES, Act, Happened, Later, Outcome, Refused, Undecided, backoff
from reelwork.planning.content_hash import content_hash
from reelwork.planning.destinations import copy_problem
from reelwork.planning.job_state import PLAIN, JobData, PostState, Waited, post_for
from reelwork.planning.post_copy import words_of
from reelwork.planning.post_times import is_handed_over
from reelwork.planning.refusals import Refusal
from reelwork.planning.shapes import posted_as
from reelwork.redaction.redactor import mask
from reelwork.store.holds import HoldReason
from reelwork.store.post_stops import stop_for
from reelwork.store.records import HELD, EffectRow
from reelwork.store.statuses import Step
from reelwork_hooks.errors import NotSent, OutOfFunds, PluginInvalid, Rejected, Unavailable
from reelwork_hooks.models import Content, Pending, Post, Receipt, Stage

# A destination that asks for a pause of 0 would be asked without end.
SHORTEST_PAUSE = 1.0
"""Seconds between two tries to prepare a post."""


async def publish(tools: StageTools, work: Working) -> Next:
    """Bring one destination a step further, or end the job when none is left."""
    destination = _next_destination(tools, work)
    if destination is None:
        return ended(tools, work)
    # All of them before the first post: a shape that moderation refuses must not be found out half-way.
    if (following := next_target(work)) is not None:
        return following
    work = at_destination(work, destination)
    if (held := _held_as_different(work)) is not None:
        return held
    state = work.data.posts.get(destination, PostState())
    waits = state.due_at is not None and state.due_at > tools.clock()
    # One that waits for its time is looked at by the wall clock.
    if waits and not state.slot_waits and not _started_again(tools, work, destination, state):
        return replace(_go(work.data), until=state.due_at, waits=True, reason=state.reason)
    post = _post_of(work, destination)
    if state.following is not None:
        return await follow(tools, work, destination, post)
    if state.state == "open":
        # Of a job that an earlier version finished, or whose moderation was added since.
        if state.waited is None and unseen(work):
            return go(Step.MODERATE_CLIP, work.data)
        return await _prepare(tools, work, destination, post, state)
    return await _post(tools, work, destination, post, state)


def _post_of(work: Working, destination: str) -> Post:
    """Return a post as its publisher gets it: without a time for which Reelwork waits itself."""
    post = post_for(work.data, destination)
    handed_over = post.publish_at is None or is_handed_over(work.pipeline, destination)
    return post if handed_over else post.replace(publish_at=None)


def _started_again(tools: StageTools, work: Working, destination: str, state: PostState) -> bool:
    """Return whether a post that a person had stopped may leave again before its time."""
    if not state.stopped:
        return False
    stop = stop_for(tools.store.post_stops(), names_of(work.pipeline, destination))
    # Where another stop holds by now, it is tried once, so that the job says by which.
    return stop is None or stop.words != state.reason


def _held_as_different(work: Working) -> Next | None:
    """Hold a video that is not what was asked for, until a person approves exactly this clip."""
    data = work.data
    # Where it is finished for several targets, the render counts: one yes is enough, and is asked before any post.
    seen = data.source or data.clip
    assert seen is not None
    # By its contents: a video that is fetched again or changed later needs a yes of its own.
    about = fingerprint([data.differs, seen.video.sha256])
    if not data.differs or about in data.approved:
        return None
    reason = (
        f"the video is not what was asked for: {data.differs}. It is kept at {seen.video.path}; {data.unposted}."
    )
    verdict = {"decision": "hold", "plugin": "reelwork", "reason": data.differs, "stage": "clip", "content": about}
    held = hold(Step.PUBLISH, data, HoldReason.NOT_AS_ASKED, reason)
    return held.telling("verdict", **verdict)


async def publish_again(tools: StageTools, work: Working) -> Next:
    """Try the destinations once more that failed, were held or refused the post. A moderator's refusal stands."""
    if work.row.status == HELD:
        # Nobody has resumed it: it was claimed since the time of a review has come.
        return at_their_time(tools, work, partial(ended, tools))
    data = work.data.replace(posts={**work.data.posts, **asked_again(work.data.posts, believed(tools))})
    for name, post in data.posts.items():
        if post.state in ("failed", "held"):
            # What may be out is looked up as it was sent, whatever a newer plugin says that it takes.
            target = PLAIN if post.target is None and post.may_be_out else post.target
            data = data.with_post(name, state="prepared" if post.prepared is not None else "open", target=target)
        elif post.state == "rejected" and post.refused_there:
            # A refusal ends an effect for good, and nothing was posted. So another try is a new effect with a key
            # of its own.
            anew = {
                "state": "open", "prepared": None, "target": None, "refused_there": False,
                "generation": post.generation + 1,
            }  # fmt: skip
            data = data.with_post(name, **anew)
        elif gone(post):
            # It may have come back. Only looked at: it was accepted, and is never posted a second time.
            data = data.with_post(name, following=_follows(tools, work, name), reason="")
    return finished_again(work.pipeline, data) or go(Step.PUBLISH, data)


def _next_destination(tools: StageTools, work: Working) -> str | None:
    if work.data.take > 1 and work.data.brief.publish_takes == "first":
        return None
    order = work.pipeline.order["publish"]
    open_ = [name for name in order if is_open(work.data.posts.get(name, PostState()))]
    # A destination that waits for its outcome does not hold up the others.
    return min(open_, key=lambda name: work.data.posts.get(name, PostState()).due_at or 0, default=None)


async def _prepare(tools: StageTools, work: Working, destination: str, post: Post, state: PostState) -> Next:
    # The plugin may be another version than the one that the copy was planned for.
    own = work.data.words.destinations.get(destination)
    if own is not None and (problem := copy_problem(work.pipeline, destination, own)):
        return _settled(work, destination, "failed", f"{problem.rstrip('.')}. Nothing was posted.")
    if problem := unfit(work, destination):
        return _settled(work, destination, "failed", f"{problem}. Nothing was posted.")
    before, review = state.waited, await reviewed(tools, work, destination, post)
    if review.only_look:
        # Nothing is uploaded for a post that is not to be sent.
        return _go(work.data.with_post(destination, state="prepared", prepared=None))
    # What is pending or tried again has passed moderation: to ask again with each call may cost money.
    stopped = None if review.moderated else await _moderate(work, destination, post)
    if stopped is None and work.pipeline.workflow.review.score_above is not None:
        # By the score that moderation has given just now.
        review = await reviewed(tools, work, destination, post)
    if (kept_back := stopped or review.following) is not None:
        return kept_back
    # Also where a person wrote and approved the words in one act, so that nobody was shown them.
    work = let_pass(work, destination, review.seen)
    if is_too_late(tools, work, destination) and await _may_be_out(tools, work, destination):
        # Settled before it is said to be late, and nothing is uploaded for it.
        return _go(work.data.with_post(destination, state="prepared", prepared=None))
    timed = at_its_time(tools, work, destination)
    if isinstance(timed, Next):
        return timed
    work, job = timed, timed.job.replace(pending=last_answer(before, destination))
    dispatcher = work.pipeline.dispatcher
    # Committed before the post: a second try after a crash must send what was prepared, not prepare it again.
    data = work.data.with_post(destination, state="prepared", prepared=None, waited=None, failures=0)
    # What was begun there stays, whatever is raised. Only a refusal ends it.
    kept = {} if before is None else {"waited": before.replace(since=tools.clock())}
    if dispatcher.has(destination, "prepare_publish"):
        try:
            prepared = await dispatcher.call(destination, "prepare_publish", post=post, job=job)
            if isinstance(prepared, Pending):
                return _wait(work, destination, before, prepared, tools.clock())
            data = data.with_post(destination, prepared=prepared)
        except Rejected as error:
            return _settled(work, destination, "rejected", in_sentences(error), refused_there=True)
        except OutOfFunds as error:
            return _settled(work, destination, "held", in_sentences(error), hold=HoldReason.NO_FUNDS, **kept)
        except (Unavailable, NotSent) as error:
            return _prepare_later(tools, work, destination, error, kept)
        except Exception as error:
            reason = f"preparing the post failed: {not_posted(error)}"
            return _settled(work, destination, "failed", reason, **kept)
    return _go(data)


def _wait(work: Working, destination: str, before: Waited | None, answer: Pending, now: float) -> Next:
    waited = waiting_for(before, answer, destination, now)
    if is_overdue(waited, now):
        kept = waited.replace(since=now)
        return _settled(work, destination, "failed", overdue("it"), waited=kept)
    reason = not_ready(destination, answer)
    data = work.data.with_post(destination, due_at=due(answer, now), reason=reason, waited=waited)
    return _go(data) if before else _go(data).telling("waiting", destination=destination, reason=reason)


def _prepare_later(
    tools: StageTools, work: Working, destination: str, error: Unavailable | NotSent, kept: Mapping[str, Any]
) -> Next:
    """Prepare the post again after a while: as long as the destination asks for, else a little longer each time."""
    reason, failures = in_a_line(error), work.data.posts.get(destination, PostState()).failures
    if error.retry_after is None:
        failures += 1
        # Nothing of it has left, so it is tried as often as an effect that provably was not sent.
        if failures >= MOST_FAILURES or getattr(error, "lasting", False):
            return _settled(work, destination, "failed", not_posted(error), **kept)
    pause = backoff(failures - 1) if error.retry_after is None else max(error.retry_after, SHORTEST_PAUSE)
    changed = work.data.with_post(destination, due_at=tools.clock() + pause, reason=reason, failures=failures)
    return _go(changed).telling("waiting", destination=destination, reason=reason)


async def _moderate(work: Working, destination: str, post: Post) -> Next | None:
    words = "\n".join(words_of(post)).strip()
    images = (post.clip.thumbnail.path,) if post.clip.thumbnail else ()
    content = Content(stage=Stage.POST, text=words, images=images, destination=destination)
    shown, instances = content_hash(content), work.pipeline.moderators(Stage.POST)
    if shown in work.data.approved:
        return None
    if (refusal := appealed(work, instances, shown)) is not None:
        return _still_appealed(work, destination, refusal)
    try:
        verdict = await work.pipeline.dispatcher.veto(asked_about(work, instances, shown), content, work.job)
    except HookFailed as error:
        reason = f"{in_a_line(error)}. Held, since moderation could not answer; nothing was posted."
        return _settled(work, destination, "held", with_hint(reason, error), hold=HoldReason.MODERATION_SILENT)
    if verdict is None:
        return None
    reason = f"{verdict.plugin!r}: {mask(verdict.reason) or 'no reason given'}"
    told = {**verdict.model_dump(mode="json"), "reason": mask(verdict.reason), "destination": destination}
    if verdict.decision == "hold":
        settled = _settled(work, destination, "held", reason, hold=HoldReason.MODERATION)
    else:
        refusal = refusal_of(work, verdict, Stage.POST, shown, destination)
        refused = replace(work, data=noted(work.data, refusal))
        settled = _settled(refused, destination, "rejected", reason, refused=refusal.id)
    return settled.telling("verdict", **told, content=shown)


def _still_appealed(work: Working, destination: str, refusal: Refusal) -> Next:
    """Hold a post against whose refusal somebody has appealed. Its time is looked at once the job is held."""
    reason = waits_for_a_person(refusal)
    return _settled(work, destination, "held", reason, hold=HoldReason.APPEAL, refused=refusal.id)


async def _post(tools: StageTools, work: Working, destination: str, post: Post, state: PostState) -> Next:
    # Again, right before it is sent: it may have waited for a budget since, or its settings may have changed.
    review = await reviewed(tools, work, destination, post)
    if review.following is not None:
        return review.following
    # A destination may have been renamed since it was posted to. The job's effects tell by the account.
    effects = await tools.store.posts_of(work.row.id)
    timed = still_on_time(tools, work, destination, standing(effects, post_key(work, destination, state, effects)))
    if isinstance(timed, Next):
        return timed
    work = timed
    try:
        price = price_of(work, destination, post, effects)
    except PluginInvalid as error:
        return _settled(work, destination, "failed", not_posted(error))

    def as_sent(effect: EffectRow, run: str) -> Act[Receipt]:
        # By its name then: it may have had copy of its own, and another name since.
        as_then = replace(work, data=posted_as(work.data, effect.subject))
        sent = _post_of(as_then, effect.subject)
        return post_act(tools.with_run(as_then, run), effect.subject, sent, state, tools.store, effects, price)

    act = replace(post_act(work, destination, post, state, tools.store, effects, price), as_sent=as_sent)
    if dearer := dearer_than_agreed(work, destination, act, effects):
        return _held_for_its_price(work, destination, *dearer)
    if review.only_look or too_late_to_send(tools, work, destination, act, effects):
        outcome = await tools.ledger.settle(work.lease, act)
    else:
        outcome = await tools.ledger.perform(work.lease, act, max(state.failures, state.stale))
    return _after(tools, work, destination, state, act, outcome)


def _after(
    tools: StageTools,
    work: Working,
    destination: str,
    state: PostState,
    act: Act[Receipt],
    outcome: Outcome[Receipt],
) -> Next:
    """Return the next state of a job by what came of the request for one of its posts."""
    match outcome:
        case Happened(_, _, found):
            afterwards = None if found else partial(tools.ledger.freshness.after, act)
            return replace(_published(tools, work, destination, outcome, act), afterwards=afterwards)
        case Refused(reason, commands, again):
            kind = "failed" if again else "rejected"
            return replace(_settled(work, destination, kind, reason, refused_there=not again), commands=commands)
        case Undecided(reason, commands):
            settled = _settled(work, destination, "held", reason, hold=outcome.hold_of(act))
            return replace(settled, commands=commands)
        case Later(until, why, commands, prepare_again=True):
            anew = {
                "state": "open", "prepared": None, "due_at": until, "reason": why, "stale": state.stale + 1,
                "stopped": False,
            }  # fmt: skip
            following = replace(_go(work.data.with_post(destination, **anew)), commands=commands)
            return following.telling("waiting", destination=destination, reason=why)
        case Later(until, why, commands, failure, stopped=stopped):
            failures = state.failures + 1 if failure else state.failures
            data = work.data.with_post(destination, due_at=until, reason=why, failures=failures, stopped=stopped)
            waiting = replace(_go(data), commands=commands)
            notable = outcome.notable or (stopped and not state.stopped)
            return waiting.telling("waiting", destination=destination, reason=why) if notable else waiting


async def _may_be_out(tools: StageTools, work: Working, destination: str) -> bool:
    state, effects = work.data.posts.get(destination, PostState()), await tools.store.posts_of(work.row.id)
    return standing(effects, post_key(work, destination, state, effects)) is not None


def _held_for_its_price(work: Working, destination: str, reason: str, content: str) -> Next:
    """Hold a post that costs more than was agreed to, until a person agrees to that price."""
    verdict = {"decision": "hold", "plugin": "reelwork", "reason": reason, "destination": destination}
    settled = _settled(work, destination, "held", reason, hold=HoldReason.POST_PRICE)
    return settled.telling("verdict", **verdict, stage=Stage.POST, content=content)


def _published(
    tools: StageTools, work: Working, destination: str, outcome: Happened[Receipt], act: Act[Receipt]
) -> Next:
    at = outcome.result.at or work.pipeline.provider.context.now()
    instance = work.pipeline.instances[destination]
    receipt, money, problem = with_cost(outcome.result.replace(at=at), act, instance.units)
    if instance.no_captions:
        receipt = without_captions(receipt, destination, _post_of(work, destination).captions)
    known = {"receipt": receipt, "following": _follows(tools, work, destination)}
    settled = _settled(work, destination, "published", problem, **known)
    told = settled.telling("published", destination=destination, url=receipt.url, found=outcome.found)
    return replace(told, commands=(*outcome.commands, *money))


def _follows(tools: StageTools, work: Working, destination: str) -> float | None:
    """Return the time from which a post is followed; None if its publisher does not follow posts."""
    return tools.clock() if work.pipeline.dispatcher.has(destination, "follow_post") else None


def _settled(work: Working, destination: str, state: str, reason: str, **changes: Any) -> Next:
    changes = {"hold": None, "refused_there": False, "refused": "", "waited": None, "stopped": False, **changes}
    data = work.data.with_post(destination, state=state, reason=reason, due_at=None, failures=0, stale=0, **changes)
    following = _go(data)
    if state == "published":
        return following
    return following.telling(f"post-{state}", destination=destination, reason=reason)


def _go(data: JobData) -> Next:
    return go(Step.PUBLISH, data)
