"""Schedules, changed: paused, resumed, fired now, and removed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from reelwork.schedules import keeping
from reelwork.schedules.as_json import as_json, last_fired
from reelwork.schedules.spec import found_in
from reelwork.server.api.acting import KEY_HEADER, Act, act
from reelwork.server.api.answering import told
from reelwork.server.api.asking import Asked, Nothing, query_of
from reelwork.server.api.launches import Agreed, check_agreed
from reelwork.server.api.schedule_models import Fired, Removed, Requeued, ScheduleDone
from reelwork.server.operations import Operation, Served
from reelwork.server.tokens import Scope
from reelwork.store.protocol import Store
from reelwork.store.schedules import Outcome, SlotRow
from reelwork.studio.consent import Consent
from reelwork.studio.firing.firer import Firer
from reelwork.studio.firing.launching import NotAgreed, allowed_by
from reelwork.studio.firing.requeue import requeue, used_rows


class PauseAsked(Asked):
    """A pause that is asked for."""

    note: Annotated[str, Field(max_length=1000)] = ""
    """The reason, for others to read."""
    until: AwareDatetime | None = None
    """When it ends; null until somebody resumes it."""


class FireAsked(Asked):
    """The consent of the caller."""

    agree: Agreed = Agreed()


async def pause_schedule(served: Served, request: Request) -> Response:
    """Pause a schedule: its times within the pause never fire. Jobs that were fired continue."""

    async def work(one: Act, asked: PauseAsked) -> tuple[Any, HTTPStatus]:
        name = _name(one.store, request)
        document = {"schedule": name, "done": "paused"}
        end = None if asked.until is None else asked.until.timestamp()
        await keeping.pause(one.answering(document), name, one.served.now(), until=end, note=asked.note)
        return document, HTTPStatus.OK

    return await act(served, request, PauseAsked, work)


async def resume_schedule(served: Served, request: Request) -> Response:
    """End the pause of a schedule. The times within it are never fired."""

    async def work(one: Act, _: Nothing) -> tuple[Any, HTTPStatus]:
        name = _name(one.store, request)
        document = {"schedule": name, "done": "resumed"}
        await keeping.resume(one.answering(document), name, one.served.now())
        return document, HTTPStatus.OK

    return await act(served, request, Nothing, work)


async def fire_schedule(served: Served, request: Request) -> Response:
    """Fire a schedule now. Its own times stay as they are."""

    async def work(one: Act, asked: FireAsked) -> tuple[Any, HTTPStatus]:
        name = _name(one.store, request)
        earlier = allowed_by(found_in(one.store.schedules(), name).spec.agreed)

        def allow(consent: Consent) -> None:
            try:
                earlier(consent)
            except NotAgreed:
                check_agreed(consent, asked.agree)

        def answering(slot: SlotRow) -> Store:
            return one.answering(_fired(name, slot), HTTPStatus.CREATED, lambda done: done is Outcome.WRITTEN)

        slot = await Firer(one.session).fire_now(name, one.served.now(), allow, answering)
        return _fired(name, slot), HTTPStatus.CREATED

    return await act(served, request, FireAsked, work)


def _fired(name: str, slot: SlotRow) -> dict[str, Any]:
    return {"schedule": name, "key": slot.key, "run": slot.run_id, "row": slot.row}


class RequeueAsked(Asked):
    """The rows that are to be given back."""

    rows: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    """The ids of the rows; without any, all rows whose jobs have failed."""


async def requeue_rows(served: Served, request: Request) -> Response:
    """Give back the rows of a batch file whose jobs failed: the next firings make them again.

    The failed jobs are ended for good. A row stays used as long as its job may still pay or post, and if something
    was paid or posted for it.
    """

    async def work(one: Act, asked: RequeueAsked) -> tuple[Any, HTTPStatus]:
        name = _name(one.store, request)
        found = used_rows(one.store, name, asked.rows)
        document = {"schedule": name, "rows": [row.as_json() for row in found]}
        rows = found if asked.rows else [row for row in found if not row.keeps]
        await requeue(one.store, name, rows, one.answering(document))
        return document, HTTPStatus.OK

    return await act(served, request, RequeueAsked, work)


async def remove_schedule(served: Served, request: Request) -> Response:
    """Remove a schedule. Jobs it has fired continue. Added again, it fires none of that a second time."""
    query_of(request, Asked)
    name = _name(served.store, request)
    before = as_json(found_in(served.store.schedules(), name), served.now(), last_fired(served.store, name))
    await keeping.remove(served.store, name, served.now())
    return told({"removed": before})


def _name(store: Store, request: Request) -> str:
    """Return the schedule that is named. Raises `NotFound`."""
    return found_in(store.schedules(), request.path_params["schedule"]).name


OPERATIONS = (
    Operation(
        path="/api/v1/schedules/{schedule}",
        scope=Scope.ADMIN,
        answer=remove_schedule,
        method="DELETE",
        query=Asked,
        returns=Removed,
    ),
    *(
        Operation(
            path=f"/api/v1/schedules/{{schedule}}/{name}",
            scope=scope,
            answer=answer,
            method="POST",
            body=body,
            returns=returns,
            status=status,
            headers=(KEY_HEADER,),
        )
        for name, scope, answer, body, returns, status in (
            ("pause", Scope.APPROVE, pause_schedule, PauseAsked, ScheduleDone, HTTPStatus.OK),
            ("resume", Scope.APPROVE, resume_schedule, Nothing, ScheduleDone, HTTPStatus.OK),
            ("run-now", Scope.RUN, fire_schedule, FireAsked, Fired, HTTPStatus.CREATED),
            ("requeue", Scope.APPROVE, requeue_rows, RequeueAsked, Requeued, HTTPStatus.OK),
        )
    ),
)
