"""The ASGI application: the routes of the protocol that is played, and the simulator's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware

from reelwork_plugins.simulator import handlers
from reelwork_plugins.simulator.access import AccessControl
from reelwork_plugins.simulator.control import control_routes
from reelwork_plugins.simulator.protocols import played
from reelwork_plugins.simulator.routes import service_route
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_app(settings: SimulatorSettings) -> Starlette:
    """Return the simulator as an ASGI application; its `state.simulation` is the simulated service.

    Faults that close connections need the simulator's own server: see `run_simulator`. Raises `InvalidInput`
    when a folder or file of the settings cannot be used.
    """
    sim = Simulation(settings)
    protocol = played(settings)
    routes = [*control_routes(sim), *protocol.routes(sim)]
    routes.append(
        service_route(sim, protocol.row(settings), "/{rest:path}", _METHODS, "unknown", handlers.unknown_url)
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
