"""A schedule that is added: of a workflow of the server's folder, by its name."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from reelwork.errors import NotFound
from reelwork.schedules.as_json import as_json
from reelwork.schedules.spec import schedule_of
from reelwork.server.api.acting import KEY_HEADER, Act, act
from reelwork.server.api.asking import NOTHING, Asked
from reelwork.server.api.launches import Agreed, check_agreed, is_admin
from reelwork.server.api.schedule_models import ScheduleAdded
from reelwork.server.operations import Operation, Served
from reelwork.server.problems import Problem
from reelwork.server.tokens import Scope
from reelwork.studio.firing.adding import Asking, addition, spec_of_file, zone_here

Length = Annotated[str, Field(max_length=40, examples=["6h"])]
"""A length of time, such as `90s`, `10m`, `6h` or `2d`."""
Rule = Annotated[str, Field(max_length=200)]
OWN = frozenset({"name", "workflow", "agree", "change", "today"})
"""What is no setting of the schedule's rule."""


class ScheduleAsked(Asked):
    """A schedule that is asked for. What is left out is as the workflow's `[schedule]` says."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    workflow: str
    """The name of one of the server's workflows."""
    cron: Annotated[str, Field(max_length=200, examples=["0 9 * * 1"])] | None = None
    """Five fields: minute, hour, day of the month, month, day of the week."""
    every: Length | None = None
    at: Annotated[str, Field(max_length=40, examples=["2027-01-05T18:00"])] | None = None
    """One firing, at a local time."""
    publish: Rule | None = None
    """Slots for its posts, such as `fri 18:00`."""
    lead: Length | None = None
    late: Literal["hold", "post", "skip"] | None = None
    tz: Annotated[str, Field(max_length=100, examples=["Europe/Berlin"])] | None = None
    """The zone of the rule; by default that of the server."""
    missed: Literal["once", "all", "skip"] | None = None
    grace: Length | None = None
    overlap: Literal["queue", "skip", "allow"] | None = None
    jitter: Length | None = None
    on_budget: Literal["refuse", "wait"] | None = None
    ping: Annotated[str, Field(max_length=2000)] | None = None
    """The address of a dead man's switch, or a reference to it. It needs the scope `admin`."""
    change: bool = False
    """Changes the schedule of this name, if there is one. That needs the scope `admin`, as removing it does."""
    today: bool = False
    """Lets a changed rule fire today, though the schedule has fired today."""
    agree: Agreed = Agreed()
    """The consent to each firing, where the workflow does not agree itself."""


async def add_schedule(served: Served, request: Request) -> Response:
    """Add a schedule for one of the server's workflows, by the workflow's name.

    Nobody is asked at a firing. So the workflow agrees to what each costs and where it posts, or the caller does. A
    firing that costs more, or posts to other places, is refused.
    """

    async def work(one: Act, asked: ScheduleAsked) -> tuple[Any, HTTPStatus]:
        _check_rights(request, asked)
        _check_new(one, asked)
        folder, now = one.served.offered.folder, one.served.now()
        # By its name alone: nothing that a caller writes becomes a path.
        file = one.served.offered.path(asked.workflow)
        given = asked.model_dump(exclude=set(OWN), exclude_none=True)
        spec = spec_of_file(folder, Path(file.name), None, given, now, zone=zone_here())
        # The store refuses a schedule of another brand as well, should the file change after this.
        if served.brand and spec.brand != served.brand:
            raise NotFound("workflow", asked.workflow, served.offered.names())
        most = None if asked.agree.cost is None else str(asked.agree.cost)
        asking = Asking(lambda consent: check_agreed(consent, asked.agree), most)
        added = await addition(one.session, asked.name, spec, now, asking, today=asked.today)
        document = {**as_json(schedule_of(added.change.row), now, None), "notes": list(added.notes)}
        await added.change.write(one.answering(document, HTTPStatus.CREATED))
        return document, HTTPStatus.CREATED

    return await act(served, request, ScheduleAsked, work)


def _check_rights(request: Request, asked: ScheduleAsked) -> None:
    """Raises `Problem` for an address or a change by somebody who may only start workflows."""
    if is_admin(request):
        return
    for name, wrong, why in (
        ("ping", asked.ping is not None, "The address of a dead man's switch needs the scope admin."),
        ("change", asked.change, "To change a schedule needs the scope admin."),
    ):
        if wrong:
            raise Problem(
                HTTPStatus.FORBIDDEN, why, money=NOTHING, hint="Leave it out.",
                errors=({"pointer": name, "detail": "it needs the scope admin"},),
            )  # fmt: skip


def _check_new(one: Act, asked: ScheduleAsked) -> None:
    """Raises `Problem` for a name that is taken: whoever adds one must not change another's unawares."""
    # Of any brand: names are for all.
    there = (row for row in one.session.store.schedules() if row.removed_at is None)
    if not asked.change and any(row.name == asked.name for row in there):
        raise Problem(
            HTTPStatus.CONFLICT, f"There is a schedule named {asked.name!r}.", money=NOTHING,
            hint='Choose another name, or change it: "change": true.',
        )  # fmt: skip


OPERATIONS = (
    Operation(
        path="/api/v1/schedules",
        scope=Scope.RUN,
        answer=add_schedule,
        method="POST",
        body=ScheduleAsked,
        returns=ScheduleAdded,
        status=HTTPStatus.CREATED,
        headers=(KEY_HEADER,),
    ),
)
