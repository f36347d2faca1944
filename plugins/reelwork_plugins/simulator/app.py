"""The ASGI application: the addresses of each dialect and their handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reelwork_plugins.simulator import handlers
from reelwork_plugins.simulator.access import AccessControl
from reelwork_plugins.simulator.control import control_routes
from reelwork_plugins.simulator.dialects import DIALECTS, Dialect
from reelwork_plugins.simulator.exchange import answer
from reelwork_plugins.simulator.handlers import Handler
from reelwork_plugins.simulator.moderation import moderate
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_app(settings: SimulatorSettings) -> Starlette:
    """Return the simulator as an ASGI application; its `state.simulation` is the simulated service.

    Faults that close connections need the simulator's own server: see `run_simulator`. Raises `InvalidInput`
    when a folder or file of the settings cannot be used.
    """
    sim = Simulation(settings)
    routes = [*control_routes(sim), *_videos(sim, "", DIALECTS[settings.dialect])]
    routes.append(_route(sim, DIALECTS["sora"], "/v1/moderations", ["POST"], "moderation", moderate))
    for dialect in DIALECTS.values():
        routes += _videos(sim, f"/{dialect.name}", dialect)
    routes.append(
        _route(sim, DIALECTS[settings.dialect], "/{rest:path}", _METHODS, "unknown", handlers.unknown_url)
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        sim.start()
        try:
            yield
        finally:
            sim.close()

    access = Middleware(AccessControl, host=settings.host, names=settings.allow_hosts)
    app = Starlette(routes=routes, lifespan=lifespan, middleware=[access])
    app.router.redirect_slashes = False
    app.state.simulation = sim
    return app


def _videos(sim: Simulation, prefix: str, dialect: Dialect) -> list[Route]:
    base, one = f"{prefix}/v1/videos", f"{prefix}/v1/videos/{{video_id}}"
    table: list[tuple[str, str, str, Handler]] = [(base, "POST", "create", handlers.create)]
    if dialect.catalogue:
        table.append((f"{base}/models", "GET", "models", handlers.list_models))
    if dialect.lists:
        table.append((base, "GET", "list", handlers.list_videos))
    table.append((one, "GET", "poll", handlers.retrieve))
    if dialect.deletes:
        table.append((one, "DELETE", "delete", handlers.delete))
    table.append((f"{one}/content", "GET", "content", handlers.content))
    table.append((f"{prefix}/stored/{{video_id}}", "GET", "content", handlers.stored_content))
    if "remix" in dialect.derives:
        table.append((f"{one}/remix", "POST", "create", handlers.remix))
    if "edits" in dialect.derives:
        table.append((f"{base}/edits", "POST", "create", handlers.edit))
    return [_route(sim, dialect, path, [method], operation, handle) for path, method, operation, handle in table]


def _route(
    sim: Simulation, dialect: Dialect, path: str, methods: list[str], operation: str, handler: Handler
) -> Route:
    async def endpoint(request: Request) -> Response:
        return await answer(sim, dialect, operation, handler, request)

    return Route(path, endpoint, methods=methods)
