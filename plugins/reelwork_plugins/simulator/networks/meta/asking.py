"""What requests to Meta's networks have in common: the fields they name, and how their answers are altered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.faults import Fault
from reelwork_plugins.simulator.forms import Form
from reelwork_plugins.simulator.handlers import Handler, Reply
from reelwork_plugins.simulator.refusals import Refused
from reelwork_plugins.simulator.simulation import Simulation

Work = Callable[[Simulation, Request, Form], Awaitable[Reply]]


def handled(work: Work) -> Handler:
    """Return a handler for a route."""

    async def handle(sim: Simulation, dialect: Dialect, request: Request, form: Form) -> Reply:
        if "larger" in form.problem:
            raise Refused(413, form.problem, code="-2.2207053")
        return await work(sim, request, form)

    return handle


def asked_fields(request: Request, known: frozenset[str]) -> frozenset[str]:
    """Return the fields that a request names. Raises `Refused`."""
    asked = [one.strip() for one in request.query_params.get("fields", "id").split(",") if one.strip()]
    if unknown := [one for one in asked if one not in known]:
        raise Refused(400, f"(#100) Tried accessing nonexisting field ({unknown[0][:40]})", code="100")
    return frozenset(asked)


def whole_number(text: str | None) -> int | None:
    """Return a number that is written in digits; None for anything else."""
    return int(text[:15]) if text and text.isascii() and text.isdecimal() else None


def here(request: Request) -> str:
    """Return the address at which the network was asked."""
    return f"{request.url.scheme}://{request.url.netloc}"


def unchanged(fault: Fault, payload: Any) -> Any:
    """Return an answer as it is: this fault has nothing to change in it."""
    return payload
