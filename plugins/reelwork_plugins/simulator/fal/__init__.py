"""The protocol `fal`: fal's queue, its list of requests and its uploads, all at one address.

As at fal, the queue accepts a request before the model sees it: what is wrong with it, the result says. A result is
kept for an hour; the list has only what has ended. Nothing here is charged.
"""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import OTHERS, Dialect
from reelwork_plugins.simulator.fal import handlers
from reelwork_plugins.simulator.handlers import Handler
from reelwork_plugins.simulator.routes import service_route
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ONE = "/{app:path}/requests/{request_id}"
_ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("/v1/models/requests/by-endpoint", "GET", "list", handlers.list_requests),
    ("/storage/upload/initiate", "POST", "upload", handlers.begin_upload),
    ("/uploads/{name}", "PUT", "upload", handlers.upload),
    ("/uploads/{name}", "GET", "content", handlers.uploaded),
    ("/files/{request_id}/{name}", "GET", "content", handlers.video),
    (f"{_ONE}/status", "GET", "poll", handlers.status),
    (f"{_ONE}/cancel", "PUT", "delete", handlers.cancel),
    (_ONE, "GET", "result", handlers.result),
    ("/{model:path}", "POST", "create", handlers.submit),
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the queue, the list, the uploads and the files."""
    fal = OTHERS["fal"]
    return [
        service_route(sim, fal, path, [method], operation, handle) for path, method, operation, handle in _ROUTES
    ]


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts about fal."""
    return OTHERS["fal"]


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    model = settings.models[0] if settings.models else "fal-ai/veo3.1/lite"
    lines = [
        f"The simulator is ready at {address} (protocol fal). It costs nothing; Ctrl-C stops it.",
        "Point a workflow at it with these lines:",
        "",
        "[provider]",
        'use = "fal"',
        f'base_url = "{address}"',
        f'model = "{model}"',
        "price_per_second = 0  # leave it out to rehearse prices and budgets too",
    ]
    if settings.api_key is not None:
        lines.append('api_key = "env:SIMULATOR_KEY"  # set SIMULATOR_KEY to the --api-key')
    return [*lines, ""]
