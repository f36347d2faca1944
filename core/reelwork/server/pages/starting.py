"""The pages by which a person starts a workflow: what to make, what that would cost, and the yes to it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from reelwork.ids import new_id
from reelwork.server import tokens
from reelwork.server.access import TOKEN
from reelwork.server.api.acting import KEY_PATTERN, act_on
from reelwork.server.api.asking import NOTHING, explained
from reelwork.server.api.launches import Agreed, LaunchAsked, RunAsked, launching, planned
from reelwork.server.operations import Operation, Served
from reelwork.server.pages.forms import form_of
from reelwork.server.pages.rendering import bar_of, failure, rendered
from reelwork.server.problems import Problem, status_of
from reelwork.server.tokens import Scope
from reelwork_hooks.errors import ReelworkError

FIELDS = ("prompt", "duration", "title", "caption", "hashtags")
"""The fields of a brief that the form has. Those left empty are as the workflow has them."""
MOST_SHOWN = 20
"""Jobs of a plan that are shown."""


async def show_start(served: Served, request: Request) -> Response:
    """Ask for a workflow of the server's folder and what to make."""
    return await _form(served, request, {"workflow": request.query_params.get("workflow", "")})


async def show_plan(served: Served, request: Request) -> Response:
    """Show what a start would send, publish and cost. Nothing is sent or recorded."""
    form = await form_of(request)
    try:
        plan, consent = await planned(served, request, _asked(form))
    except ReelworkError as error:
        # The form again, with all that was typed.
        return await _form(served, request, form, error)
    return rendered(
        request,
        "plan.html",
        bar=await run_in_threadpool(bar_of, served, request),
        plan=plan,
        shown=plan.jobs[:MOST_SHOWN],
        consent=consent,
        form={name: form.get(name, "") for name in ("workflow", *FIELDS)},
        # One yes starts it once, however often its button is pressed.
        key=new_id(),
    )


async def start_workflow(served: Served, request: Request) -> Response:
    """Start what the person has seen the plan of, at the price that it had there."""
    form = await form_of(request)
    try:
        asked = RunAsked(**_asked(form).model_dump(exclude_unset=True), agree=_agreed(form))
        answer = await act_on(served, request, asked, _key_of(form), launching(served, request))
    except ReelworkError as error:
        return await _form(served, request, form, error)
    jobs = json.loads(bytes(answer.body))["jobs"]
    # See other: reloading the page that follows does not send the form again.
    return RedirectResponse(f"/jobs/{jobs[0]}" if len(jobs) == 1 else "/jobs", HTTPStatus.SEE_OTHER)


def _key_of(form: Mapping[str, str]) -> str:
    """Return the key of the plan that was shown. Raises `Problem` for a form without one."""
    # A key of its own would let a form that is sent twice start twice.
    if not re.match(KEY_PATTERN, key := form.get("key", "")):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "This start belongs to no plan.", money=NOTHING, hint="Look at the plan first."
        )
    return key


async def _form(
    served: Served, request: Request, form: Mapping[str, str], error: ReelworkError | None = None
) -> Response:
    token = request.scope.get(TOKEN)
    return rendered(
        request,
        "start.html",
        HTTPStatus.OK if error is None else status_of(error),
        bar=await run_in_threadpool(bar_of, served, request),
        names=await run_in_threadpool(served.offered.names),
        form=form,
        may_start=token is not None and tokens.allows(token.scopes, Scope.RUN),
        error=error,
    )


def _asked(form: Mapping[str, str]) -> LaunchAsked:
    """Return what a form asks for. Raises `Problem`."""
    given = {name: form[name].strip() for name in FIELDS if form.get(name, "").strip()}
    brief: dict[str, Any] = {name: value for name, value in given.items() if name != "prompt"}
    if "hashtags" in brief:
        brief["hashtags"] = brief["hashtags"].replace(",", " ").split()
    if "duration" in brief:
        brief["duration"] = _number(brief["duration"])
    named: dict[str, Any] = {"workflow": form.get("workflow", ""), "brief": brief}
    named |= {"prompt": given["prompt"]} if "prompt" in given else {}
    try:
        return LaunchAsked(**named)
    except ValidationError as error:
        raise explained(error, LaunchAsked, "pointer") from error


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        # As it stands: the check of the brief says what is wrong with it.
        return text


def _agreed(form: Mapping[str, str]) -> Agreed:
    """Return the yes of the person: to the price and the posts that the plan has shown, and no more."""
    try:
        cost = Decimal(form["cost"]) if form.get("cost") else None
    except InvalidOperation:
        cost = None
    public = tuple(name for name in form.get("public", "").split(",") if name)
    return Agreed(cost=cost, unknown_cost=form.get("unknown_cost") == "1", public=public)


OPERATIONS = (
    Operation(path="/start", scope=Scope.READ, answer=show_start, fails=failure),
    Operation(path="/start/plan", scope=Scope.RUN, answer=show_plan, method="POST", fails=failure),
    Operation(path="/start", scope=Scope.RUN, answer=start_workflow, method="POST", fails=failure),
)
