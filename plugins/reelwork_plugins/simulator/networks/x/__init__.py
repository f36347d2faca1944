"""The network `x`: X's sign-in, uploads in pieces, posts, and a page of what was posted."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.welcome import account_lines
from reelwork_plugins.simulator.networks.x.handlers import NAME, X
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"multipart", "form", "json"}),
    errors="x",
    keys=False,
    # A piece, with the fields beside it.
    largest_body=64 << 20,
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API, the sign-in and the pages."""
    network = sim.network = X(sim)
    api, plain = network.handler, network.sign_in
    upload = "/2/media/upload"
    return service_routes(
        sim,
        _ROW,
        ("/i/oauth2/authorize", "GET", "authorize", plain.show),
        ("/i/oauth2/authorize", "POST", "authorize", plain.decide),
        ("/2/oauth2/token", "POST", "token", plain.exchange),
        ("/2/users/me", "GET", "account", api(network.me)),
        ("/2/users/{id}/tweets", "GET", "list", api(network.list_posts)),
        (f"{upload}/initialize", "POST", "begin", api(network.initialize)),
        (f"{upload}/{{id}}/append", "POST", "upload", api(network.append)),
        (f"{upload}/{{id}}/finalize", "POST", "finish", api(network.finalize)),
        (upload, "GET", "processing", api(network.status)),
        ("/2/media/metadata", "POST", "describe", api(network.describe)),
        ("/2/media/subtitles", "POST", "captions", api(network.subtitles)),
        ("/2/tweets", "POST", "publish", api(network.publish)),
        ("/2/tweets/{id}", "DELETE", "delete", api(network.delete)),
        ("/media/{id}", "GET", "content", api(network.file)),
        ("/{account}/status/{id}", "GET", "page", api(network.page)),
        ("/", "GET", "page", api(network.page)),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    return account_lines("X", "x", address, client="client ID")
