"""The simulator's own routes, below `/_simulator`: the log, the jobs, the posts and the switchboard."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reelwork_hooks import InvalidInput
from reelwork_plugins.simulator.exchange import authorized
from reelwork_plugins.simulator.faults import KINDS
from reelwork_plugins.simulator.json_answer import Json
from reelwork_plugins.simulator.simulation import Simulation


def control_routes(sim: Simulation) -> list[Route]:
    """Return the routes for one simulation. They ask for the same key as the rest."""

    def route(path: str, method: str, act: Callable[[Simulation, Request], Awaitable[Response]]) -> Route:
        async def endpoint(request: Request) -> Response:
            if not authorized(sim, request):
                return _error("give the simulator's --api-key as a bearer token", 401)
            return await act(sim, request)

        return Route(f"/_simulator{path}", endpoint, methods=[method])

    return [
        route("/requests", "GET", _requests),
        route("/requests", "DELETE", _clear),
        route("/jobs", "GET", _jobs),
        route("/posts", "GET", _posts),
        route("/webhooks", "GET", _webhooks),
        route("/faults", "GET", _faults),
        route("/faults", "POST", _set_faults),
        route("/restart", "POST", _restart),
    ]


async def _requests(sim: Simulation, request: Request) -> Response:
    query = request.query_params
    return Json({"requests": sim.log.entries(query.get("path"), query.get("method"))})


async def _clear(sim: Simulation, request: Request) -> Response:
    sim.log.clear()
    return Json({"requests": []})


async def _jobs(sim: Simulation, request: Request) -> Response:
    return Json({"jobs": sim.describe_jobs()})


async def _posts(sim: Simulation, request: Request) -> Response:
    return Json({"posts": sim.network.posts() if sim.network else []})


async def _webhooks(sim: Simulation, request: Request) -> Response:
    return Json({"webhooks": list(sim.courier.attempts) if sim.courier else []})


async def _faults(sim: Simulation, request: Request) -> Response:
    known = [{"kind": kind.name, "operations": kind.operations, "meaning": kind.meaning} for kind in KINDS]
    return Json({"faults": sim.switchboard.describe(), "known": known})


async def _set_faults(sim: Simulation, request: Request) -> Response:
    try:
        specs = json.loads(await request.body())
    except (ValueError, RecursionError):
        specs = None
    if not isinstance(specs, list) or not all(isinstance(spec, str) for spec in specs):
        return _error('send a JSON list of faults, such as ["create:500*3"], or [] for none', 400)
    try:
        sim.switchboard.replace(specs)
    except InvalidInput as error:
        return _error(f"{error.message}. {error.hint}", 400)
    return Json({"faults": sim.switchboard.describe()})


async def _restart(sim: Simulation, request: Request) -> Response:
    sim.restart()
    return Json({"jobs": sim.describe_jobs()})


def _error(message: str, status: int) -> Response:
    return Json({"error": {"message": message}}, status)
