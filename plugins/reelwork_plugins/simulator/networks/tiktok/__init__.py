"""The network `tiktok`: its sign-in, posts and drafts that are sent in pieces, and a page of what was posted."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.tiktok.handlers import NAME, Tiktok, handled, operation
from reelwork_plugins.simulator.networks.welcome import account_lines
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"json", "form"}),
    errors="tiktok",
    keys=False,
    # More than the largest piece.
    largest_body=1 << 28,
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API, the uploads, the sign-in and the pages."""
    network = sim.network = Tiktok(sim)
    api, pages = handled, network.pages
    post = "/v2/post/publish"
    return service_routes(
        sim,
        _ROW,
        ("/v2/auth/authorize/", "GET", "authorize", pages.show),
        ("/v2/auth/authorize/", "POST", "authorize", pages.decide),
        ("/v2/oauth/token/", "POST", "token", network.exchange),
        ("/v2/user/info/", "GET", "account", api(network.user)),
        (f"{post}/creator_info/query/", "POST", "account", api(network.creator)),
        (f"{post}/video/init/", "POST", "begin", api(network.begin)),
        (f"{post}/inbox/video/init/", "POST", "begin", api(network.begin_draft)),
        (f"{post}/status/fetch/", "POST", "processing", api(network.status)),
        ("/video/", "PUT", operation, api(network.upload)),
        ("/media/{id}", "GET", "content", api(network.file)),
        ("/@{name}/video/{id}", "GET", "page", api(network.page)),
        ("/", "GET", "page", api(network.page)),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    return account_lines("TikTok", NAME, address, client="client key")
