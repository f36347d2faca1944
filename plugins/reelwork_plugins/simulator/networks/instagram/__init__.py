"""The network `instagram`: both sign-ins, containers, publishing, and a page of what was posted."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.instagram.handlers import NAME, Instagram
from reelwork_plugins.simulator.networks.meta.asking import handled
from reelwork_plugins.simulator.networks.welcome import account_lines
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"form", "json"}),
    errors="graph",
    keys=False,
    # Instagram takes 300 MB, and refuses more in its own words.
    largest_body=301_000_000,
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API, the uploads, the sign-ins and the pages."""
    network = sim.network = Instagram(sim)
    api, tokens = handled, network.tokens
    v = "/v26.0"
    return service_routes(
        sim,
        _ROW,
        ("/oauth/authorize", "GET", "authorize", tokens.pages.show),
        ("/oauth/authorize", "POST", "authorize", tokens.pages.decide),
        ("/oauth/access_token", "POST", "token", tokens.exchange),
        ("/access_token", "GET", "token", api(tokens.long)),
        ("/refresh_access_token", "GET", "token", api(tokens.renew)),
        (f"{v}/dialog/oauth", "GET", "authorize", tokens.pages.show),
        (f"{v}/dialog/oauth", "POST", "authorize", tokens.pages.decide),
        (f"{v}/oauth/access_token", "POST", "token", tokens.page_exchange),
        (f"{v}/oauth/access_token", "GET", "token", api(tokens.page_long)),
        (f"{v}/me/accounts", "GET", "account", api(network.pages)),
        (f"{v}/me", "GET", "account", api(network.me)),
        ("/ig-api-upload/v26.0/{id}", "POST", "upload", api(network.upload)),
        (f"{v}/{{user}}/media", "POST", "begin", api(network.create)),
        (f"{v}/{{user}}/media", "GET", "list", api(network.list_posts)),
        (f"{v}/{{user}}/media_publish", "POST", "publish", api(network.publish)),
        (f"{v}/{{user}}/content_publishing_limit", "GET", "account", api(network.limit)),
        (f"{v}/{{id}}", "GET", "processing", api(network.node)),
        (f"{v}/{{id}}", "DELETE", "delete", api(network.delete)),
        ("/media/{id}", "GET", "content", api(network.file)),
        ("/reel/{id}/", "GET", "page", api(network.page)),
        ("/", "GET", "page", api(network.page)),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    return account_lines("Instagram", "instagram", address, login="login=facebook")
