"""One route of a simulated service: whatever it answers is logged, and faults may strike it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.exchange import answer
from reelwork_plugins.simulator.handlers import Handler
from reelwork_plugins.simulator.simulation import Simulation

Operation = str | Callable[[Request], str]
"""The name of a request for faults and the log, or a function that finds it."""


def service_route(
    sim: Simulation, dialect: Dialect, path: str, methods: list[str], operation: Operation, handler: Handler
) -> Route:
    """Return a route whose requests are answered in this dialect.

    `operation` names them for faults and the log, or finds the name of each: its form is in `request.state.form`.
    """

    async def endpoint(request: Request) -> Response:
        return await answer(sim, dialect, operation, handler, request)

    return Route(path, endpoint, methods=methods)


def service_routes(sim: Simulation, dialect: Dialect, *table: tuple[str, str, Operation, Handler]) -> list[Route]:
    """Return the routes of a service: the path, the method, the operation and the handler of each."""
    return [service_route(sim, dialect, path, [method], name, handle) for path, method, name, handle in table]
