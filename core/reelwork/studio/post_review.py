"""Reviews of posts: which wait for a person, what is shown of them, and what becomes of an answer.

An answer is written with the fence at which the job was read, so of two reviewers one is heard. Nothing is posted
here: whichever process drives the job next acts on the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from reelwork.clock import iso
from reelwork.errors import MovedOn, WorkflowInvalid
from reelwork.ids import short_id
from reelwork.planning.job_state import JobData, PostState, ReviewState, post_for
from reelwork.planning.review_rules import changed_file, files_of
from reelwork.store.commands import SetJob, Tell
from reelwork.store.notes import is_in_doubt
from reelwork.store.protocol import Store
from reelwork.store.records import ACTIVE, HELD, EffectRow, EventRow, JobRow, Sendings
from reelwork.store.rules import OPEN
from reelwork.store.statuses import Step
from reelwork.studio.job_view import JobView, Money, view_of
from reelwork.studio.review_history import changes_since, version_of
from reelwork_hooks.effects import EffectState
from reelwork_hooks.models import Post

NOTHING = "Nothing was changed, and nothing was posted."
UNMOVED = (ACTIVE, HELD)


@dataclass(frozen=True)
class ReviewedPost:
    """A post with its review."""

    post: Post
    review: ReviewState
    waits: bool
    """True if a person is asked; False when somebody has decided."""
    state: str
    """`waiting`, `approved`, `rejected`, `expired` or `posted`."""
    reason: str
    """The reason of a rejection."""

    @property
    def ends(self) -> datetime:
        """The time at which its review ends."""
        return datetime.fromtimestamp(self.review.expires_at, UTC)

    @property
    def destination(self) -> str:
        """The publisher's instance."""
        return self.post.destination

    def as_json(self) -> dict[str, Any]:
        """Return it as programs get it."""
        post = self.post
        return {
            "destination": self.destination,
            "state": self.state,
            "waits": self.waits,
            "why": self.review.why,
            "account": self.review.account,
            **{name: getattr(post, name) for name in ("title", "caption", "privacy", "alt_text")},
            "hashtags": list(post.hashtags),
            "publish_at": None if post.publish_at is None else post.publish_at.isoformat(),
            "disclosure": post.disclosure.model_dump(mode="json"),
            "options": dict(post.options),
            "files": [{"role": one.role, "path": str(one.path), "sha256": one.sha256} for one in files_of(post)],
            "asked_at": iso(self.review.asked_at),
            "expires_at": iso(self.review.expires_at),
            "by": self.review.by,
            "decided_at": None if self.review.decided_at is None else iso(self.review.decided_at),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class PostReview:
    """A job's posts that were given to a person to review."""

    row: JobRow
    data: JobData
    posts: tuple[ReviewedPost, ...]

    @property
    def waiting(self) -> tuple[ReviewedPost, ...]:
        """The posts about which nobody has decided."""
        return tuple(one for one in self.posts if one.waits)

    @property
    def version(self) -> str:
        """The version of all that is shown: it changes with any word, file or account."""
        return version_of({one.destination: one.review.shown for one in self.posts}, tuple(self.data.posts))

    @property
    def expires_at(self) -> float:
        """The time at which the first of the waiting reviews ends."""
        return min((one.review.expires_at for one in self.waiting), default=0.0)


def review_as_json(review: PostReview, sent: Sendings | None = None) -> dict[str, Any]:
    """Return a job's reviews as programs get them; with what was sent, also what it has cost."""
    view = view_of(review.row)
    paid = {} if sent is None else {"spent": str(Money.of(sent).spent)}
    return {
        "job": view.id,
        "status": view.status,
        "version": review.version,
        "expires_at": iso(review.expires_at) if review.waiting else None,
        "prompt": view.prompt,
        "video": view.video,
        **paid,
        "posts": [one.as_json() for one in review.posts],
    }


class Rows(Protocol):
    """The part of a store that knows its jobs."""

    def jobs(self, **which: Any) -> list[JobRow]:
        """Return jobs, newest first."""
        ...


def post_review_of(row: JobRow, now: float) -> PostReview:
    """Return the reviews of a job's posts, as they stand."""
    data = JobData.model_validate_json(row.data)
    return PostReview(row, data, tuple(_posts(row, data, now)))


def was_in_review(job: JobView) -> bool:
    """Return whether a person was ever asked about a post of a job."""
    return any(post.get("review") for post in (job.data.get("posts") or {}).values())


def _posts(row: JobRow, data: JobData, now: float) -> Iterator[ReviewedPost]:
    for name, state in data.posts.items():
        if state.review is None or data.prompt is None or data.clip is None:
            continue
        # Of a job that was cancelled nobody is asked anything.
        waits = state.waits_for_review and row.status in UNMOVED
        yield ReviewedPost(post_for(data, name), state.review, waits, _state(state, waits, now), state.reason)


def _state(state: PostState, waits: bool, now: float) -> str:
    assert state.review is not None
    if state.state == "published":
        return "posted"
    if waits:
        # Its end is written down by the next look of a process. An answer is refused from now on.
        return "waiting" if state.review.expires_at > now else "expired"
    if state.review.approved:
        return "approved"
    # Of a job that was cancelled, or rejected as a whole, no post is made.
    return "rejected" if state.review.by or state.waits_for_review else "expired"


def waiting_reviews(store: Rows, now: float) -> list[PostReview]:
    """Return the jobs that have a post in review, the first that ends first."""
    found = [post_review_of(row, now) for row in store.jobs(statuses=UNMOVED, in_review=True)]
    return sorted((one for one in found if one.waiting), key=lambda one: one.expires_at)


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
    chosen = chosen_of(store, review, answer, review.waiting)
    for one in chosen:
        _check_time(row, one, now)
        # In a thread: a server that answers others must not wait for a large file.
        if problem := await asyncio.to_thread(changed_file, one.post):
            raise MovedOn(
                f"{one.destination}: {problem}.",
                money=NOTHING,
                hint=f"Fetch the video again, which pays nothing: reelwork resume {short_id(row.id)}",
            )
    data = review.data
    for one in chosen:
        decided = one.review.replace(approved=one.review.shown, by=answer.by, decided_at=now)
        data = data.with_post(one.destination, state="open", hold=None, reason="", review=decided)
    await write(store, row, data, _told("approved", chosen, answer), approver=answer.approver)
    return tuple(one.destination for one in chosen)


async def reject(store: Store, row: JobRow, answer: Answer, reason: str, now: float) -> tuple[str, ...]:
    """Reject posts of a job, also ones that were approved and are not posted yet; return their destinations.

    Raises `WorkflowInvalid` if one of them is posted, or may be.
    """
    review = post_review_of(row, now)
    chosen = chosen_of(store, review, answer, stoppable(store, review))
    data = review.data
    for one in chosen:
        said = f"rejected by {answer.by}: {reason}" if reason else f"rejected by {answer.by}"
        decided = one.review.replace(approved="", by=answer.by, decided_at=now)
        change = {
            "state": "rejected",
            "hold": None,
            "due_at": None,
            "waited": None,
            "prepared": None,
            "stopped": False,
        }
        data = data.with_post(one.destination, **change, reason=said, review=decided)
    await write(store, row, data, _told("rejected", chosen, answer, reason=reason))
    return tuple(one.destination for one in chosen)


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


def chosen_of(
    store: Stories, review: PostReview, answer: Answer, can: Sequence[ReviewedPost]
) -> tuple[ReviewedPost, ...]:
    """Return the posts that an answer is about, of those that it can be about. Raises `WorkflowInvalid`."""
    name = short_id(review.row.id)
    if review.row.status not in UNMOVED or not can:
        raise MovedOn(
            f"No post of the job {name} waits for a review{_decided(review)}.",
            money=NOTHING,
            hint=f"reelwork jobs show {name}",
        )
    check_version(store, review, answer)
    by_name = {one.destination: one for one in can}
    if unknown := [one for one in answer.destinations if one not in by_name]:
        raise WorkflowInvalid(
            f"No post to {unknown[0]} waits for a review in the job {name}.",
            money=NOTHING,
            hint=f"These do: {', '.join(by_name)}",
        )
    return tuple(by_name[one] for one in dict.fromkeys(answer.destinations or by_name))


def _decided(review: PostReview) -> str:
    """Say what was decided already, as far as somebody did."""
    told = dict.fromkeys(f"{one.state} by {one.review.by}" for one in review.posts if one.review.by)
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


def _check_time(row: JobRow, one: ReviewedPost, now: float) -> None:
    if one.review.expires_at <= now:
        name = short_id(row.id)
        raise MovedOn(
            f"The review of {name} for {one.destination} ended on {iso(one.review.expires_at)}.",
            money=NOTHING,
            hint=f"Ask for it again: reelwork jobs retry {name}",
        )


def _told(decision: str, chosen: Sequence[ReviewedPost], answer: Answer, **more: Any) -> Tell:
    seen: Mapping[str, str] = {one.destination: one.review.shown for one in chosen}
    return Tell("reviewed", {"decision": decision, "by": answer.by, "seen": dict(seen), **more})


async def write(
    store: Store,
    row: JobRow,
    data: JobData,
    line: Tell,
    change: SetJob | None = None,
    *,
    approver: str | None = None,
) -> None:
    """Write an answer down, and let the job go on: at its posts, unless `change` says where.

    Raises `WorkflowInvalid` if the job has changed since it was read, and `NotReviewer`.
    """
    step = row.step if row.status == ACTIVE else Step.PUBLISH
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
