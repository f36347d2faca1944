"""The methods of `Studio` for reviews of posts. Each answer is written down first; then its job is driven."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from reelwork.studio.sync import blocking

if TYPE_CHECKING:
    from reelwork.store.protocol import Store
    from reelwork.store.records import JobHead, JobRow
    from reelwork.studio.post_review import Answer
    from reelwork.studio.results import RunResult
    from reelwork.studio.retry import Retry
    from reelwork.studio.review_view import PostReview
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
        """Return the jobs that have a post in review or an appeal that waits, the first that ends first."""
        from reelwork.studio.review_view import waiting_reviews

        return waiting_reviews(self.store, self._time())

    def post_review(self: Driving, name: str) -> PostReview:
        """Return the reviews of a job's posts, and its appeals. Raises `NotFound`."""
        from reelwork.studio.review_view import post_review_of

        return post_review_of(self.find(name), self._time())

    async def appeal(
        self: Driving, name: str, because: str, *, by: str = "", destination: str | None = None
    ) -> PostReview:
        """Appeal against what moderation refused of a job, or of one of its posts; a reviewer then decides.

        Raises `NotFound`, or `WorkflowInvalid` if moderation refused nothing of it, the verdict is final, or an
        appeal against it waits or was rejected.
        """
        from reelwork.studio.appeals import file_appeal, new_appeal
        from reelwork.studio.review_view import post_review_of

        row, now = self.find(name), self._time()
        await file_appeal(self.store, row, new_appeal(self.store, row, by, because, now, destination))
        return post_review_of(self.find(row.id), now)

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

    async def edit_posts(
        self: Driving,
        name: str,
        answer: Answer,
        changes: Mapping[str, Any],
        *,
        approve: bool = False,
        wait: bool = True,
    ) -> RunResult:
        """Give posts of a job other words or options; with `approve`, approve them as they are then.

        `changes` has keys of `[destination.NAME]`. Raises `NotFound`, or `WorkflowInvalid` if a post may be out
        already, its network would not take it, or the job is not what the person saw.
        """
        from reelwork.studio.post_edits import edit

        row = self.find(name)
        async with self._session() as session:
            pipeline = session.pipeline_of(row.run_id)
            await edit(self.store, row, pipeline, answer, changes, self._time(), approve=approve)
        return await _drive(self, row, wait)

    def new_render(self: Driving, name: str, answer: Answer) -> Retry:
        """Return what it costs to make the video of a job in review again. Raises as `redo_posts` does."""
        from reelwork.studio.post_edits import new_render_of

        return new_render_of(self.store, self.find(name), answer, self._time())

    async def redo_posts(
        self: Driving, name: str, answer: Answer, *, shown: Mapping[str, int] | None = None, wait: bool = True
    ) -> RunResult:
        """Make the video of a job in review again, which may be paid for; its posts are reviewed again.

        `shown` gives the fence at which a person saw the job before agreeing. Raises `NotFound`, or
        `WorkflowInvalid` if one of its posts may be out, or the job has moved on.
        """
        from reelwork.studio.decisions import check_unmoved
        from reelwork.studio.post_edits import redo

        row = self.find(name)
        check_unmoved([row], shown or {})
        await redo(self.store, row, answer, self._time())
        return await _drive(self, row, wait)

    def appeal_sync(self: Any, name: str, because: str, **options: Any) -> PostReview:
        """`appeal` for programs without an event loop."""
        result: PostReview = blocking(self.appeal(name, because, **options))
        return result

    def approve_posts_sync(self: Any, name: str, answer: Answer, **options: Any) -> RunResult:
        """`approve_posts` for programs without an event loop."""
        result: RunResult = blocking(self.approve_posts(name, answer, **options))
        return result

    def reject_posts_sync(self: Any, name: str, answer: Answer, reason: str = "", **options: Any) -> RunResult:
        """`reject_posts` for programs without an event loop."""
        result: RunResult = blocking(self.reject_posts(name, answer, reason, **options))
        return result

    def edit_posts_sync(
        self: Any, name: str, answer: Answer, changes: Mapping[str, Any], **options: Any
    ) -> RunResult:
        """`edit_posts` for programs without an event loop."""
        result: RunResult = blocking(self.edit_posts(name, answer, changes, **options))
        return result

    def redo_posts_sync(self: Any, name: str, answer: Answer, **options: Any) -> RunResult:
        """`redo_posts` for programs without an event loop."""
        result: RunResult = blocking(self.redo_posts(name, answer, **options))
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
