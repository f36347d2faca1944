"""Links by which somebody outside answers a review, as the store holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class ReviewLink:
    """A link to one version of the posts of one job, for one person."""

    id: str
    """What it is called, to take it back. It opens nothing."""
    hash: str
    """Of its code, which is nowhere."""
    job_id: str
    version: str
    """The version of the posts that it shows; the answer is refused for any other."""
    person: str
    """For whom it is."""
    maker: str
    """Who made it, and whose right to approve it stands for."""
    created_at: float
    expires_at: float
    used_at: float | None = None
    answer: str = ""
    """`approved` or `rejected`, once it was used."""
    revoked_at: float | None = None

    def state_at(self, now: float) -> str:
        """Return `open`, `used`, `revoked` or `expired`."""
        if self.used_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        return "open" if now < self.expires_at else "expired"


class ReviewLinks(Protocol):
    """Keeps links to reviews."""

    async def add_review_link(self, link: ReviewLink) -> bool:
        """Add a link. Raises `NotReviewer` if its maker may not approve, and `MovedOn` if the job is not there."""
        ...

    async def revoke_review_link(self, id_: str, now: float) -> bool:
        """Take a link back; False if there is none that is open."""
        ...

    def review_links(self, job_id: str | None = None) -> Sequence[ReviewLink]:
        """Return the links to a job, or to all, the newest first."""
        ...

    def review_link_with(self, hash_: str) -> ReviewLink | None:
        """Return the link with this hash; None if there is none."""
        ...

    def by_review_link(self, link: ReviewLink, answer: str, now: float) -> Self:
        """Return the same store, whose change uses the link up, in the same transaction.

        Such a change raises `MovedOn`, and changes nothing, when the link was used, taken back, or is over.
        """
        ...
