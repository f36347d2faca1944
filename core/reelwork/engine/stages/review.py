"""Holds a post until a person has approved exactly it. Where none was asked for, the post goes on.

An approval is for one hash: of the words, the options, the files and the account. It is compared right before the
post is prepared, and again right before it is sent, so nothing that changed in between goes out. A
review that nobody decides is reminded of, and ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from reelwork.clock import iso
from reelwork.engine.stages.appeals import appeals_at_their_time
from reelwork.engine.stages.clip import from_the_start
from reelwork.engine.stages.deadlines import believed, in_review
from reelwork.engine.stages.effects import account_of, post_key
from reelwork.engine.stages.step import Next, Working, go, stop
from reelwork.engine.stages.tools import StageTools
from reelwork.money import to_dollars
from reelwork.planning.destinations import account_at
from reelwork.planning.job_state import JobData, PostState, ReviewState
from reelwork.planning.plan import total
from reelwork.planning.review_rules import changed_file, reasons, seen_of
from reelwork.plugins.taking_part import highest_score
from reelwork.settings.lengths import seconds_in
from reelwork.store.holds import HoldReason
from reelwork.store.notes import is_in_doubt
from reelwork.store.records import FAILED, HELD, EffectRow
from reelwork.store.statuses import Step
from reelwork_hooks.effects import EffectState
from reelwork_hooks.models import Post

EXPIRED = "nobody reviewed it in time"


@dataclass(frozen=True)
class Reviewed:
    """The standing of a post with its review. Without a `following`, nothing keeps it back."""

    following: Next | None = None
    moderated: bool = False
    """True if moderation has let just this pass before."""
    seen: str = ""
    """The hash of what is approved; empty if it need not be."""
    only_look: bool = False
    """It may be out since it was approved, and has changed: it is looked up, and never sent like this."""


async def reviewed(tools: StageTools, work: Working, destination: str, post: Post) -> Reviewed:
    """Return whether a post may go on; if not, the next state of its job once moderation has let the post pass."""
    state = work.data.posts.get(destination, PostState())
    why = await _why(tools, work, destination)
    if not why:
        return Reviewed(moderated=state.waited is not None or state.due_at is not None)
    effects = await tools.store.posts_of(work.row.id)
    sent = standing(effects, post_key(work, destination, state, effects))
    if sent is not None and sent.state == EffectState.CONFIRMED:
        # It is there, by a lookup or a late answer. Only its receipt is still to be taken over.
        return Reviewed(moderated=True)
    review, seen = state.review, seen_of(post, account_at(work.pipeline, destination))
    # By its bytes: a file that was replaced may have the size of the one that was watched.
    changed = await asyncio.to_thread(changed_file, post)
    moderated = review is not None and review.shown == seen
    if review is not None and review.approved == seen and not changed:
        return Reviewed(moderated=moderated, seen=seen)
    if sent is not None and _is_looked_up(work, destination, sent, review):
        return Reviewed(only_look=True)
    if changed:
        return Reviewed(_fetched_again(work, changed), moderated=True)
    if review is None or review.shown != seen:
        return Reviewed(_asked(tools, work, destination, why, seen, sent))
    return Reviewed(_still_waiting(work, destination, believed(tools)), moderated)


def let_pass(work: Working, destination: str, seen: str) -> Working:
    """Return the job with what moderation has let pass just now, so that it is asked once about each wording."""
    review = work.data.posts.get(destination, PostState()).review
    if review is None or not seen:
        return work
    return replace(work, data=work.data.with_post(destination, review=review.replace(shown=seen)))


async def _why(tools: StageTools, work: Working, destination: str) -> str:
    """Return why a post must be approved; empty if it need not be."""
    review = work.data.posts.get(destination, PostState()).review
    if review is not None:
        # Whoever was asked once must answer: settings that no longer ask are no answer.
        return review.why
    table, first = work.pipeline.workflow.review, False
    if table.first_post:
        earlier = await tools.store.newest_control(account_of(work.pipeline, destination), "publish", "")
        first = earlier is None
    return next(reasons(table, destination, _cost(work.data), first_post=first, score=highest_score()), "")


def _cost(data: JobData) -> Decimal | None:
    """Return what a job costs at most in US dollars, as far as that is known now."""
    render = data.render.cost if data.render is not None else to_dollars(data.cost)
    return total((render, *map(to_dollars, data.post_costs.values())))


def standing(effects: Sequence[EffectRow], key: str) -> EffectRow | None:
    """Return the effect of a post that may be out; None if it surely is not."""
    effect = next((one for one in effects if one.key == key), None)
    if effect is None or effect.state == EffectState.REJECTED:
        return None
    not_sent = effect.state == EffectState.INTENDED and not is_in_doubt(effect.evidence)
    return None if not_sent else effect


def _is_looked_up(work: Working, destination: str, sent: EffectRow, review: ReviewState | None) -> bool:
    """Return whether a post that may be out is looked up, although what would be sent now is not approved."""
    if sent.state not in (EffectState.SENT, EffectState.UNKNOWN):
        # About to be sent again with its key: that needs an approval of what is sent now.
        return False
    # A store that was put back from a backup doubts posts that it never saw approved.
    approved = review is not None and bool(review.approved)
    return approved or work.pipeline.dispatcher.has(destination, "find_post")


def _asked(tools: StageTools, work: Working, destination: str, why: str, seen: str, sent: EffectRow | None) -> Next:
    """Ask a person, with the time until which they can answer."""
    table, now = work.pipeline.workflow.review, tools.clock()
    before = work.data.posts.get(destination, PostState()).review
    expires, remind = seconds_in(table.expires, "expires"), seconds_in(table.remind, "remind")
    review = ReviewState(
        why=why,
        asked_at=now,
        expires_at=now + expires,
        remind_at=now + remind if remind < expires else None,
        shown=seen,
        account=account_at(work.pipeline, destination),
    )
    changed = ", and it has changed since it was approved" if before is not None and before.approved else ""
    posts = "nothing was posted" if sent is None else "it may be there already, which is looked up after that"
    reason = f"waits for a review: {why}{changed}; {posts}"
    data = _held(work.data, destination, reason, review)
    told = {"destination": destination, "reason": reason, "expires_at": iso(review.expires_at), "seen": seen}
    return go(Step.PUBLISH, data).telling("review-asked", **told)


def _held(data: JobData, destination: str, reason: str, review: ReviewState) -> JobData:
    held = {
        "state": "held",
        "hold": HoldReason.REVIEW,
        "due_at": None,
        "failures": 0,
        "prepared": None,
        "refused": "",
    }
    return data.with_post(destination, **held, stopped=False, reason=reason, review=review)


def _still_waiting(work: Working, destination: str, now: float) -> Next:
    state = work.data.posts[destination]
    review = state.review
    assert review is not None
    if review.expires_at <= now:
        return go(Step.PUBLISH, _expired(work.data, destination)).telling("review-expired", destination=destination)
    return go(Step.PUBLISH, _held(work.data, destination, state.reason, review))


def _expired(data: JobData, destination: str) -> JobData:
    return data.with_post(
        destination, state="rejected", reason=EXPIRED, hold=None, due_at=None, waited=None, stopped=False
    )


def _fetched_again(work: Working, problem: str) -> Next:
    """Stop a job one of whose files is another than the one that was shown, or is to be."""
    reason = f"{problem}; {work.data.unposted}. `reelwork resume` fetches the video again and pays nothing."
    return stop(FAILED, Step.DOWNLOAD, from_the_start(work.data), reason)


def at_their_time(tools: StageTools, work: Working, end: Callable[[Working], Next]) -> Next:
    """Remind of the reviews and appeals whose time for that has come, and end those whose time is over.

    `end` makes of the job's posts the state that the job comes to.
    """
    now, waiting = believed(tools), in_review(work.data.posts)
    over = [name for name, review in waiting.items() if review.expires_at <= now]
    due = [name for name in waiting if name not in over and (waiting[name].remind_at or now + 1) <= now]
    data, tells = appeals_at_their_time(work.data, now)
    for name in over:
        data = _expired(data, name)
    for name in due:
        data = data.with_post(name, review=waiting[name].replace(remind_at=None))
    following = end(replace(work, data=data))
    # Of a job that stays held, its story tells that already.
    following = replace(following, tells=() if following.status == HELD else following.tells)
    for name in over:
        following = following.telling("review-expired", destination=name)
    for name in due:
        ends = iso(waiting[name].expires_at)
        following = following.telling("review-reminder", destination=name, expires_at=ends)
    return replace(following, tells=(*following.tells, *tells))


def asked_again(posts: Mapping[str, PostState], now: float) -> dict[str, PostState]:
    """Return the posts that a person has rejected or not reviewed in time, as if nobody had been asked yet."""
    found = {}
    # Of a job that is held for another post, a person's no stands: it was resumed for the other one.
    ended = not any(post.state in ("held", "failed") for post in posts.values())
    for name, post in posts.items():
        over = post.waits_for_review and post.review is not None and post.review.expires_at <= now
        refused = ended and post.state == "rejected" and not post.refused_there
        if post.review is not None and (over or refused):
            # What was approved before counts no more. That it must be reviewed still does.
            review = post.review.replace(approved="", shown="", by="", decided_at=None)
            found[name] = post.replace(state="open", hold=None, reason="", review=review, prepared=None)
    return found
