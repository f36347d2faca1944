"""The methods of `Studio` for reviews of posts. Each answer is written down first; then its job is driven."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from reelwork.studio.sync import blocking

if TYPE_CHECKING:
    from reelwork.store.protocol import Store
    from reelwork.store.records import JobHead, JobRow
    from reelwork.studio.post_review import Answer, PostReview
    from reelwork.studio.results import RunResult
    from reelwork.studio.session import Session


class Driving(Protocol):
    """The parts of `Studio` that an answer needs."""

    @property
    def _time(self) -> Callable[[], float]: ...

    @property
    def store(self) -> Store:
        """The store."""
        ...

    def find(self, name: str) -> JobRow:
        """Return a job by its id, or by a unique beginning or end of it."""
        ...

    def _session(self) -> Session: ...

    async def _drive(self, session: Session, heads: Sequence[JobHead]) -> RunResult: ...


class Reviewing:
    """The methods of `Studio` for posts that wait for a person."""

    def post_reviews(self: Driving) -> list[PostReview]:
        """Return the jobs that have a post in review, the first that ends first."""
        from reelwork.studio.post_review import waiting_reviews

        return waiting_reviews(self.store, self._time())

    def post_review(self: Driving, name: str) -> PostReview:
        """Return the reviews of a job's posts. Raises `NotFound`."""
        from reelwork.studio.post_review import post_review_of

        return post_review_of(self.find(name), self._time())

    async def approve_posts(self: Driving, name: str, answer: Answer, *, wait: bool = True) -> RunResult:
        """Approve posts of a job as they stand, and post them.

        Without `wait` the answer is written down only: a server, or whoever drives the job next, posts them. Raises
        `NotFound`, or `WorkflowInvalid` if the job is not what the person saw, or the time of the review is over.
        """
        from reelwork.studio.post_review import approve

        row = self.find(name)
        await approve(self.store, row, answer, self._time())
        return await _drive(self, row, wait)

    async def reject_posts(
        self: Driving, name: str, answer: Answer, reason: str = "", *, wait: bool = True
    ) -> RunResult:
        """Reject posts of a job, also approved ones that are not posted yet: they are never posted.

        Raises `NotFound`, or `WorkflowInvalid` if one of them may be posted, or the job is not what the person saw.
        """
        from reelwork.studio.post_review import reject

        row = self.find(name)
        await reject(self.store, row, answer, reason, self._time())
        return await _drive(self, row, wait)

    def approve_posts_sync(self: Any, name: str, answer: Answer, **options: Any) -> RunResult:
        """`approve_posts` for programs without an event loop."""
        result: RunResult = blocking(self.approve_posts(name, answer, **options))
        return result

    def reject_posts_sync(self: Any, name: str, answer: Answer, reason: str = "", **options: Any) -> RunResult:
        """`reject_posts` for programs without an event loop."""
        result: RunResult = blocking(self.reject_posts(name, answer, reason, **options))
        return result


async def _drive(studio: Driving, row: JobRow, wait: bool) -> RunResult:
    """Drive a job on, or only return how it stands."""
    from reelwork.studio.job_names import JobRows, head_of
    from reelwork.studio.results import Before, results_of

    if not wait:
        rows = JobRows(studio.store, [row.id])
        return results_of(studio.store, rows, Before.of(studio.store, [head_of(row)]))
    async with studio._session() as session:
        return await studio._drive(session, [head_of(row)])
