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


def service_route(
    sim: Simulation,
    dialect: Dialect,
    path: str,
    methods: list[str],
    operation: str | Callable[[Request], str],
    handler: Handler,
) -> Route:
    """Return a route whose requests are answered in this dialect.

    `operation` names them for faults and the log, or finds the name of each: its form is in `request.state.form`.
    """

    async def endpoint(request: Request) -> Response:
        return await answer(sim, dialect, operation, handler, request)

    return Route(path, endpoint, methods=methods)
