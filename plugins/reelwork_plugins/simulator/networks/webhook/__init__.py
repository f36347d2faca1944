"""The network `webhook`: a receiver of signed posts on this machine, with a page of what it got."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.webhook.handlers import NAME, WebhookReceiver, secret_of
from reelwork_plugins.simulator.networks.webhook.inbox import LARGEST_BODY
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"multipart", "json"}),
    errors="problem",
    # Who sent a request is proven by its signature.
    keys=False,
    largest_body=LARGEST_BODY,
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the receiver and the pages."""
    network = sim.network = WebhookReceiver(sim)
    return service_routes(
        sim,
        _ROW,
        ("/posts", "POST", "publish", network.post),
        ("/posts/{id}", "GET", "ask", network.tell),
        ("/videos/{id}", "GET", "content", network.file),
        ("/shown/{id}", "GET", "page", network.page),
        ("/", "GET", "page", network.page),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    return [
        f"The simulator is ready at {address}, and plays a receiver of webhooks. Nobody sees what is posted; "
        "Ctrl-C stops it.",
        f"Put its secret into a file: echo {secret_of(settings)} > webhook.secret",
        "Point a workflow at it with these lines:",
        "",
        "[plugins]",
        'publish = ["webhook"]',
        "",
        "[plugin.webhook]",
        f'url = "{address}/posts"',
        'secret = "file:webhook.secret"',
        "private = true",
        "repeatable = true",
        f'lookup = "{address}/posts/{{id}}"',
        "",
        f"What was posted: {address}/",
    ]
