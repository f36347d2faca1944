"""The network `threads`: the sign-in, containers, publishing, and a page of what was posted."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.meta.asking import handled
from reelwork_plugins.simulator.networks.threads.handlers import NAME, Threads
from reelwork_plugins.simulator.networks.welcome import account_lines
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(NAME, bodies=frozenset({"form", "json"}), errors="graph", keys=False, largest_body=1 << 20)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API, the sign-in and the pages."""
    network = sim.network = Threads(sim)
    api, tokens = handled, network.tokens
    v = "/v1.0"
    return service_routes(
        sim,
        _ROW,
        ("/oauth/authorize", "GET", "authorize", tokens.pages.show),
        ("/oauth/authorize", "POST", "authorize", tokens.pages.decide),
        ("/oauth/access_token", "POST", "token", tokens.exchange),
        ("/access_token", "GET", "token", api(tokens.long)),
        ("/refresh_access_token", "GET", "token", api(tokens.renew)),
        (f"{v}/me", "GET", "account", api(network.me)),
        (f"{v}/{{user}}/threads", "POST", "begin", api(network.create)),
        (f"{v}/{{user}}/threads", "GET", "list", api(network.list_posts)),
        (f"{v}/{{user}}/threads_publish", "POST", "publish", api(network.publish)),
        (f"{v}/{{user}}/threads_publishing_limit", "GET", "account", api(network.limit)),
        (f"{v}/{{id}}", "GET", "processing", api(network.node)),
        (f"{v}/{{id}}", "DELETE", "delete", api(network.delete)),
        ("/media/{id}", "GET", "content", api(network.file)),
        ("/@{account}/post/{id}", "GET", "page", api(network.page)),
        ("/", "GET", "page", api(network.page)),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    return account_lines("Threads", "threads", address, beside=", beside a storage that gives addresses")
