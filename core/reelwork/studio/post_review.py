"""Reviews of posts: which wait for a person, what is shown of them, and what becomes of an answer.

An answer is written with the fence at which the job was read, so of two reviewers one is heard. Nothing is posted
here: whichever process drives the job next acts on the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from reelwork.clock import iso
from reelwork.errors import MovedOn, WorkflowInvalid
from reelwork.ids import short_id
from reelwork.planning.job_state import JobData
from reelwork.planning.review_rules import changed_among, changed_file
from reelwork.redaction.redactor import mask
from reelwork.store.commands import SetJob, Tell
from reelwork.store.notes import is_in_doubt
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, REJECTED, EffectRow, EventRow, JobRow
from reelwork.store.rules import OPEN
from reelwork.store.statuses import MODERATED, Step
from reelwork.studio.appeals import Appealed, appeal_files, person, why_rejected
from reelwork.studio.appeals import approved as overruled
from reelwork.studio.appeals import rejected as turned_down
from reelwork.studio.review_history import changes_since
from reelwork.studio.review_view import UNMOVED, Asked, PostReview, ReviewedPost, post_review_of
from reelwork.text import shown
from reelwork_hooks.effects import EffectState

NOTHING = "Nothing was changed, and nothing was posted."
A = TypeVar("A", bound=Asked)


@dataclass(frozen=True)
class Answer:
    """The answer of a person about some posts of a job."""

    by: str
    """The person, by a name of their own."""
    destinations: Sequence[str] = ()
    """The posts it is about; without any, all that wait."""
    version: str = ""
    """The version that the person saw; without it, what stands now."""
    person: str = ""
    """Whose right to approve counts, where that is not `by`: a browser's token has a name of its own."""

    def __post_init__(self) -> None:
        """Clean the name, which a person may have typed or pasted."""
        object.__setattr__(self, "by", person(self.by))

    @property
    def approver(self) -> str:
        """Who must be a reviewer, where a brand names some."""
        return self.person or self.by


async def approve(store: Store, row: JobRow, answer: Answer, now: float) -> tuple[str, ...]:
    """Approve posts of a job as they stand in `row`; return their destinations.

    Raises `WorkflowInvalid` if they are not what the person saw, their time is over, or a file of theirs is not the
    one that was made.
    """
    review = post_review_of(row, now)
    chosen = chosen_of(store, review, answer, review.waits_for)
    for one in chosen:
        _check_time(row, one, now)
        # In a thread: a server that answers others must not wait for a large file.
        if problem := await asyncio.to_thread(_changed, review.data, one):
            raise MovedOn(
                f"{one.destination or 'The video'}: {problem}.",
                money=NOTHING,
                hint=f"Fetch the video again, which pays nothing: reelwork resume {short_id(row.id)}",
            )
    data = review.data
    for one in chosen:
        data = _approved(data, one, answer.by, now)
    line = _told("approved", chosen, answer)
    await write(store, row, data, line, approver=answer.approver)
    return tuple(one.destination for one in chosen)


def _changed(data: JobData, one: Asked) -> str:
    """Return which file that a person was shown is not the one that was made; empty if all are. Blocks."""
    if isinstance(one, ReviewedPost):
        return changed_file(one.post)
    return changed_among(appeal_files(data, one))


def _approved(data: JobData, one: Asked, by: str, now: float) -> JobData:
    if not isinstance(one, ReviewedPost):
        return overruled(data, one, by, now)
    decided = one.review.replace(approved=one.review.shown, by=by, decided_at=now)
    return data.with_post(one.destination, state="open", hold=None, reason="", review=decided)


async def reject(store: Store, row: JobRow, answer: Answer, reason: str, now: float) -> tuple[str, ...]:
    """Reject posts of a job, also ones that were approved and are not posted yet; return their destinations.

    Raises `WorkflowInvalid` if one of them is posted, or may be.
    """
    reason, review = shown(mask(reason)), post_review_of(row, now)
    can: tuple[Asked, ...] = (*stoppable(store, review), *review.appealed)
    chosen = chosen_of(store, review, answer, can)
    data = review.data
    for one in chosen:
        data = _rejected(data, one, answer.by, reason, now)
    whole = next((one for one in chosen if not one.destination), None)
    change = None
    if isinstance(whole, Appealed):
        # Of its brief, its prompt or its video: nothing of the job is left to go on.
        ended = why_rejected(data, whole)
        change = SetJob(REJECTED, row.step, None, ended, data=data.model_dump_json())
    await write(store, row, data, _told("rejected", chosen, answer, reason=reason), change)
    return tuple(one.destination for one in chosen)


def _rejected(data: JobData, one: Asked, by: str, reason: str, now: float) -> JobData:
    if not isinstance(one, ReviewedPost):
        return turned_down(data, one, by, reason, now)
    said = f"rejected by {by}: {reason}" if reason else f"rejected by {by}"
    decided = one.review.replace(approved="", by=by, decided_at=now)
    change = {"state": "rejected", "hold": None, "due_at": None, "waited": None, "prepared": None, "stopped": False}
    return data.with_post(one.destination, **change, reason=said, review=decided)


class Effects(Protocol):
    """The part of a store that knows what was sent."""

    def effects_of(self, job_id: str) -> Sequence[EffectRow]:
        """Return the effects of a job."""
        ...


class Stories(Protocol):
    """The part of a store that knows what happened to a job."""

    def events(self, job_id: str) -> Sequence[EventRow]:
        """Return the story of a job."""
        ...


def may_be_out(effect: EffectRow) -> bool:
    """Return whether an effect is a post that was sent, and was not refused or proved to be missing."""
    sent = effect.state in (*OPEN, EffectState.CONFIRMED)
    again = effect.state == EffectState.INTENDED and is_in_doubt(effect.evidence)
    return effect.kind == "publish" and (sent or again)


def stoppable(store: Effects, review: PostReview) -> tuple[ReviewedPost, ...]:
    """Return the posts of a job that wait, or were approved, and of which nothing can have been sent."""
    sent = {one.subject for one in store.effects_of(review.row.id) if may_be_out(one)}
    return tuple(
        one for one in review.posts if one.state in ("waiting", "approved") and one.destination not in sent
    )


def chosen_of(store: Stories, review: PostReview, answer: Answer, can: Sequence[A]) -> tuple[A, ...]:
    """Return what an answer is about, of the posts and appeals that it can be about. Raises `WorkflowInvalid`."""
    name = short_id(review.row.id)
    if review.row.status not in UNMOVED or not can:
        raise MovedOn(
            f"Nothing of the job {name} waits for a review{_decided(review)}.",
            money=NOTHING,
            hint=f"reelwork jobs show {name}",
        )
    check_version(store, review, answer)
    by_name = {one.destination: one for one in can}
    if unknown := [one for one in answer.destinations if one not in by_name]:
        raise WorkflowInvalid(
            f"No post to {unknown[0]} waits for a review in the job {name}.",
            money=NOTHING,
            hint=f"These do: {', '.join(filter(None, by_name))}"
            if any(by_name)
            else f"reelwork review show {name}",
        )
    return tuple(by_name[one] for one in dict.fromkeys(answer.destinations or by_name))


def _decided(review: PostReview) -> str:
    """Say what was decided already, as far as somebody did."""
    posts = [f"{one.state} by {one.review.by}" for one in review.posts if one.review.by]
    appeals = [f"appeal {one.state} by {one.appeal.decided_by}" for one in review.appeals if one.appeal.decided_by]
    told = dict.fromkeys((*posts, *appeals))
    return f" ({', '.join(told)})" if told else ""


def check_version(store: Stories, review: PostReview, answer: Answer) -> None:
    """Raises `MovedOn` when the job is not what the person saw; it says what was changed, where that is known."""
    if answer.version and answer.version != review.version:
        name = short_id(review.row.id)
        changes = changes_since(answer.version, store.events(review.row.id), tuple(review.data.posts))
        raise MovedOn(
            f"The job {name} was changed since it was shown: it is version {review.version}, not {answer.version}."
            f"{''.join(f' {change}.' for change in changes)}",
            money=NOTHING,
            hint=f"Show it again, then decide: reelwork review show {name}",
        )


def _check_time(row: JobRow, one: Asked, now: float) -> None:
    ends = one.ends.timestamp()
    if ends > now:
        return
    name = short_id(row.id)
    if isinstance(one, ReviewedPost):
        what, again = f"review of {name} for {one.destination}", f"reelwork jobs retry {name}"
    else:
        what, again = (
            f"appeal of {name} about {one.refusal.subject}",
            f"reelwork review appeal {name} --because TEXT",
        )
    raise MovedOn(f"The {what} ended on {iso(ends)}.", money=NOTHING, hint=f"Ask for it again: {again}")


def _told(decision: str, chosen: Sequence[Asked], answer: Answer, **more: Any) -> Tell:
    seen = {one.destination: one.review.shown for one in chosen if isinstance(one, ReviewedPost)}
    appeals = [one.refusal.told() for one in chosen if not isinstance(one, ReviewedPost)]
    about = {"appeals": appeals} if appeals else {}
    return Tell("reviewed", {"decision": decision, "by": answer.by, "seen": seen, **about, **more})


async def write(
    store: Store,
    row: JobRow,
    data: JobData,
    line: Tell,
    change: SetJob | None = None,
    *,
    approver: str | None = None,
) -> None:
    """Write an answer down, and let the job go on: where moderation had ended it, else at its posts.
    `change` says otherwise.

    Raises `WorkflowInvalid` if the job has changed since it was read, and `NotReviewer`.
    """
    step = row.step if row.status == ACTIVE or row.step in MODERATED else Step.PUBLISH
    # Due since its last change, so it is claimed at once.
    change = change or SetJob(ACTIVE, step, row.updated_at, data=data.model_dump_json())
    # By the fence that was read, and only if nobody works on it: a post of it may be on its way just now.
    if not await store.decide(row.id, change, line, fence=row.fence, unheld=True, approver=approver):
        name = short_id(row.id)
        raise MovedOn(
            f"The job {name} has changed since it was read: another person has decided, or a process works on it.",
            money=NOTHING,
            hint=f"Show it again, then decide: reelwork review show {name}",
        )
