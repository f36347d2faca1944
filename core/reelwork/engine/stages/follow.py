"""Follows a post that a network has accepted: its processing, its final address, its label for AI.

Nothing here posts, and nothing undoes a receipt: the network's word that it accepted the post stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reelwork.backoff import backoff
from reelwork.engine.stages.effects import account_of
from reelwork.engine.stages.pending import due, last_answer, not_ready, waiting_for
from reelwork.engine.stages.post_money import followed_cost
from reelwork.engine.stages.step import Next, Working, go
from reelwork.engine.stages.tools import MOST_READS, StageTools
from reelwork.engine.timing import FIRST_FOLLOW_PAUSE, LONGEST_FOLLOW_PAUSE, LONGEST_PENDING, SHORTEST_PENDING
from reelwork.errors import HookFailed, in_a_line
from reelwork.planning.job_state import PostState
from reelwork.redaction.redactor import mask
from reelwork.store.commands import Rename
from reelwork.store.statuses import Step
from reelwork_hooks.errors import NotSent, Unavailable
from reelwork_hooks.models import Pending, Post, Receipt

FINAL = ("published", "failed", "rejected", "held")
GONE = {"failed": "failed there after it was accepted", "removed": "was removed there after it was accepted"}
"""What a network may say of a post that it had accepted."""


def is_open(post: PostState) -> bool:
    """Return whether something remains to be done for a destination."""
    return post.state not in FINAL or post.following is not None


def gone(post: PostState) -> bool:
    """Return whether the network says that a post it had accepted is not there."""
    return post.state == "published" and post.receipt is not None and post.receipt.state in GONE


def gone_from(destination: str, post: PostState, *, follows: bool) -> str:
    """Return the sentence about a post that is not there any more; `follows` if its publisher can look again."""
    assert post.receipt is not None
    said = post.receipt.details.get("reason")
    why = f" ({mask(said)})" if isinstance(said, str) and said else ""
    told = GONE[str(post.receipt.state)]
    again = "; `reelwork resume` only looks whether it is back" if follows else ""
    return f"{destination}: the post {post.receipt.id} {told}{why}. It is not posted again{again}"


async def follow(tools: StageTools, work: Working, destination: str, post: Post) -> Next:
    """Ask the publisher once what became of a post, and wait, or end with what is known."""
    state = work.data.posts[destination]
    receipt = state.receipt
    assert receipt is not None
    job = work.job.replace(pending=last_answer(state.waited, destination))
    dispatcher = work.pipeline.dispatcher
    try:
        answer = await dispatcher.call(destination, "follow_post", post=post, job=job, receipt=receipt)
    except Exception as error:
        return _failed(tools, work, destination, error)
    if isinstance(answer, Pending):
        return _wait(tools, work, destination, answer)
    if receipt.id not in (answer.id, answer.replaces):
        problem = f"returned the receipt of {answer.id!r}, which does not replace that of the post, {receipt.id!r}"
        return _failed(tools, work, destination, HookFailed(destination, "follow_post", problem))
    return await _known(tools, work, destination, receipt, answer)


def _wait(tools: StageTools, work: Working, destination: str, answer: Pending) -> Next:
    state, now = work.data.posts[destination], tools.clock()
    if _is_over(state, now):
        hours = f"{LONGEST_PENDING / 3600:.0f} hours"
        return _unknown(work, destination, f"it was still being processed after {hours}")
    waited, reason = waiting_for(state.waited, answer, destination, now), not_ready(destination, answer)
    data = work.data.with_post(destination, due_at=due(answer, now), reason=reason, waited=waited, failures=0)
    following = go(Step.PUBLISH, data)
    return following if state.waited else following.telling("waiting", destination=destination, reason=reason)


def _is_over(state: PostState, now: float) -> bool:
    # From when it was accepted, and not from the first answer: one that only fails would be asked without end.
    return state.following is not None and now - state.following > LONGEST_PENDING


def _failed(tools: StageTools, work: Working, destination: str, error: Exception) -> Next:
    """Ask again later. A failing follow is no sign that the post is not there."""
    state, now = work.data.posts[destination], tools.clock()
    failures, why = state.failures + 1, in_a_line(error)
    passing = isinstance(error, Unavailable | NotSent)
    # A network that is away comes back within the day. A faulty plugin does not mend itself.
    if _is_over(state, now) or (not passing and failures >= MOST_READS):
        return _unknown(work, destination, f"it could not be followed: {why}")
    asked = getattr(error, "retry_after", None) if passing else None
    pause = backoff(FIRST_FOLLOW_PAUSE, failures, LONGEST_FOLLOW_PAUSE) if asked is None else asked
    until, reason = _soon(now, pause), f"the post was made; it cannot be followed now: {why}"
    data = work.data.with_post(destination, due_at=until, reason=reason, failures=failures)
    following = go(Step.PUBLISH, data)
    return following if state.failures else following.telling("waiting", destination=destination, reason=reason)


def _soon(now: float, pause: float) -> float:
    # A day at most: one that asks for a year would never be asked again.
    return now + min(max(pause, SHORTEST_PENDING), LONGEST_PENDING)


async def _known(tools: StageTools, work: Working, destination: str, receipt: Receipt, answer: Receipt) -> Next:
    settled = answer.replace(
        at=answer.at or receipt.at,
        url=answer.url or receipt.url,
        details={**receipt.details, **answer.details},
        disclosure=answer.disclosure or receipt.disclosure,
    )
    told: dict[str, Any] = {"state": settled.state or "", "url": settled.url}
    reason = ""
    if settled.disclosure is not None and settled.disclosure.value is not None:
        told["label"] = settled.disclosure.value
        reason = _label_problem(work, destination, settled)
    # By its account: another destination may give the same ids.
    account, effects = account_of(work.pipeline, destination), await tools.store.posts_of(work.row.id)
    ours = [one.key for one in effects if one.account == account and one.remote_id == receipt.id]
    settled, money = followed_cost(settled, receipt, ours, work.pipeline.instances[destination].units)
    following = _over(work, destination, reason, settled, **told)
    if answer.id == receipt.id:
        return replace(following, commands=money)
    # A list shows it under its new id from now on. Unknown there, it could be taken for another job's post.
    renames = tuple(Rename(key, settled.id, settled.model_dump_json()) for key in ours)
    return replace(following, commands=(*money, *renames))


def _label_problem(work: Working, destination: str, receipt: Receipt) -> str:
    assert receipt.disclosure is not None
    own = work.data.words.destinations.get(destination)
    said = None if own is None else own.disclosure
    wanted = said is None or (said.ai != "no" and said.label != "caption")
    shown = receipt.disclosure.value or not wanted
    return "" if shown else f"{destination}: the network shows no AI label on this post"


def _unknown(work: Working, destination: str, why: str) -> Next:
    """End with what is known: the post was accepted."""
    receipt = work.data.posts[destination].receipt
    assert receipt is not None
    reason = f"{destination}: the post was accepted, but its state is not known: {why.rstrip('.')}"
    return _over(work, destination, reason, receipt, state=receipt.state or "", url=receipt.url)


def _over(work: Working, destination: str, reason: str, receipt: Receipt, **told: Any) -> Next:
    ended: dict[str, Any] = {"following": None, "due_at": None, "waited": None, "failures": 0}
    data = work.data.with_post(destination, receipt=receipt, reason=reason, **ended)
    return go(Step.PUBLISH, data).telling("followed", destination=destination, reason=reason, **told)
