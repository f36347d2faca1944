"""Links for somebody outside: to see one version of a job's posts, and to answer once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reelwork.clock import iso
from reelwork.errors import MovedOn, NotFound, WorkflowInvalid
from reelwork.ids import new_id, short_id
from reelwork.settings.lengths import seconds_in
from reelwork.store.protocol import Store
from reelwork.store.records import JobRow
from reelwork.store.review_links import ReviewLink, ReviewLinks
from reelwork.studio.post_review import Answer, approve, reject
from reelwork.studio.review_view import PostReview, post_review_of
from reelwork.text import name_problem

EXPIRES = "7d"
LONGEST_NAME = 100
"""Characters."""
LONGEST_REASON = 1000
"""Characters."""


def new_code() -> str:
    """Return the secret of a link: 256 random bits."""
    return secrets.token_urlsafe(32)


def hashed(code: str) -> str:
    """Return the hash by which a link is recognised."""
    # A fast hash is enough: nobody can guess 256 random bits.
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()


def link_to(
    row: JobRow, person: str, maker: str, code: str, now: float, *, expires: str = EXPIRES, version: str = ""
) -> ReviewLink:
    """Return a link to the posts of a job as they are now, for one person. Raises `WorkflowInvalid`."""
    person = person.strip()
    problem = name_problem(person) or ("" if person else "it is empty")
    if problem or len(person) > LONGEST_NAME:
        problem = problem or f"it is longer than {LONGEST_NAME} characters"
        raise WorkflowInvalid(f"A link for {person!r:.120} cannot be made: {problem}.", money="No link was made.")
    review, name = post_review_of(row, now), short_id(row.id)
    if not review.waiting:
        raise MovedOn(f"No post of the job {name} waits for a review.", money="No link was made.")
    if version not in ("", review.version):
        raise MovedOn(
            f"The job {name} was changed since it was shown: it is version {review.version}, not {version}.",
            money="No link was made.",
            hint=f"Show it again first: reelwork review show {name}",
        )
    ends = now + seconds_in(expires, "expires")
    return ReviewLink(new_id(), hashed(code), row.id, review.version, person, maker, now, ends)


def link_as_json(link: ReviewLink, now: float) -> dict[str, Any]:
    """Return a link as programs get it: without its code, which only its person knows."""
    return {
        "id": link.id,
        "job": link.job_id,
        "for": link.person,
        "by": link.maker,
        "version": link.version,
        "state": link.state_at(now),
        "answer": link.answer or None,
        "created_at": iso(link.created_at),
        "expires_at": iso(link.expires_at),
        "used_at": None if link.used_at is None else iso(link.used_at),
    }


def found_among(links: Sequence[ReviewLink], name: str) -> ReviewLink:
    """Return the link of an id, or of the end of one. Raises `NotFound`."""
    found = [link for link in links if name and link.id.endswith(name)]
    if len(found) != 1:
        known = [short_id(link.id) for link in links]
        raise NotFound("link", name, known, hint="" if known else "List them: reelwork review links")
    return found[0]


async def revoke(store: ReviewLinks, name: str, now: float) -> ReviewLink:
    """Take a link back: it opens nothing from then on. Raises `NotFound`, and `MovedOn` if it is not open."""
    link = found_among(store.review_links(), name)
    if not await store.revoke_review_link(link.id, now):
        told = f" It was used: {link.answer}." if link.used_at is not None else ""
        raise MovedOn(f"The link {short_id(link.id)} is not open.{told}", money="Nothing was changed.")
    return link


@dataclass(frozen=True)
class Shown:
    """What a link shows now."""

    link: ReviewLink
    review: PostReview
    state: str
    """`open`, `used`, `expired`, `changed` since it was sent, or `decided` by somebody else."""


def shown_by(store: Store, code: str, now: float) -> Shown | None:
    """Return what a link shows; None for one that there is not, that was taken back, or whose job is gone."""
    link = store.review_link_with(hashed(code))
    row = None if link is None or link.revoked_at is not None else store.job(link.job_id)
    if link is None or row is None:
        return None
    review, state = post_review_of(row, now), link.state_at(now)
    if state in ("open", "used") and review.version != link.version:
        # Also once it was used: what was changed since is not for its person to see.
        state = "changed"
    elif state == "open" and not any(post.state == "waiting" for post in review.posts):
        state = "decided"
    return Shown(link, review, state)


async def answer(store: Store, shown: Shown, decision: str, reason: str, now: float) -> None:
    """Approve or reject what a link shows, and use the link up in the same transaction.

    Raises `MovedOn` when the version is another one by now, or the link is not open; `NotReviewer` when its maker
    may not approve any more.
    """
    link, row = shown.link, shown.review.row
    # Its name is in the story beside that of whoever let them decide.
    by, store = f"{link.person} (by a link from {link.maker})", store.by_review_link(link, decision, now)
    # What somebody else has approved meanwhile stays approved, and about an appeal nobody outside decides.
    waiting = tuple(post.destination for post in shown.review.waiting)
    if not waiting:
        raise MovedOn("Somebody else has decided meanwhile.", money="Nothing was changed.")
    said = Answer(by, waiting, link.version, link.maker)
    if decision == "approved":
        await approve(store, row, said, now)
    else:
        await reject(store, row, said, reason[:LONGEST_REASON], now)
