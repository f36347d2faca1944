"""The network `facebook`: the sign-in, pages, reels and plain videos, and a page of what was posted."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.facebook.handlers import NAME, Facebook, operation
from reelwork_plugins.simulator.networks.meta.asking import handled
from reelwork_plugins.simulator.networks.welcome import account_lines
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"multipart", "form", "json"}),
    errors="graph",
    keys=False,
    # A reel comes in one body.
    largest_body=1 << 30,
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API, the uploads, the sign-in and the pages."""
    network = sim.network = Facebook(sim)
    api, tokens = handled, network.tokens
    v = "/v26.0"
    return service_routes(
        sim,
        _ROW,
        (f"{v}/dialog/oauth", "GET", "authorize", tokens.pages.show),
        (f"{v}/dialog/oauth", "POST", "authorize", tokens.pages.decide),
        (f"{v}/oauth/access_token", "POST", "token", tokens.page_exchange),
        (f"{v}/oauth/access_token", "GET", "token", api(tokens.page_long)),
        (f"{v}/me/accounts", "GET", "account", api(network.accounts)),
        (f"{v}/me", "GET", "account", api(network.me)),
        ("/video-upload/v26.0/{id}", "POST", "upload", api(network.upload)),
        (f"{v}/{{page}}/video_reels", "POST", operation, api(network.reels)),
        (f"{v}/{{page}}/video_reels", "GET", "list", api(network.list_reels)),
        (f"{v}/{{page}}/videos", "POST", operation, api(network.videos)),
        (f"{v}/{{page}}/videos", "GET", "list", api(network.list_videos)),
        (f"{v}/{{id}}/thumbnails", "POST", "thumbnail", api(network.thumbnail)),
        (f"{v}/{{id}}/captions", "POST", "captions", api(network.add_captions)),
        (f"{v}/{{id}}/captions", "GET", "list", api(network.list_captions)),
        (f"{v}/{{id}}", "GET", "processing", api(network.node)),
        (f"{v}/{{id}}", "DELETE", "delete", api(network.delete)),
        ("/media/{id}", "GET", "content", api(network.file)),
        ("/reel/{id}/", "GET", "page", api(network.page)),
        ("/videos/{id}/", "GET", "page", api(network.page)),
        ("/", "GET", "page", api(network.page)),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    return account_lines("Facebook", "facebook", address)
