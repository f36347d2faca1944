"""Decisions about jobs: cancel, resume, and try again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from reelwork.server.api.acting import KEY_HEADER, Act, act, not_agreed
from reelwork.server.api.asking import Asked, Nothing
from reelwork.server.api.jobs import job_named
from reelwork.server.api.models import Decided
from reelwork.server.operations import Operation, Served
from reelwork.server.problems import Problem
from reelwork.server.tokens import Scope
from reelwork.store.records import FAILED, HELD, PAID_AGAIN, REJECTED, JobRow
from reelwork.studio import decisions
from reelwork.studio.retry import retry_of

STOP_SECONDS = 10.0
"""Seconds for a provider to answer when it is asked to stop a render."""
Cost = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, max_digits=20)]


class RetryAgreed(Asked):
    """The consent of the caller."""

    cost: Cost | None = None
    """US dollars that a new render may cost, as estimated. Needed where the job pays again."""
    unknown_cost: bool = False
    """Agrees to a new render whose price is not known."""


def _decided(row: JobRow, decision: str) -> dict[str, Any]:
    return {"job": row.id, "run": row.run_id, "decision": decision}


async def cancel_job(served: Served, request: Request) -> Response:
    """End a job for good, and stop its render if the provider can.

    What was sent stays sent: its money stays counted until it is known not to be charged. Nothing that was
    published is taken back.
    """

    async def work(one: Act, _: Nothing) -> tuple[Any, HTTPStatus]:
        row = job_named(one.store, request.path_params["job"])
        document = _decided(row, "cancelled")
        await decisions.cancel(one.answering(document), row)
        # The job has ended, whatever the provider says.
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await one.session.stop_render(row)
        return document, HTTPStatus.OK

    return await act(served, request, Nothing, work)


async def resume_job(served: Served, request: Request) -> Response:
    """Let a failed or held job continue where it stopped. Nothing is paid for or posted twice."""

    async def work(one: Act, _: Nothing) -> tuple[Any, HTTPStatus]:
        row = job_named(one.store, request.path_params["job"])
        if row.status not in (FAILED, HELD):
            raise _conflict(f"The job {row.id} is {row.status}: there is nothing to resume.")
        if row.step == PAID_AGAIN:
            again = f"POST /api/v1/jobs/{row.id}/retry"
            raise _conflict(f"The job {row.id} needs a new render, which is paid for.", again)
        document = _decided(row, "resumed")
        await _wake(one, document, row, row.fence, (FAILED, HELD))
        return document, HTTPStatus.OK

    return await act(served, request, Nothing, work)


async def retry_job(served: Served, request: Request) -> Response:
    """Retry a job that failed, is held or was rejected, even if that pays for a new render.

    What is known to have happened is never done again.
    """

    async def work(one: Act, agreed: RetryAgreed) -> tuple[Any, HTTPStatus]:
        row = job_named(one.store, request.path_params["job"])
        retry = retry_of([row])
        if retry.needs_consent and not covers(agreed, retry.cost):
            needs = {"unknown_cost": True} if retry.cost is None else {"cost": str(retry.cost)}
            raise not_agreed(retry.spends, needs)
        fences = await decisions.make_anew(one.store, [row])
        document = _decided(row, "retried")
        await _wake(one, document, row, fences[row.id], (FAILED, HELD, REJECTED))
        return document, HTTPStatus.OK

    return await act(served, request, RetryAgreed, work)


def covers(agreed: RetryAgreed, cost: Decimal | None) -> bool:
    """Return whether a caller has agreed to what a new render costs."""
    if cost is None:
        return agreed.unknown_cost
    return agreed.cost is not None and cost <= agreed.cost


async def _wake(one: Act, document: Any, row: JobRow, fence: int, statuses: tuple[str, ...]) -> None:
    # By its fence: another person may have decided meanwhile.
    if not await one.answering(document).wake([row.id], statuses, {row.id: fence}):
        raise _conflict(f"The job {row.id} has changed since it was looked at.", f"GET /api/v1/jobs/{row.id}")


def _conflict(message: str, hint: str = "") -> Problem:
    return Problem(HTTPStatus.CONFLICT, message, money="Nothing was changed, and nothing was sent.", hint=hint)


OPERATIONS = tuple(
    Operation(
        path=f"/api/v1/jobs/{{job}}/{name}",
        scope=Scope.APPROVE,
        answer=answer,
        method="POST",
        body=body,
        returns=Decided,
        headers=(KEY_HEADER,),
    )
    for name, answer, body in (
        ("cancel", cancel_job, Nothing),
        ("resume", resume_job, Nothing),
        ("retry", retry_job, RetryAgreed),
    )
)
