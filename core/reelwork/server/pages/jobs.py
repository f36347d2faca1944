"""The pages of jobs: the list, one job, and its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from reelwork.ledger.report import Report
from reelwork.money import dollars, to_dollars
from reelwork.server.access import TOKEN
from reelwork.server.job_files import file_of
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.month import post_times
from reelwork.server.pages.rendering import failure, page
from reelwork.server.tokens import Scope, allows
from reelwork.store.frozen import reviewers_in
from reelwork.store.reader import SyncReader
from reelwork.store.records import PAYMENT, EffectRow, EventRow, JobRow
from reelwork.store.statuses import Status
from reelwork.studio.appeals import appealable
from reelwork.studio.job_json import render_of, view_with
from reelwork.studio.job_names import find_job
from reelwork.studio.job_view import JobView, clips_of, views_of
from reelwork.studio.review import review_of, seen
from reelwork.studio.review_history import edits_of
from reelwork.studio.review_view import post_review_of, was_in_review

PAGE = 50
"""Jobs of one page of the list."""
GALLERY_PAGE = 24
KEPT = {"Cache-Control": "private, max-age=60"}
"""A browser asks again and again for parts of a video that it plays."""
LONGEST_SEARCH = 200
"""Characters that are searched for."""


def list_jobs(served: Served, request: Request) -> Response:
    """Show the jobs that the address asks for, newest first."""
    return _listed(served, request, "jobs.html", PAGE)


def gallery(served: Served, request: Request) -> Response:
    """Show the finished videos, newest first."""
    return _listed(served, request, "gallery.html", GALLERY_PAGE, status=Status.DONE)


def _listed(served: Served, request: Request, template: str, size: int, status: str | None = None) -> Response:
    asked, store = request.query_params, served.store
    wanted = asked.get("status", "") if status is None else status
    statuses = (wanted,) if wanted in set(Status) else ()
    search = asked.get("search", "").strip()[:LONGEST_SEARCH]
    before = find_job(store, asked["before"]).id if asked.get("before") else None
    # One more than is shown tells whether there are more, without counting them all.
    rows = store.jobs(
        statuses=statuses, search=search, run_id=asked.get("run") or None, before=before, limit=size + 1
    )
    views = list(views_of(store, rows[:size], [row.id for row in rows[:size]]))
    older = _with(asked, before=views[-1].id) if len(rows) > size else None
    return page(
        served,
        request,
        template,
        views=views,
        older=older,
        newest=None if before is None else _with(asked, before=None),
        statuses=list(Status),
        counts=store.counts(),
        wanted=wanted,
        search=search,
        run=asked.get("run", ""),
    )


def _with(asked: QueryParams, **changes: str | None) -> str:
    """Return the address of the same list with something changed."""
    values = {**dict(asked.items()), **changes}
    return f"?{urlencode({name: value for name, value in values.items() if value})}"


def show_job(served: Served, request: Request) -> Response:
    """Show one job: its video, its story, its money and what comes next."""
    store = served.store
    row = find_job(store, request.path_params["job"])
    # Read once for all sections: in between, another process may have changed them.
    effects = store.effects_of(row.id)
    view, events = view_with(store, row, effects), store.events(row.id)
    # Of the others the row is shown as it was written, also by an older version.
    review = post_review_of(row, served.now()) if was_in_review(view) else None
    return page(
        served,
        request,
        "job.html",
        view=view,
        render=render_of(store, row),
        effects=[_effect(one) for one in effects],
        events=[_event(one) for one in events],
        questions=review_of(store, row).questions,
        review=review,
        reviewers=_reviewers(store, row),
        appealable=appealable(row) if view.appealable and _may_appeal(request) else (),
        links=[]
        if review is None
        else [(link, link.state_at(served.now())) for link in store.review_links(row.id)],
        edited={}
        if review is None
        else {one.destination: edits_of(one.destination, events) for one in review.posts},
        clips=clips_of(view.data),
        times=list(post_times(view.data)),
        brief=_given(view.data["brief"]),
        edits=(view.data.get("prompt") or {}).get("edits", ()),
        posts=view.data.get("posts") or {},
        fates=view.data.get("fates") or (),
    )


def _may_appeal(request: Request) -> bool:
    token = request.scope.get(TOKEN)
    return token is not None and allows(token.scopes, Scope.RUN)


def _reviewers(store: SyncReader, row: JobRow) -> tuple[str, ...]:
    """Return who may approve a job's posts, and what is held of it; empty if everybody who may approve can."""
    # To show. Whether somebody may is asked where an approval is written.
    run = store.run(row.run_id) if row.brand else None
    return () if run is None else reviewers_in(run.frozen)


def _given(brief: Mapping[str, Any]) -> dict[str, str]:
    hidden = ("prompt",)
    given = {name: value for name, value in brief.items() if value not in (None, "", [], {}) and name not in hidden}
    return {name: _text(value) for name, value in given.items()}


def _effect(effect: EffectRow) -> dict[str, Any]:
    amount = effect.charged if effect.charged is not None else effect.reserved
    return {
        "what": f"{effect.subject} is paid" if effect.kind == PAYMENT else f"{effect.kind} to {effect.subject}",
        "state": effect.state,
        "sent": effect.attempt,
        "key": effect.key,
        "money": None if effect.money == "none" else f"{effect.money} {dollars(to_dollars(amount))}",
        "reason": effect.reason,
        "seen": [(name, told) for name, told in seen(Report.of(effect)) if told],
    }


def _event(event: EventRow) -> dict[str, Any]:
    told = {name: _text(value) for name, value in json.loads(event.details).items()}
    details = ", ".join(f"{name} {value}" for name, value in told.items() if value not in ("", "null", "false"))
    return {"at": datetime.fromtimestamp(event.at).astimezone(), "name": event.name, "details": details}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def video(served: Served, request: Request) -> Response:
    """Return a job's video; parts of it where the browser asks for ranges."""
    shape = request.query_params.get("shape")
    at = int(shape) if shape is not None and shape.isdecimal() else None
    return file_of(_view(served, request), "video", at, KEPT)


def thumbnail(served: Served, request: Request) -> Response:
    """Return a job's thumbnail."""
    return file_of(_view(served, request), "thumbnail", None, KEPT)


def _view(served: Served, request: Request) -> JobView:
    row = find_job(served.store, request.path_params["job"])
    return view_with(served.store, row, ())


OPERATIONS = (
    Operation(path="/jobs", scope=Scope.READ, answer=list_jobs, fails=failure),
    Operation(path="/gallery", scope=Scope.READ, answer=gallery, fails=failure),
    Operation(path="/jobs/{job}", scope=Scope.READ, answer=show_job, fails=failure),
    Operation(path="/jobs/{job}/video", scope=Scope.READ, answer=video),
    Operation(path="/jobs/{job}/thumbnail", scope=Scope.READ, answer=thumbnail),
)
