"""Reviews as a person sees them: the posts of a job that were given to a person, and the appeals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from reelwork.clock import iso
from reelwork.planning.job_state import JobData, PostState, ReviewState, post_for
from reelwork.planning.review_rules import files_of
from reelwork.store.records import ACTIVE, HELD, JobRow, Sendings
from reelwork.studio.appeals import Appealed, appeals_of
from reelwork.studio.job_view import JobView, Money, view_of
from reelwork.studio.review_history import version_of
from reelwork_hooks.models import Post

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

    @property
    def subject(self) -> str:
        """The subject of the review, as an answer names it."""
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
    appeals: tuple[Appealed, ...] = ()

    @property
    def waiting(self) -> tuple[ReviewedPost, ...]:
        """The posts about which nobody has decided."""
        return tuple(one for one in self.posts if one.waits)

    @property
    def appealed(self) -> tuple[Appealed, ...]:
        """The appeals about which nobody has decided."""
        return tuple(one for one in self.appeals if one.waits)

    @property
    def waits(self) -> bool:
        """True if a person is asked about something."""
        return bool(self.waits_for)

    @property
    def waits_for(self) -> tuple[Asked, ...]:
        """The posts and appeals about which nobody has decided."""
        return (*self.waiting, *self.appealed)

    @property
    def version(self) -> str:
        """The version of all that is shown: it changes with any word, file or account, and with an appeal."""
        shown = {one.destination: one.review.shown for one in self.posts}
        # An appeal that is decided is history: what stands of its post is the post.
        asked = {f"appeal {one.refusal.id}": one.appeal.because for one in self.appealed}
        return version_of(shown | asked, (*self.data.posts, *asked))

    @property
    def expires_at(self) -> float:
        """The time at which the first of what waits ends."""
        posts = (one.review.expires_at for one in self.waiting)
        return min((*posts, *(one.appeal.expires_at for one in self.appealed)), default=0.0)


Asked = ReviewedPost | Appealed
"""Something that a person is asked about."""


def review_as_json(review: PostReview, sent: Sendings | None = None) -> dict[str, Any]:
    """Return a job's reviews as programs get them; with what was sent, also what it has cost."""
    view = view_of(review.row)
    paid = {} if sent is None else {"spent": str(Money.of(sent).spent)}
    return {
        "job": view.id,
        "status": view.status,
        "version": review.version,
        "expires_at": iso(review.expires_at) if review.waits else None,
        "prompt": view.prompt,
        "video": view.video,
        "cost": None if view.cost is None else str(view.cost),
        **paid,
        "posts": [one.as_json() for one in review.posts],
        "appeals": [one.as_json() for one in review.appeals],
    }


class Rows(Protocol):
    """The part of a store that knows its jobs."""

    def jobs(self, **which: Any) -> list[JobRow]:
        """Return jobs, newest first."""
        ...


def post_review_of(row: JobRow, now: float) -> PostReview:
    """Return the reviews of a job's posts, and the appeals against its refusals, as they stand."""
    data = JobData.model_validate_json(row.data)
    return PostReview(row, data, tuple(_posts(row, data, now)), appeals_of(row, data, now))


def was_in_review(job: JobView) -> bool:
    """Return whether a person was ever asked about a post of a job, or about an appeal."""
    appeals = any(one.get("appeal") for one in job.data.get("refusals") or ())
    return appeals or any(post.get("review") for post in (job.data.get("posts") or {}).values())


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
    """Return the jobs that have a post in review or an appeal that waits, the first that ends first."""
    found = [post_review_of(row, now) for row in store.jobs(statuses=UNMOVED, in_review=True)]
    return sorted((one for one in found if one.waits), key=lambda one: one.expires_at)
