"""The buttons of the dashboard: each does what a command does, and leads back to a page that shows it."""

from __future__ import annotations

from http import HTTPStatus
from math import isfinite

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelwork.schedules import keeping
from reelwork.server.access import TOKEN
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.forms import form_of
from reelwork.server.pages.rendering import failure, kept
from reelwork.server.tokens import Scope
from reelwork.store.causes import DealtWith
from reelwork.store.post_stops import brand_scope
from reelwork.store.records import PAID_AGAIN, JobRow
from reelwork.store.statuses import Status
from reelwork.studio.causes import Cause, failures_of
from reelwork.studio.decisions import check_unmoved, make_anew, resolve
from reelwork.studio.job_names import find_job
from reelwork.studio.retry import check_retry
from reelwork.studio.stopping import start, stop
from reelwork_hooks.errors import InvalidInput


async def stop_posts(served: Served, request: Request) -> Response:
    """Let no post leave from now on."""
    note, scope = (await form_of(request)).get("note", ""), _scope(served)
    known = () if scope is None else (scope,)
    await stop(served.store, scope, served.now(), known=known, by=_who(request), note=note)
    return _back("/", request)


async def start_posts(served: Served, request: Request) -> Response:
    """Let posts leave again: all that were stopped."""
    await start(served.store, _scope(served))
    return _back("/", request)


def _scope(served: Served) -> str | None:
    """Return whose posts are stopped and started: all, or those of the brand that the page is about."""
    return brand_scope(served.brand) if served.brand else None


async def deal_with(served: Served, request: Request) -> Response:
    """Note that a person has dealt with what failed for one cause. What fails later is shown again."""
    form = await form_of(request)
    try:
        # The last failure that the page showed: one that came since has been seen by nobody.
        cause, until = form["cause"], float(form["until"])
    except (KeyError, ValueError):
        raise InvalidInput("This form does not say what was dealt with.", money="Nothing was changed.") from None
    if cause not in {one.key for one in failures_of(served.store).open} or not isfinite(until):
        raise InvalidInput("Nothing fails for this cause now.", money="Nothing was changed.")
    now = served.now()
    await served.store.deal_with(DealtWith(cause, min(until, now), now, _who(request)))
    return _back("/", request)


async def resume_failures(served: Served, request: Request) -> Response:
    """Go on with all jobs that failed for one cause, without paying for new renders."""
    cause = await _cause_of(served, request)
    # Those that need a new render are left: each is a payment, and has a button of its own that says so.
    jobs = [job for job in cause.jobs if job.step != PAID_AGAIN]
    await served.store.wake([job.id for job in jobs], (Status.FAILED,), {job.id: job.fence for job in jobs})
    return _back("/", request)


async def _cause_of(served: Served, request: Request) -> Cause:
    """Return the failures that a form is about, as the page showed them. Raises `InvalidInput`."""
    form = await form_of(request)
    cause = next((one for one in failures_of(served.store).open if one.key == form.get("cause")), None)
    if cause is None:
        raise InvalidInput("Nothing fails for this cause now.", money="Nothing was changed.")
    if form.get("until") != str(cause.newest_at):
        raise InvalidInput(
            "More has failed for this cause since the page was shown.",
            money="Nothing was changed.",
            hint="Look at it again.",
        )
    return cause


async def resume_job(served: Served, request: Request) -> Response:
    """Go on with a job, without paying for a new render."""
    row = await _seen(served, request)
    if row.step == PAID_AGAIN:
        raise InvalidInput("This job needs a new render, which is paid for: retry it.", money="Nothing was sent.")
    await served.store.wake([row.id], (Status.FAILED, Status.HELD), {row.id: row.fence})
    return _back(f"/jobs/{row.id}", request)


async def retry_job(served: Served, request: Request) -> Response:
    """Try a job again, which may pay for a new render. The page has said so."""
    row = await _seen(served, request)
    check_retry([row])
    fences = await make_anew(served.store, [row])
    await served.store.wake([row.id], (Status.FAILED, Status.HELD, Status.REJECTED), fences)
    return _back(f"/jobs/{row.id}", request)


async def approve_job(served: Served, request: Request) -> Response:
    """Let pass exactly the content that was held."""
    row = await _seen(served, request)
    await resolve(served.store, row, "approve", by=request.scope[TOKEN].who)
    return _back(f"/jobs/{row.id}", request)


async def reject_job(served: Served, request: Request) -> Response:
    """End a held job for good."""
    row = await _seen(served, request)
    await resolve(served.store, row, "reject", by=request.scope[TOKEN].who)
    return _back(f"/jobs/{row.id}", request)


async def _seen(served: Served, request: Request) -> JobRow:
    """Return the job as the person saw it. Raises `WorkflowInvalid` when it has moved on since."""
    row = find_job(served.store, request.path_params["job"])
    fence = (await form_of(request)).get("fence", "")
    if not fence.isdecimal():
        raise InvalidInput(
            "This form does not say which state of the job it is about.", money="Nothing was changed."
        )
    check_unmoved([row], {row.id: int(fence)})
    return row


async def pause_schedule(served: Served, request: Request) -> Response:
    """Pause a schedule until it is resumed."""
    name, note = request.path_params["schedule"], (await form_of(request)).get("note", "")
    await keeping.pause(served.store, name, served.now(), until=None, note=note)
    return _back(f"/schedules/{name}", request)


async def resume_schedule(served: Served, request: Request) -> Response:
    """End the pause of a schedule. The times within it are never fired."""
    name = request.path_params["schedule"]
    await keeping.resume(served.store, name, served.now())
    return _back(f"/schedules/{name}", request)


def _who(request: Request) -> str:
    return str(request.scope[TOKEN].name)


def _back(address: str, request: Request) -> Response:
    # See other: reloading the page that follows does not send the form again.
    return RedirectResponse(f"{address}{kept(request)}", HTTPStatus.SEE_OTHER)


def _button(path: str, answer: object, scope: Scope = Scope.APPROVE) -> Operation:
    return Operation(path=path, scope=scope, answer=answer, method="POST", fails=failure)  # type: ignore[arg-type]


OPERATIONS = (
    _button("/posts/stop", stop_posts),
    _button("/posts/start", start_posts),
    _button("/failures/dealt-with", deal_with),
    _button("/failures/resume", resume_failures),
    _button("/jobs/{job}/resume", resume_job),
    _button("/jobs/{job}/retry", retry_job),
    _button("/jobs/{job}/approve", approve_job),
    _button("/jobs/{job}/reject", reject_job),
    _button("/schedules/{schedule}/pause", pause_schedule, Scope.ADMIN),
    _button("/schedules/{schedule}/resume", resume_schedule, Scope.ADMIN),
)
