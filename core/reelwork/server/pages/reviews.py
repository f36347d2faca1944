"""The review of a job's posts, on the job's page: the answers of a person."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelwork.server.access import LINKS, TOKEN
from reelwork.server.api.review_links import address_of
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.forms import form_of
from reelwork.server.pages.rendering import failure, kept, page
from reelwork.server.tokens import Scope
from reelwork.store.records import JobRow
from reelwork.store.tokens import TokenRow
from reelwork.studio.appeals import file_appeal, new_appeal
from reelwork.studio.job_names import find_job
from reelwork.studio.post_edits import edit, redo
from reelwork.studio.post_review import Answer, approve, reject
from reelwork.studio.review_links import found_among, link_to, new_code, revoke
from reelwork_hooks.errors import InvalidInput

WORDS = ("title", "caption", "alt_text")
"""The fields of a post that the page can change."""


async def approve_posts(served: Served, request: Request) -> Response:
    """Approve posts as the page showed them. The engine of this server, or another one, posts them."""
    row, answer, _ = await _answered(served, request)
    await approve(served.store, row, answer, served.now())
    return _back(row, request)


async def reject_posts(served: Served, request: Request) -> Response:
    """Reject posts: they are never made."""
    row, answer, form = await _answered(served, request)
    await reject(served.store, row, answer, form.get("reason", ""), served.now())
    return _back(row, request)


async def edit_posts(served: Served, request: Request) -> Response:
    """Give a post other words, and approve it with them if that was asked for."""
    row, answer, form = await _answered(served, request)
    if served.session is None:
        raise InvalidInput("This server drives no jobs, so it cannot check posts.", money="Nothing was changed.")
    # A form sends line ends as CRLF, which no network expects.
    changes = {name: form[name].replace("\r\n", "\n") for name in WORDS if name in form}
    pipeline, at_once = served.session.pipeline_of(row.run_id), form.get("approve") == "yes"
    await edit(served.store, row, pipeline, answer, changes, served.now(), approve=at_once)
    return _back(row, request)


async def redo_posts(served: Served, request: Request) -> Response:
    """Make the video again, which may be paid for. The page has said so."""
    row, answer, _ = await _answered(served, request)
    await redo(served.store, row, answer, served.now())
    return _back(row, request)


async def appeal_job(served: Served, request: Request) -> Response:
    """Appeal against what moderation refused of a job. A person who may approve decides."""
    form = await form_of(request)
    row, token = find_job(served.store, request.path_params["job"]), request.scope[TOKEN]
    because, destination = form.get("because", ""), form.get("destination") or None
    await file_appeal(
        served.store, row, new_appeal(served.store, row, token.name, because, served.now(), destination)
    )
    return _back(row, request)


async def _answered(served: Served, request: Request) -> tuple[JobRow, Answer, Mapping[str, str]]:
    """Return the job, what the person says about it, and the form. Raises `InvalidInput`."""
    form = await form_of(request)
    if not (version := form.get("version", "")):
        raise InvalidInput("This form does not say which version was shown.", money="Nothing was changed.")
    token: TokenRow = request.scope[TOKEN]
    only = (form["destination"],) if form.get("destination") else ()
    answer = Answer(token.name, only, version, token.who)
    return find_job(served.store, request.path_params["job"]), answer, form


async def link_review(served: Served, request: Request) -> Response:
    """Make a link for somebody outside, and show it: once, since it is kept nowhere."""
    row, answer, form = await _answered(served, request)
    code, now = new_code(), served.now()
    link = link_to(row, form.get("for", ""), answer.approver, code, now, version=answer.version)
    await served.store.add_review_link(link)
    address = f"{address_of(served, request)}{LINKS}{code}"
    # In a thread: what the page's bar shows is read from the store.
    return await run_in_threadpool(
        lambda: page(served, request, "link.html", link=link, address=address, job=row.id)
    )


async def unlink_review(served: Served, request: Request) -> Response:
    """Take a link back: it opens nothing from then on."""
    form = await form_of(request)
    row = find_job(served.store, request.path_params["job"])
    # One of this job alone: the page is of no other.
    link = found_among(served.store.review_links(row.id), form.get("link", ""))
    await revoke(served.store, link.id, served.now())
    return _back(row, request)


def _back(row: JobRow, request: Request) -> Response:
    # See other: reloading the page that follows does not send the form again.
    return RedirectResponse(f"/jobs/{row.id}{kept(request)}", HTTPStatus.SEE_OTHER)


def _button(name: str, answer: object) -> Operation:
    path = f"/jobs/{{job}}/review/{name}"
    return Operation(path=path, scope=Scope.APPROVE, answer=answer, method="POST", fails=failure)  # type: ignore[arg-type]


OPERATIONS = (
    Operation(path="/jobs/{job}/appeal", scope=Scope.RUN, answer=appeal_job, method="POST", fails=failure),
    _button("approve", approve_posts),
    _button("reject", reject_posts),
    _button("edit", edit_posts),
    _button("redo", redo_posts),
    _button("link", link_review),
    _button("unlink", unlink_review),
)
