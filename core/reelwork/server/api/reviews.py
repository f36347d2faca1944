"""Reviews of posts: listed, shown and answered. An answer is for the version that was seen, and for no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from reelwork.server.access import TOKEN
from reelwork.server.api.acting import KEY_HEADER, Act, act, not_agreed
from reelwork.server.api.answering import told
from reelwork.server.api.asking import NOTHING, Asked, query_of
from reelwork.server.api.decisions import covers
from reelwork.server.api.jobs import job_named
from reelwork.server.api.launches import is_admin
from reelwork.server.api.models import Page
from reelwork.server.api.paging import Paged, page, place_in, unknown_cursor
from reelwork.server.api.review_models import (
    AppealAsked,
    ApproveAsked,
    EditAsked,
    RedoAsked,
    RejectAsked,
    Review,
    ReviewDecided,
    ReviewStory,
)
from reelwork.server.api.review_models import Appealed as AppealMade
from reelwork.server.operations import Operation, Served
from reelwork.server.problems import Problem
from reelwork.server.tokens import Scope
from reelwork.store.protocol import Store
from reelwork.store.records import JobRow, Sendings
from reelwork.studio.appeals import Appealed, appeal_as_json, file_appeal, new_appeal
from reelwork.studio.post_edits import WORDS, edit, new_render_of, redo
from reelwork.studio.post_review import Answer, approve, chosen_of, reject, stoppable
from reelwork.studio.review_view import UNMOVED, PostReview, post_review_of, review_as_json
from reelwork.studio.review_view import Asked as Reviewed


def list_reviews(served: Served, request: Request) -> Response:
    """List the jobs whose posts or appeals wait for a person, newest first."""
    asked = query_of(request, Paged)
    store, before = served.store, place_in(asked)
    if before is not None and store.job(before) is None:
        raise unknown_cursor()
    rows = store.jobs(statuses=UNMOVED, in_review=True, before=before, limit=asked.limit + 1)

    def shown(some: Sequence[JobRow]) -> list[dict[str, Any]]:
        found = (post_review_of(row, served.now()) for row in some)
        return [review_as_json(one) for one in found if one.waits]

    return told(page(rows, asked.limit, lambda row: row.id, shown))


def show_review(served: Served, request: Request) -> Response:
    """Return what an approval of a job's posts covers: words, account and files."""
    query_of(request, Asked)
    row = job_named(served.store, request.path_params["job"])
    money = served.store.sendings([row.id]).get(row.id, Sendings())
    return told(review_as_json(post_review_of(row, served.now()), money))


@dataclass(frozen=True)
class _Answered:
    """A job, what a person says about it, and the document that tells so."""

    row: JobRow
    answer: Answer
    document: dict[str, Any]


Can = Callable[[Store, PostReview], Sequence[Reviewed]]
"""The posts and appeals of a job that an answer can be about."""


def _waiting(_: Store, review: PostReview) -> Sequence[Reviewed]:
    return review.waits_for


def _rejectable(store: Store, review: PostReview) -> Sequence[Reviewed]:
    return (*stoppable(store, review), *review.appealed)


def _answered(one: Act, request: Request, asked: ApproveAsked, decision: str, can: Can) -> _Answered:
    """Return the job, the answer, and the document that is committed with it. Raises `InvalidInput`."""
    row = job_named(one.store, request.path_params["job"])
    # The token is a person's: nobody decides in another one's name.
    answer = Answer(one.request.holder, asked.destinations, asked.version, request.scope[TOKEN].who)
    review = post_review_of(row, one.served.now())
    chosen = chosen_of(one.store, review, answer, can(one.store, review))
    return _Answered(row, answer, _document(row, answer, decision, chosen))


def _document(row: JobRow, answer: Answer, decision: str, chosen: Sequence[Reviewed]) -> dict[str, Any]:
    return {
        "job": row.id,
        "run": row.run_id,
        "decision": decision,
        "by": answer.by,
        "destinations": [one.destination for one in chosen if one.destination],
        "appeals": [one.subject for one in chosen if isinstance(one, Appealed)],
    }


async def appeal_job(served: Served, request: Request) -> Response:
    """Appeal against what moderation refused of a job. It then waits for a person who may approve.

    Refused with 422 when there is nothing to appeal: the verdict is final, an appeal against it waits or was
    rejected, or moderation refused nothing.
    """

    async def work(one: Act, asked: AppealAsked) -> tuple[Any, HTTPStatus]:
        row, now = job_named(one.store, request.path_params["job"]), one.served.now()
        # The answer is committed with the appeal, so it is made of what will be written.
        made = new_appeal(one.store, row, one.request.holder, asked.because, now, asked.destination)
        document = appeal_as_json(row, made)
        await file_appeal(one.answering(document, HTTPStatus.CREATED), row, made)
        return document, HTTPStatus.CREATED

    return await act(served, request, AppealAsked, work)


async def approve_posts(served: Served, request: Request) -> Response:
    """Approve posts of a job as they were seen. The server posts them.

    Refused with 409 when they were changed since, when somebody else has decided, or when the review is over.
    """

    async def work(one: Act, asked: ApproveAsked) -> tuple[Any, HTTPStatus]:
        said = _answered(one, request, asked, "approved", _waiting)
        await approve(one.answering(said.document), said.row, said.answer, one.served.now())
        return said.document, HTTPStatus.OK

    return await act(served, request, ApproveAsked, work)


async def reject_posts(served: Served, request: Request) -> Response:
    """Reject posts of a job: they are never made. Takes back an approval, as long as nothing was sent."""

    async def work(one: Act, asked: RejectAsked) -> tuple[Any, HTTPStatus]:
        said = _answered(one, request, asked, "rejected", _rejectable)
        await reject(one.answering(said.document), said.row, said.answer, asked.reason, one.served.now())
        return said.document, HTTPStatus.OK

    return await act(served, request, RejectAsked, work)


async def edit_posts(served: Served, request: Request) -> Response:
    """Change the words of a job's posts. An earlier approval is void.

    They are checked against what each network takes before anything is recorded. Moderation sees them, even with
    `approve`.
    """

    async def work(one: Act, asked: EditAsked) -> tuple[Any, HTTPStatus]:
        changes = _changes(request, asked)
        said = _answered(one, request, asked, "edited", stoppable)
        pipeline, store = one.session.pipeline_of(said.row.run_id), one.answering(said.document)
        await edit(store, said.row, pipeline, said.answer, changes, one.served.now(), approve=asked.approve)
        return said.document, HTTPStatus.OK

    return await act(served, request, EditAsked, work)


def _changes(request: Request, asked: EditAsked) -> dict[str, Any]:
    """Return the changes that are asked for. Raises `Problem` for none, and for those that need another scope."""
    # An option of a network can name a file or an address, as the options of a brief can.
    if asked.options and not is_admin(request):
        raise Problem(
            HTTPStatus.FORBIDDEN, "Options of a network need the scope admin.", money=NOTHING,
            hint="Leave them out.", errors=({"pointer": "options", "detail": "it needs the scope admin"},),
        )  # fmt: skip
    words = {name: getattr(asked, name) for name in WORDS if getattr(asked, name) is not None}
    if not words and not asked.options:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "The document changes nothing.", money=NOTHING,
            hint="Say what to change, such as caption.",
        )  # fmt: skip
    return {**asked.options, **words}


async def redo_posts(served: Served, request: Request) -> Response:
    """Make the video of a job in review again with a new render, which may cost money.

    Its posts are reviewed again. Refused once one of its posts is there, or may be.
    """

    async def work(one: Act, asked: RedoAsked) -> tuple[Any, HTTPStatus]:
        row = job_named(one.store, request.path_params["job"])
        answer, now = Answer(one.request.holder, (), asked.version), one.served.now()
        render = new_render_of(one.store, row, answer, now)
        if render.needs_consent and not covers(asked, render.cost):
            needs = {"unknown_cost": True} if render.cost is None else {"cost": str(render.cost)}
            raise not_agreed(render.spends, needs)
        document = _document(row, answer, "redo", post_review_of(row, now).posts)
        await redo(one.answering(document), row, answer, now)
        return document, HTTPStatus.OK

    return await act(served, request, RedoAsked, work)


OPERATIONS = (
    Operation(path="/api/v1/reviews", scope=Scope.READ, answer=list_reviews, query=Paged, returns=Page[Review]),
    Operation(
        path="/api/v1/jobs/{job}/appeal",
        # Who starts jobs may say that one was refused for no good reason. It decides nothing.
        scope=Scope.RUN,
        answer=appeal_job,
        method="POST",
        body=AppealAsked,
        returns=AppealMade,
        status=HTTPStatus.CREATED,
        headers=(KEY_HEADER,),
    ),
    Operation(path="/api/v1/reviews/{job}", scope=Scope.READ, answer=show_review, query=Asked, returns=ReviewStory),
    *(
        Operation(
            path=f"/api/v1/reviews/{{job}}/{name}",
            scope=Scope.APPROVE,
            answer=answer,
            method="POST",
            body=body,
            returns=ReviewDecided,
            headers=(KEY_HEADER,),
        )
        for name, answer, body in (
            ("approve", approve_posts, ApproveAsked),
            ("reject", reject_posts, RejectAsked),
            ("edit", edit_posts, EditAsked),
            ("redo", redo_posts, RedoAsked),
        )
    ),
)
