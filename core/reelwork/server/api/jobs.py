"""Jobs, runs and receipts, read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from reelwork.errors import NotFound
from reelwork.ids import SHORT
from reelwork.server.api.answering import told
from reelwork.server.api.asking import Asked, query_of
from reelwork.server.api.models import Job, JobStory, Page, Receipt, Run
from reelwork.server.api.paging import Paged, page, place_in, unknown_cursor
from reelwork.server.operations import Operation, Served
from reelwork.server.tokens import Scope
from reelwork.store.reader import SyncReader
from reelwork.store.records import EffectRow, JobRow, RunHead
from reelwork.store.statuses import Status
from reelwork.studio.job_json import story_as_json
from reelwork.studio.job_names import find_job
from reelwork.studio.job_view import view_of, views_of
from reelwork.studio.next_words import Vantage, job_as_json

Pair = Annotated[str, Field(pattern=r'^[^"\\=\x00-\x1f]+=', max_length=1000, examples=["campaign=spring"])]


class JobFilter(Paged):
    """Which jobs are listed."""

    status: tuple[Status, ...] = ()
    """Only jobs of these statuses."""
    run: str | None = None
    """Only jobs of this run."""
    since: AwareDatetime | None = None
    """Only jobs added since then."""
    search: Annotated[str, Field(max_length=1000)] = ""
    """Only jobs with this text in prompt, copy, row or reason."""
    metadata: tuple[Pair, ...] = ()
    """Only jobs with this metadata, each as `KEY=VALUE`."""


class ReceiptFilter(Paged):
    """Which receipts are listed."""

    job: str | None = None
    """Only those of this job."""


def list_jobs(served: Served, request: Request) -> Response:
    """List jobs, newest first."""
    asked = query_of(request, JobFilter)
    store, before = served.store, place_in(asked)
    if before is not None and store.job(before) is None:
        raise unknown_cursor()
    pairs, at = [one.partition("=") for one in asked.metadata], vantage(served)
    rows = store.jobs(
        statuses=tuple(asked.status),
        run_id=asked.run,
        since=None if asked.since is None else asked.since.timestamp(),
        search=asked.search,
        metadata=[(name, value) for name, _, value in pairs],
        before=before,
        limit=asked.limit + 1,
    )

    def shown(some: Sequence[JobRow]) -> list[dict[str, Any]]:
        return [job_as_json(view, at) for view in views_of(store, some, [row.id for row in some])]

    return told(page(rows, asked.limit, lambda row: row.id, shown))


def show_job(served: Served, request: Request) -> Response:
    """Return everything about one job. It is named by its id, or by at least eight characters of its end."""
    query_of(request, Asked)
    return told(story_as_json(served.store, job_named(served.store, request.path_params["job"]), vantage(served)))


def vantage(served: Served) -> Vantage:
    """Return the place of whoever is told by this server what to do next."""
    return Vantage(driven=served.pulse.is_alive)


def job_named(store: SyncReader, name: str) -> JobRow:
    """Return a job by its id, or the end of it. Raises `NotFound`, or `WorkflowInvalid` if several end so."""
    row = store.job(name)
    if row is not None:
        return row
    # A character or two would fit thousands of jobs, and all would be read.
    if len(name) < SHORT:
        raise NotFound("job", name, (), hint="List them: GET /api/v1/jobs")
    return find_job(store, name)


def list_runs(served: Served, request: Request) -> Response:
    """List runs, newest first."""
    asked = query_of(request, Paged)
    before = place_in(asked)
    if before is not None and served.store.run_head(before) is None:
        raise unknown_cursor()
    rows = served.store.runs(before=before, limit=asked.limit + 1)
    return told(page(rows, asked.limit, lambda row: row.id, lambda some: [run_as_json(one) for one in some]))


def show_run(served: Served, request: Request) -> Response:
    """Return one run. Its jobs: `/api/v1/jobs?run=`."""
    query_of(request, Asked)
    name = request.path_params["run"]
    row = served.store.run_head(name)
    if row is None:
        raise NotFound("run", name, (), hint="List them: GET /api/v1/runs")
    return told(run_as_json(row))


def run_as_json(row: RunHead) -> dict[str, Any]:
    """Return a run as programs get it."""
    at = datetime.fromtimestamp(row.created_at, UTC)
    return {"id": row.id, "workflow": row.workflow, "created_at": at.isoformat(), "jobs": dict(row.jobs)}


def list_receipts(served: Served, request: Request) -> Response:
    """List the posts that were made, with their receipts, newest first."""
    asked = query_of(request, ReceiptFilter)
    store, before = served.store, place_in(asked)
    job = None if asked.job is None else job_named(store, asked.job).id
    rows = store.posts(before=before, job_id=job, limit=asked.limit + 1)

    def shown(some: Sequence[EffectRow]) -> list[dict[str, Any]]:
        jobs = {row.id: row for row in store.some([one.job_id for one in some])}
        return [_receipt(one, jobs.get(one.job_id)) for one in some]

    return told(page(rows, asked.limit, lambda row: row.key, shown))


def _receipt(effect: EffectRow, job: JobRow | None) -> dict[str, Any]:
    # The job's is the newer one: the post may have been followed since. A removed job leaves the effect's.
    current = None if job is None else view_of(job).receipts.get(effect.subject)
    sent = None if effect.sent_at is None else datetime.fromtimestamp(effect.sent_at, UTC).isoformat()
    return {
        "job": effect.job_id,
        "run": effect.run_id,
        "destination": effect.subject,
        "id": effect.remote_id,
        "sent_at": sent,
        "receipt": current or json.loads(effect.result) or {},
    }


OPERATIONS = (
    Operation(path="/api/v1/jobs", scope=Scope.READ, answer=list_jobs, query=JobFilter, returns=Page[Job]),
    Operation(path="/api/v1/jobs/{job}", scope=Scope.READ, answer=show_job, query=Asked, returns=JobStory),
    Operation(path="/api/v1/runs", scope=Scope.READ, answer=list_runs, query=Paged, returns=Page[Run]),
    Operation(path="/api/v1/runs/{run}", scope=Scope.READ, answer=show_run, query=Asked, returns=Run),
    Operation(
        path="/api/v1/receipts", scope=Scope.READ, answer=list_receipts, query=ReceiptFilter, returns=Page[Receipt]
    ),
)
