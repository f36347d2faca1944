"""The network `linkedin`: its sign-in, uploads in parts, posts of people and of a page."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.linkedin.handlers import NAME, Linkedin, action
from reelwork_plugins.simulator.networks.linkedin.rules import PAGE_NUMBER
from reelwork_plugins.simulator.networks.welcome import account_lines
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"form", "json"}),
    errors="linkedin",
    keys=False,
    largest_body=64 << 20,
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API, the uploads, the sign-in and the pages."""
    network = sim.network = Linkedin(sim)
    api, plain = network.handler, network.sign_in
    return service_routes(
        sim,
        _ROW,
        ("/oauth/v2/authorization", "GET", "authorize", plain.show),
        ("/oauth/v2/authorization", "POST", "authorize", plain.decide),
        ("/oauth/v2/accessToken", "POST", "token", network.exchange),
        ("/v2/userinfo", "GET", "account", api(network.me)),
        ("/rest/organizationAcls", "GET", "account", api(network.roles)),
        ("/rest/organizations/{number}", "GET", "account", api(network.organization)),
        ("/rest/videos", "POST", action, api(network.act)),
        ("/rest/videos/{urn}", "GET", "processing", api(network.status)),
        ("/dms-uploads/{id}/{number}", "PUT", "upload", api(network.upload)),
        ("/rest/posts", "POST", "publish", api(network.publish)),
        ("/rest/posts", "GET", "list", api(network.list_posts)),
        ("/rest/posts/{urn}", "DELETE", "delete", api(network.delete)),
        ("/media/{id}", "GET", "content", api(network.file)),
        ("/feed/update/{urn}/", "GET", "page", api(network.page)),
        ("/", "GET", "page", api(network.page)),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    lines = account_lines("LinkedIn", NAME, address, client="client ID")
    return [*lines[:2], f"To post for the page there, add: --field organization={PAGE_NUMBER}", *lines[2:]]
