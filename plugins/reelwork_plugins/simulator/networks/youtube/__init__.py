"""The network `youtube`: Google's sign-in, resumable uploads, processing, and a page of what was uploaded."""

from __future__ import annotations

from starlette.routing import Route

from reelwork_plugins.simulator.dialects import Dialect
from reelwork_plugins.simulator.networks.welcome import account_lines
from reelwork_plugins.simulator.networks.youtube.handlers import NAME, Youtube, operation
from reelwork_plugins.simulator.routes import service_routes
from reelwork_plugins.simulator.settings import SimulatorSettings
from reelwork_plugins.simulator.simulation import Simulation

_ROW = Dialect(
    NAME,
    bodies=frozenset({"json"}),
    errors="youtube",
    keys=False,
    # The largest piece that the plugin sends.
    largest_body=1 << 30,
)


def routes(sim: Simulation) -> list[Route]:
    """Return the routes of the API, the uploads, the sign-in and the pages."""
    network = sim.network = Youtube(sim)
    api, plain = network.handler, network.sign_in
    upload = "/upload/youtube/v3/videos"
    return service_routes(
        sim,
        _ROW,
        ("/o/oauth2/v2/auth", "GET", "authorize", plain.show),
        ("/o/oauth2/v2/auth", "POST", "authorize", plain.decide),
        ("/token", "POST", "token", plain.exchange),
        (upload, "POST", "begin", api(network.begin)),
        (upload, "PUT", operation, api(network.send)),
        ("/upload/youtube/v3/thumbnails/set", "POST", "thumbnail", api(network.set_thumbnail)),
        ("/upload/youtube/v3/captions", "POST", "captions", api(network.add_captions)),
        ("/youtube/v3/videos", "GET", "processing", api(network.list_videos)),
        ("/youtube/v3/videos", "DELETE", "delete", api(network.delete_video)),
        ("/youtube/v3/channels", "GET", "account", api(network.list_channels)),
        ("/youtube/v3/playlistItems", "GET", "list", api(network.list_items)),
        ("/media/{id}", "GET", "content", api(network.file)),
        ("/vi/{id}", "GET", "content", api(network.file)),
        ("/watch", "GET", "page", api(network.page)),
        ("/", "GET", "page", api(network.page)),
    )


def row(settings: SimulatorSettings) -> Dialect:
    """Return the facts by which unknown addresses are answered."""
    return _ROW


def welcome(settings: SimulatorSettings, address: str, *, fresh_secret: bool) -> list[str]:
    """Return what to tell the person who started it."""
    return account_lines("YouTube", "youtube", address, client="client ID")
